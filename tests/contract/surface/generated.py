"""Any values for a schema, by chance but always the same: what a server of this or a later version may send."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from attrs import frozen

from surface.documents import Document, named
from surface.schemas import is_java, properties, required

DEEPEST = 4  # how many schemas a value nests
LETTERS = "aZ09 _-.:/\\\"'{}$\n\t\u00fc\u20ac\u4e2d\U0001f600\u0000\u007f"
BITS = {"int32": 31, "int64": 63, "epoch-ms": 41}
START = datetime(1970, 1, 1, tzinfo=timezone.utc)


def many(
    document: Document, schema: dict[str, Any], count: int, seed: str, *, of_later_versions: bool = True
) -> Iterator[Any]:
    """``count`` values that fit a schema; the first has all its properties."""
    for number in range(count):
        chance = 1.0 if number == 0 else 0.6
        yield Generator(document, Random(f"{seed} {number}"), chance, of_later_versions).value(schema)


@frozen
class Generator:
    """Makes values.

    Attributes:
        document: Where schemas are looked up.
        random: The source of chance.
        chance: How often the outermost object has one of its properties; inner objects have a third of it.
        of_later_versions: Enums have values, and objects properties, that the document does not know.
    """

    document: Document
    random: Random
    chance: float
    of_later_versions: bool = True

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """A value that fits ``schema``."""
        if "$ref" in schema:
            name = named(schema)
            return self._object(self.document.schemas[name], depth + 1, required(name))
        kind = schema.get("type")
        if kind == "array":
            items = schema["items"]
            found = [self.value(items, depth) for _ in self._some(items, depth, schema.get("minItems", 0))]
            is_set = schema.get("uniqueItems", False)
            return [one for place, one in enumerate(found) if not is_set or one not in found[:place]]
        if "enum" in schema:
            return self.random.choice([*schema["enum"], *(["OF_A_LATER_VERSION"] if self.of_later_versions else [])])
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        return self._scalar(kind, schema)

    def _object(self, schema: dict[str, Any], depth: int, always: Collection[str] = ()) -> dict[str, Any]:
        always = {*always, *schema.get("required", ())}
        chance = self.chance if depth < 2 else self.chance / 3
        value = {
            name: self.value(inner, depth)
            for name, inner in properties(schema).items()
            if name in always or (not self._too_deep(inner, depth) and self.random.random() < chance)
        }
        if value.get("name") == "":  # no server lets a thing have an empty name
            value["name"] = self.word()
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            value |= {self.text(): self.value(others, depth) for _ in self._some(others, depth)}
        elif self.of_later_versions and self.random.random() < 0.2:
            value["ofALaterVersion"] = self.anything()
        return value

    def _some(self, schema: dict[str, Any], depth: int, at_least: int = 0) -> range:
        if self._too_deep(schema, depth):
            return range(at_least)
        return range(max(at_least, self.random.randint(0 if depth else 1, 2)))

    def _too_deep(self, schema: dict[str, Any], depth: int) -> bool:
        while "$ref" not in schema:
            deeper = schema.get("items") or schema.get("additionalProperties")
            if not isinstance(deeper, dict):
                return False
            schema = deeper
        return depth >= DEEPEST or is_java(self.document.follow(schema))

    def _scalar(self, kind: str | None, schema: dict[str, Any]) -> Any:
        if kind == "string":
            return self._string(schema)
        if kind == "integer":
            limit = 2 ** BITS.get(schema.get("format", ""), 31)
            low, high = schema.get("minimum", -limit), schema.get("maximum", limit - 1)
            common = [number for number in (0, 1, -1) if low <= number <= high]
            return self.random.choice([*common, low, high, self.random.randint(low, high)])
        if kind == "number":
            return self.random.choice([0, 7, 0.5, -1e-9, 1e300, self.random.uniform(-1e6, 1e6)])
        return self.random.random() < 0.5 if kind == "boolean" else self.anything()

    def _string(self, schema: dict[str, Any]) -> str:
        if schema.get("format") == "date-time":
            moment = START + timedelta(milliseconds=self.random.randrange(2**41))
            return moment.isoformat(timespec="milliseconds")
        text = self.text()
        return text if len(text) >= schema.get("minLength", 0) else self.word()

    def text(self) -> str:
        """Short text with what is seldom in it; empty too."""
        return "".join(self.random.choices(LETTERS, k=self.random.randrange(8)))

    def word(self) -> str:
        """Text as an id is: not empty, on one line, without quotes."""
        return "".join(self.random.choices("abcXYZ0189-_.:", k=self.random.randint(1, 12)))

    def anything(self, depth: int = 0) -> Any:
        """Any JSON value."""
        kinds = [lambda: None, lambda: True, self.text, lambda: self._scalar("integer", {"format": "int64"})]
        kinds.append(lambda: self._scalar("number", {}))
        if depth < 3:
            kinds.append(lambda: [self.anything(depth + 1) for _ in range(self.random.randrange(3))])
            kinds.append(lambda: {self.text(): self.anything(depth + 1) for _ in range(self.random.randrange(3))})
        return self.random.choice(kinds)()


# Read, and on purpose never written: the server would use it instead of the task's type.
NEVER_WRITTEN = {"workflowTaskType"}


def lost(before: Any, after: Any, path: str = "$") -> list[str]:
    """Where a value that was read is not what is written again; what is added does no harm."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            where
            for key, value in before.items()
            if key not in NEVER_WRITTEN
            for where in (lost(value, after[key], f"{path}.{key}") if key in after else [f"{path}.{key} is gone"])
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [where for i, value in enumerate(before) for where in lost(value, after[i], f"{path}[{i}]")]
    same = before == after and isinstance(before, bool) == isinstance(after, bool)
    return [] if same else [f"{path}: {before!r} became {after!r}"]
