"""Generate the reference pages of clients, models, settings and worker options from the code.

The operations of a method are read from its source: the ``Operation`` constants that it, or a function it calls, names.
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
Attributes are in snake case; `to_dict` and `from_dict` use the JSON of the server. Fields that a model does not know are
kept in `unknown_fields` and written back. Each model takes its attributes as keyword arguments."""
REPEATS = {
    Repeat.SAFE: "yes",
    Repeat.NEVER: "no",
    Repeat.WITH_KEY: "with an idempotency key",
}


def clients() -> dict[str, type]:
    """Return the clients by the name of their attribute of ``ConductorClient``."""
    made = ConductorClient(server_url="http://localhost:1")
    names = [
        name
        for name, value in vars(ConductorClient).items()
        if isinstance(value, cached_property)
    ]
    return {name: type(getattr(made, name)) for name in names}


def methods(client: type) -> Iterator[tuple[str, FunctionType]]:
    """Iterate over the public methods of a client, including inherited ones."""
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
    """Return the operations that a method can call, in the order of its code."""
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
    """Return the page of a client: an example, its operations and its docstrings."""
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

Output:

```{{literalinclude}} ../../examples/{name}.txt
:language: text
```

## Operations

{table(("method", "operation", "server", "repeated if the response is lost"), rows)}

## Methods

{autoclass(client, "members", "inherited-members")}
"""


def models_page() -> str:
    """Return the page of all models with their fields, and all enums with their values."""
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
    """Return the page of the fields of ``Settings`` with their environment variables."""
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
        for name, variables, _ in settings._VARIABLES  # noqa: SLF001  the only place that has them
    ]
    return f"""# Settings

Arguments of `ConductorClient` and their environment variables. If there are two variables, the first one that is set
takes precedence.

{table(("argument", "variable", "default", "meaning"), rows)}

`verify` is the opposite of its variable: `CONDUCTOR_TLS_INSECURE=true` disables the verification.

{autoclass(settings.Settings, "members")}
"""


def worker_options_page() -> str:
    """Return the page of all options of workers with the names of their variables."""
    documented = attributes(options.WorkerOptions)
    spellings_of_others = options._OTHER_SPELLINGS.items()  # noqa: SLF001  as above
    rows = []
    for field in attrs.fields(options.WorkerOptions):
        older = [old for old, new in spellings_of_others if new == field.name]
        spellings = ", ".join(f"`{one.upper()}`" for one in [field.name, *older])
        rows.append(
            (f"`{field.name}`", spellings, _default(field), documented[field.name])
        )
    definition = [
        (f"`{name}`", text)
        for name, text in attributes(options.DefinitionOptions).items()
    ]
    return f"""# Worker options

Each option is an argument of `@worker_task`, `Worker` and `TaskHandler`, and an environment variable:
`CONDUCTOR_WORKER_<NAME>_<OPTION>` for one task type, `CONDUCTOR_WORKER_ALL_<OPTION>` for all.

{table(("option", "end of the variable's name", "default", "meaning"), rows)}

## Task definition

Each of these is an argument of `@worker_task` and `Worker`. `task_def` and the defaults apply to what is not given.

{table(("option", "meaning"), definition)}
"""


def attributes(cls: type) -> dict[str, str]:
    """Return the descriptions in the ``Attributes:`` section of a class's docstring by attribute."""
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
    """Return the docstring of a class without its sections."""
    text = re.split(
        r"^(?:Attributes|Args|Raises):$",
        inspect.cleandoc(cls.__doc__ or ""),
        flags=re.MULTILINE,
    )[0]
    return text.strip().replace("``", "`")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )


def autoclass(cls: type, *flags: str) -> str:
    """Return the directive that renders the docstrings of a class."""
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
    """Write all generated pages into ``folder``; an unchanged page keeps its modification time."""
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
