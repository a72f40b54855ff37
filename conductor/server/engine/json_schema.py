"""Validate a value against a JSON schema: the assertions of drafts 4 to 2020-12. Formats are not checked."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from attrs import define

from conductor.server.engine.context import EngineContext, TerminateWorkflowError
from conductor.server.engine.expressions.jsonpath_filters import MATCHER, Regex
from conductor.server.engine.state import FAILED_WITH_TERMINAL_ERROR, Doc, is_done

Json = dict[str, Any]

#: Maximum depth of references and subschemas: a schema can refer to itself.
_MAX_DEPTH = 100
#: Maximum number of comparisons of a value with a subschema: alternatives can multiply.
_MAX_STEPS = 100_000
#: Maximum number of violations in a message.
_MAX_FAULTS = 10
#: Tolerance by which the quotient of two fractions may differ from an integer.
_ROUNDING = 1e-9
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
}


def schema_faults(schema: Any, value: Any) -> list[str]:
    """Return why a value violates a schema, at most ten reasons; an empty list if it is valid."""
    found: list[str] = []
    try:
        for fault in _Validation(schema).faults(schema, value, "$", 0):
            found.append(fault)
            if len(found) >= _MAX_FAULTS:
                break
    except (TypeError, AttributeError, ValueError, ArithmeticError, re.error, TerminateWorkflowError) as error:
        found.append(f"the schema cannot be evaluated: {error}")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_equal(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal; unlike in Python, true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_is_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_equal, left, right))
    return bool(left == right)


def _contains(pattern: str, text: str) -> bool:
    """Return whether a regular expression matches anywhere in a string."""
    if Regex(pattern, 0).is_simple:
        return re.search(pattern, text) is not None
    return MATCHER.get()(f"(?s:.*?)(?:{pattern})(?s:.*)", 0, text)


@define
class _Validation:
    """Validates values against the parts of one schema, which ``$ref`` refers to."""

    root: Any
    _steps: int = 0

    def faults(self, schema: Any, value: Any, path: str, depth: int) -> Iterator[str]:
        self._steps += 1
        if depth > _MAX_DEPTH or self._steps > _MAX_STEPS:
            raise ValueError("it is nested too deeply or has too many alternatives")
        if schema is True:
            return
        if schema is False:
            yield f"{path}: no value is allowed"
            return
        if not isinstance(schema, dict):
            raise TypeError(f"{schema!r} is not an object")
        if "$ref" in schema:
            yield from self.faults(self._target(schema["$ref"]), value, path, depth + 1)
        yield from self._general(schema, value, path, depth)
        if isinstance(value, dict):
            yield from self._object(schema, value, path, depth)
        elif isinstance(value, list):
            yield from self._list(schema, value, path, depth)
        elif isinstance(value, str):
            yield from _string(schema, value, path)
        elif _is_number(value):
            yield from _number(schema, value, path)

    def _target(self, reference: str) -> Any:
        """Return the part of the schema that a reference such as ``#/$defs/address`` means."""
        found = self.root
        for part in reference.removeprefix("#").split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                raise ValueError(f"it has no {reference!r}")
        if not reference.startswith("#"):
            raise ValueError(f"the reference {reference!r} is outside of the schema")
        return found

    def _is_valid(self, schema: Any, value: Any, depth: int) -> bool:
        return next(self.faults(schema, value, "$", depth + 1), None) is None

    def _general(self, schema: Json, value: Any, path: str, depth: int) -> Iterator[str]:
        kinds = schema.get("type")
        if kinds is not None:
            names = kinds if isinstance(kinds, list) else [kinds]
            if not any(_TYPES.get(name, lambda _: False)(value) for name in names):
                yield f"{path}: must be of type {' or '.join(map(str, names))}"
        if "enum" in schema and not any(_is_equal(value, one) for one in schema["enum"] or ()):
            yield f"{path}: must be one of {schema['enum']}"
        if "const" in schema and not _is_equal(value, schema["const"]):
            yield f"{path}: must be {schema['const']!r}"
        for one in schema.get("allOf") or ():
            yield from self.faults(one, value, path, depth + 1)
        choices = schema.get("anyOf")
        if choices and not any(self._is_valid(one, value, depth) for one in choices):
            yield f"{path}: matches none of the schemas of anyOf"
        choices = schema.get("oneOf")
        if choices and (count := sum(self._is_valid(one, value, depth) for one in choices)) != 1:
            yield f"{path}: must match exactly one of the schemas of oneOf, but matches {count}"
        if "not" in schema and self._is_valid(schema["not"], value, depth):
            yield f"{path}: matches the schema of not"
        if "if" in schema:
            branch = "then" if self._is_valid(schema["if"], value, depth) else "else"
            yield from self.faults(schema.get(branch, True), value, path, depth + 1)

    def _object(self, schema: Json, value: Json, path: str, depth: int) -> Iterator[str]:
        for name in schema.get("required") or ():
            if name not in value:
                yield f"{path}: the required property {name!r} is missing"
        if len(value) < schema.get("minProperties", 0):
            yield f"{path}: must have at least {schema['minProperties']} properties"
        if len(value) > schema.get("maxProperties", len(value)):
            yield f"{path}: must have at most {schema['maxProperties']} properties"
        for name, item in value.items():
            yield from self._property(schema, name, item, path, depth)
        requirements = {
            key: one
            for source in ("dependencies", "dependentRequired", "dependentSchemas")
            for key, one in (schema.get(source) or {}).items()
        }
        for name in requirements.keys() & value.keys():
            one = requirements[name]
            if isinstance(one, list):
                missing = [other for other in one if other not in value]
                yield from (f"{path}: {name!r} requires the property {other!r}" for other in missing)
            else:
                yield from self.faults(one, value, path, depth + 1)

    def _property(self, schema: Json, name: str, item: Any, path: str, depth: int) -> Iterator[str]:
        properties, patterns = schema.get("properties") or {}, schema.get("patternProperties") or {}
        found = [properties[name]] if name in properties else []
        found += [one for pattern, one in patterns.items() if _contains(pattern, name)]
        if not found and schema.get("additionalProperties") is False:
            yield f"{path}: the property {name!r} is not allowed"
        elif not found:
            found = [schema.get("additionalProperties", True)]
        for one in found:
            yield from self.faults(one, item, f"{path}.{name}", depth + 1)
        if "propertyNames" in schema:
            yield from self.faults(schema["propertyNames"], name, f"{path} (name {name!r})", depth + 1)

    def _list(self, schema: Json, value: list[Any], path: str, depth: int) -> Iterator[str]:
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: must have at least {schema['minItems']} items"
        if len(value) > schema.get("maxItems", len(value)):
            yield f"{path}: must have at most {schema['maxItems']} items"
        if schema.get("uniqueItems") and any(
            _is_equal(one, other) for index, one in enumerate(value) for other in value[:index]
        ):
            yield f"{path}: the items must be unique"
        items, first = schema.get("items", True), schema.get("prefixItems") or []
        rest = items
        if isinstance(items, list):  # before draft 2020-12
            first, rest = items, schema.get("additionalItems", True)
        for index, item in enumerate(value):
            one = first[index] if index < len(first) else rest
            yield from self.faults(one, item, f"{path}[{index}]", depth + 1)
        if "contains" in schema:
            count = sum(self._is_valid(schema["contains"], item, depth) for item in value)
            least, most = schema.get("minContains", 1), schema.get("maxContains", len(value))
            if not least <= count <= most:
                yield f"{path}: {count} items match the schema of contains"


def _string(schema: Json, value: str, path: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{path}: must have at least {schema['minLength']} characters"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{path}: must have at most {schema['maxLength']} characters"
    pattern = schema.get("pattern")
    if pattern is not None and not _contains(pattern, value):
        yield f"{path}: must match the pattern {pattern!r}"


def _number(schema: Json, value: float, path: str) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is True:  # draft 4
        low, above = None, low
    if below is True:
        high, below = None, high
    checks: list[tuple[Any, Callable[[Any, Any], bool], str]] = [
        (low, operator.ge, "at least"),
        (high, operator.le, "at most"),
        (above, operator.gt, "greater than"),
        (below, operator.lt, "less than"),
    ]
    for limit, is_within, text in checks:
        if limit is not None and not is_within(value, limit):
            yield f"{path}: must be {text} {limit}"
    step = schema.get("multipleOf")
    if step is not None:
        quotient = value / step
        if abs(quotient - round(quotient)) > _ROUNDING:
            yield f"{path}: must be a multiple of {step}"


#: Key of a task that was refused when it was scheduled.
_REFUSED = "_isRefused"


def fault_of(definition: Json, key: str, value: Any, context: EngineContext) -> str | None:
    """Return why a value violates a schema of a definition; None if it does not, or if the schema is not enforced.

    Args:
        definition: The definition of a task or a workflow.
        key: The schema's key in it: ``inputSchema`` or ``outputSchema``.
        value: The input or output.
        context: The engine's context.
    """
    schema = definition.get(key)
    if not isinstance(schema, dict) or definition.get("enforceSchema") is False:
        return None
    return context.extensions.schema_fault(schema, value)


def with_enforcement(task_def: Json) -> Json:
    """Return a task definition that enforces its schemas, unless it says otherwise."""
    has_schema = any(task_def.get(key) is not None for key in ("inputSchema", "outputSchema"))
    return {**task_def, "enforceSchema": True} if has_schema and task_def.get("enforceSchema") is None else task_def


def refuse_input(task: Doc, context: EngineContext) -> None:
    """Fail a new task whose input violates the schema of its definition."""
    fault = None if is_done(task) else fault_of(_task_def(task), "inputSchema", task["inputData"], context)
    if fault is not None:
        reason = f"Invalid input of the task: {fault}"
        task.update({"status": FAILED_WITH_TERMINAL_ERROR, "reasonForIncompletion": reason, _REFUSED: True})


def is_refused(task: Doc) -> bool:
    """Return whether the input of a task has been refused, so that there is more to decide."""
    return _REFUSED in task


def refuse_output(task: Doc, context: EngineContext) -> None:
    """Fail a completed task whose output violates the schema of its definition."""
    fault = fault_of(_task_def(task), "outputSchema", task["outputData"], context)
    if fault is not None:
        task["status"] = FAILED_WITH_TERMINAL_ERROR
        task["reasonForIncompletion"] = f"Invalid output of the task: {fault}"


def _task_def(task: Doc) -> Json:
    found: Json = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    return found
