"""The pages of the reference that are made from the code: clients, models, settings, options of workers.

What a method sends is read from its code: the ``Operation`` constants that it names, itself or by what it calls.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import attrs
from conductor import ConductorClient, models, settings
from conductor.models.enums import WireEnum
from conductor.transport.operation import Edition, Operation, Repeat
from conductor.worker import options

EDITIONS = {Edition.BOTH: "both", Edition.OSS: "open source", Edition.ORKES: "Orkes"}
INTRODUCTION = """\
Attributes are in snake case; `to_dict` and `from_dict` speak the server's JSON. What a server sends that a model does
not know is kept in `unknown_fields`, and written back. Each model takes its attributes as keyword arguments."""
REPEATS = {
    Repeat.SAFE: "yes",
    Repeat.NEVER: "no",
    Repeat.WITH_KEY: "with an idempotency key",
}


def clients() -> dict[str, type]:
    """The clients by the name of their attribute of ``ConductorClient``."""
    made = ConductorClient(server_url="http://localhost:1")
    names = [
        name
        for name, value in vars(ConductorClient).items()
        if isinstance(value, cached_property)
    ]
    return {name: type(getattr(made, name)) for name in names}


def methods(client: type) -> Iterator[tuple[str, FunctionType]]:
    """A client's public methods, its own and those of what it is made of."""
    for name in sorted(dir(client)):
        value = inspect.getattr_static(client, name)
        if (
            not name.startswith("_")
            and isinstance(value, FunctionType)
            and value.__module__.startswith("conductor.")
        ):
            yield name, value


@cache
def operations(client: type, method: FunctionType) -> list[Operation[Any]]:
    """The operations that a method may send, in the order of its code."""
    found: dict[str, Operation[Any]] = {}
    _collect(client, method, found, set())
    return list(found.values())


def _collect(
    client: type,
    function: FunctionType,
    found: dict[str, Operation[Any]],
    seen: set[object],
) -> None:
    function = inspect.unwrap(
        function
    )  # its globals are those of the module in which it was written
    if function in seen:
        return
    seen.add(function)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        value: Any = None
        if isinstance(node, ast.Name):
            value = function.__globals__.get(node.id)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            value = inspect.getattr_static(client, node.attr, None)
        if isinstance(value, Operation):
            found.setdefault(str(value), value)
        elif isinstance(value, FunctionType) and value.__module__.startswith(
            "conductor.clients."
        ):
            _collect(client, value, found, seen)


def client_page(name: str, client: type) -> str:
    """One client: its methods with what they send, its docstrings, an example."""
    rows = [
        (
            f"`{method}`",
            f"`{operation}`",
            EDITIONS[operation.edition],
            REPEATS[operation.repeat],
        )
        for method, function in methods(client)
        for operation in operations(client, function)
    ]
    return f"""# client.{name}

## Example

```{{literalinclude}} ../../examples/{name}.py
:language: python
```

It prints:

```{{literalinclude}} ../../examples/{name}.txt
:language: text
```

## What its methods send

{table(("method", "operation", "server", "repeated after a lost answer"), rows)}

## Methods

{autoclass(client, "members", "inherited-members")}
"""


def models_page() -> str:
    """Every model with its fields, and every enum with its values."""
    parts = ["# Models", "", INTRODUCTION, ""]
    for name in sorted(models.__all__):
        value = getattr(models, name)
        if inspect.isclass(value) and attrs.has(value):
            documented = attributes(value)
            rows = [
                (
                    f"`{one.name}`",
                    f"`{_type(one)}`",
                    _default(one),
                    documented.get(one.name, ""),
                )
                for one in attrs.fields(value)
                if one.init and one.name != "unknown_fields"
            ]
            parts += [f"## {name}", "", summary(value), ""]
            parts += [table(("attribute", "type", "default", ""), rows), ""]
        elif inspect.isclass(value) and issubclass(value, WireEnum):
            values = ", ".join(f"`{member.value}`" for member in value)
            parts += [f"## {name}", "", summary(value), "", f"Values: {values}", ""]
    return "\n".join(parts)


def settings_page() -> str:
    """Every field of Settings with its variable."""
    documented = attributes(settings.Settings)
    defaults = {
        field.name: _default(field) for field in attrs.fields(settings.Settings)
    }
    rows = [
        (
            f"`{name}`",
            ", ".join(f"`{one}`" for one in variables),
            defaults[name],
            documented[name],
        )
        for name, variables, _ in settings._VARIABLES  # noqa: SLF001  the one place that has them
    ]
    return f"""# Settings

Arguments of `ConductorClient`, and the variables that stand for them. Of two variables
the first one that is set counts.

{table(("argument", "variable", "default", "what it is"), rows)}

`verify` is the opposite of its variable: `CONDUCTOR_TLS_INSECURE=true` switches the check off.

{autoclass(settings.Settings, "members")}
"""


def worker_options_page() -> str:
    """Every option of a worker with its spellings."""
    documented = attributes(options.WorkerOptions)
    spellings_of_others = options._OTHER_SPELLINGS.items()  # noqa: SLF001  as above
    rows = []
    for field in attrs.fields(options.WorkerOptions):
        older = [old for old, new in spellings_of_others if new == field.name]
        spellings = ", ".join(f"`{one.upper()}`" for one in [field.name, *older])
        rows.append(
            (f"`{field.name}`", spellings, _default(field), documented[field.name])
        )
    return f"""# Options of workers

Each is an argument of `@worker_task`, of `Worker` and of `TaskHandler`, and a variable:
`CONDUCTOR_WORKER_<NAME>_<OPTION>` for one task type, `CONDUCTOR_WORKER_ALL_<OPTION>` for all.

{table(("option", "end of the variable", "default", "what it is"), rows)}
"""


def attributes(cls: type) -> dict[str, str]:
    """What the ``Attributes:`` section of a class's docstring says of each."""
    section = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, _, text = line.strip().partition(": ")
            found[name] = text
        elif line.startswith("     ") and name:
            found[name] += " " + line.strip()
        elif line.strip():
            break
    return {name: text.replace("``", "`") for name, text in found.items()}


def summary(cls: type) -> str:
    """A class's docstring up to its sections."""
    text = re.split(
        r"^(?:Attributes|Args|Raises):$",
        inspect.cleandoc(cls.__doc__ or ""),
        flags=re.MULTILINE,
    )[0]
    return text.strip().replace("``", "`")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )


def autoclass(cls: type, *flags: str) -> str:
    """The directive that shows a class's docstrings."""
    lines = [
        f".. autoclass:: {cls.__module__}.{cls.__qualname__}",
        *(f"   :{flag}:" for flag in flags),
    ]
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _type(field: attrs.Attribute[Any]) -> str:
    kind = field.type
    return (
        str(kind) if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    )


def _default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return (
            f"`{field.default.factory.__name__}()`"
            if not field.default.takes_self
            else "computed"
        )
    return f"`{field.default!r}`"


PAGES: dict[str, Callable[[], str]] = {
    "models.md": models_page,
    "settings.md": settings_page,
    "worker-options.md": worker_options_page,
}


def write(folder: Path) -> None:
    """Write every generated page below ``folder``; one that is as it was keeps its time."""
    pages = {name: make() for name, make in PAGES.items()}
    pages |= {
        f"clients/{name}.md": client_page(name, client)
        for name, client in clients().items()
    }
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
