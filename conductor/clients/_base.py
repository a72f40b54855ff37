"""The base class of all clients, and checks of arguments and bodies that the server would silently change or reject."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from inspect import isfunction
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import attrs

from conductor.clients._arguments import check_argument_types
from conductor.errors import ConfigurationError, UnexpectedResponseError
from conductor.migration import missing_attribute
from conductor.models._base import Absent, Model, refuse_unknown_fields, refuse_unknown_values, wire_name
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enums import WireEnum

if TYPE_CHECKING:
    from conductor.models import SearchResult, WorkflowDef
    from conductor.transport.client import Transport
    from conductor.transport.operation import Operation

__all__ = [
    "MAX_WORKFLOW_INPUT_BYTES",
    "Definable",
    "Definition",
    "Resource",
    "as_definition",
    "as_model",
    "as_object",
    "check_page",
    "iterate_pages",
    "require_enum",
    "require_enums",
    "require_ids",
    "require_max_bytes",
    "require_name",
    "require_str_list",
    "size_if_over",
]

M = TypeVar("M", bound=Model)
E = TypeVar("E", bound=WireEnum)
#: Bytes of JSON that the server accepts as a workflow's input.
MAX_WORKFLOW_INPUT_BYTES = 5 * 1024 * 1024
#: Ids in one bulk request; the server rejects more.
_MAX_IDS = 1000
#: A payload with at most this many values, all of them scalars and short, is not measured.
_FEW_VALUES = 100
#: Characters of a short string.
_SHORT_STRING = 10_000


def as_model(value: M | Mapping[str, Any], kind: type[M]) -> M:
    """Return a model that was given as a model or as a dict with JSON names.

    Raises:
        ConfigurationError: The dict does not match the model, has an unknown field, or has an unknown enum value; the
            error contains the path of the field.
    """
    if not isinstance(value, (kind, Mapping)):
        raise ConfigurationError(
            f"Expected a {kind.__name__} or a dict, not {value!r:.80}. Nothing was sent.",
            variable=kind.__name__,
            allowed=f"a {kind.__name__}, or a dict in its wire form",
        )
    try:
        model = value if isinstance(value, kind) else kind.from_dict(value)  # type: ignore[arg-type]
    except UnexpectedResponseError as error:
        raise ConfigurationError(
            f"{error.message} Nothing was sent.",
            variable=error.path_in_body,
            allowed=f"a {kind.__name__}, or a dict in its wire form",
        ) from None
    if isinstance(value, Mapping) and model.is_written_by_hand:  # the server would ignore the fields
        refuse_unknown_fields(value, model)
    refuse_unknown_values(model)
    return model


def as_object(value: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """Return a payload as a dict; an empty one for None.

    Args:
        value: The payload.
        what: The name of the payload, for the error.

    Raises:
        ConfigurationError: The value is not a mapping.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"The {what} must be a dict, not {type(value).__name__}. Nothing was sent.",
            variable=what,
            allowed="a dict",
        )
    return dict(value)


def require_enum(value: E | str | None, kind: type[E], name: str) -> E | None:
    """Return a value as a member of an enum; None for None. The server answers 500 to unknown values.

    Raises:
        ConfigurationError: The value is unknown.
    """
    if value is None:
        return None
    text = value.value if isinstance(value, Enum) else value
    if isinstance(text, str) and (member := kind(text)).is_known:
        return member
    allowed = ", ".join(known.value for known in kind)
    raise ConfigurationError(
        f"{name} is {str(value)!r}; it must be one of {allowed}.", variable=name, value=value, allowed=allowed
    )


def require_enums(value: E | str | Iterable[E | str] | None, kind: type[E], name: str) -> E | list[E] | None:
    """Return one value of an enum, or several as a list; None for None.

    Raises:
        ConfigurationError: A value is unknown.
    """
    if value is None or isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return require_enum(value, kind, name)
    return [member for item in value if (member := require_enum(item, kind, name)) is not None]


def require_name(name: str, what: str) -> str:
    """Return a name that can be part of a URL; the server stores others but cannot address them.

    Args:
        name: The name.
        what: The kind of object, for the error.

    Raises:
        ConfigurationError: The name is empty, ``.`` or ``..``, or contains a slash or backslash.
    """
    if not isinstance(name, str) or not name.strip() or name in {".", ".."} or "/" in name or "\\" in name:
        raise ConfigurationError(
            f"{name!r} is not a valid name for a {what}: the server would store it but could not address it.",
            variable="name",
            value=name,
            allowed="a string without slashes",
        )
    return name


def require_max_bytes(value: Mapping[str, Any] | None, limit: int, what: str) -> dict[str, Any]:
    """Return a payload as plain JSON values.

    Args:
        value: The payload; None for an empty one.
        limit: The size in bytes of JSON that the server accepts.
        what: The name of the payload, for the error.

    Raises:
        ConfigurationError: The payload is larger than ``limit``.
    """
    plain = to_jsonable(as_object(value, what), f"$.{what.rpartition(' ')[2]}")
    if (size := size_if_over(plain, limit)) is not None:
        raise ConfigurationError(
            f"The {what} has {size:,} bytes; the server accepts {limit:,} at most. Store the data elsewhere and pass a "
            "reference to it.",
            variable=what,
            allowed=f"at most {limit} bytes of JSON",
        )
    return dict(plain)


def size_if_over(plain: Mapping[str, Any], limit: int) -> int | None:
    """Return the size of plain values in bytes of JSON if it exceeds ``limit``, else None."""
    return size if _may_exceed(plain) and (size := _size(plain, limit)) > limit else None


def _size(plain: Mapping[str, Any], limit: int) -> int:
    """Return the size in bytes of JSON as the server counts it: without escapes for non-ASCII characters."""
    size = len(dumps(plain))
    if size > limit:
        size = len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    return size


def _may_exceed(plain: Mapping[str, Any]) -> bool:
    """Return whether the size must be computed; it is not for a few short values, as in most payloads."""
    return len(plain) > _FEW_VALUES or any(
        isinstance(v, dict | list) or (isinstance(v, str) and len(v) > _SHORT_STRING) for v in plain.values()
    )


def require_str_list(given: Iterable[str], name: str) -> list[str]:
    """Return strings, such as ids, as a list; reject a single string, which is an iterable of characters.

    Raises:
        ConfigurationError: The value is not an iterable of strings.
    """
    found = None if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable) else list(given)
    if found is None or not all(isinstance(item, str) for item in found):
        raise ConfigurationError(
            f"{name} is {given!r}; it must be a list of strings.",
            variable=name,
            value=given,
            allowed="a list of strings",
        )
    return found


def require_ids(given: Iterable[str], name: str = "workflow_ids") -> list[str]:
    """Return the ids of a bulk operation.

    Raises:
        ConfigurationError: The value is not an iterable of 1 to 1,000 strings.
    """
    ids = require_str_list(given, name)
    if not 1 <= len(ids) <= _MAX_IDS:
        raise ConfigurationError(
            f"A bulk operation takes 1 to {_MAX_IDS:,} ids, not {len(ids):,}.",
            variable=name,
            value=len(ids),
            allowed=f"1 to {_MAX_IDS} ids",
        )
    return ids


@runtime_checkable
class Definable(Protocol):
    """A source of a workflow definition, such as ``conductor.Workflow``."""

    def to_def(self) -> WorkflowDef:
        """Return the definition."""


Definition: TypeAlias = "WorkflowDef | Definable | Mapping[str, Any]"


def as_definition(given: Definition) -> WorkflowDef:
    """Return the definition that was given as a model, a dict with JSON names, or a workflow as code.

    Raises:
        ConfigurationError: The definition is invalid; the error names the path.
    """
    from conductor.models import WorkflowDef, WorkflowTask  # not needed by workers

    if not isinstance(given, WorkflowDef) and isinstance(given, Definable):
        given = given.to_def()
    if not isinstance(given, (WorkflowDef, Mapping)):
        raise ConfigurationError(
            f"Expected a WorkflowDef, a dict or a workflow as code, not {given!r:.80}. Nothing was sent.",
            variable="WorkflowDef",
            allowed="a WorkflowDef, a dict in its wire form, or a workflow as code",
        )
    definition = as_model(given, WorkflowDef)
    for number, task in enumerate(definition.all_tasks(), 1):
        if missing := [wire_name(a) for a in attrs.fields(WorkflowTask) if isinstance(getattr(task, a.name), Absent)]:
            name = task.name or task.task_reference_name
            raise ConfigurationError(
                f"Task {repr(name) if name else number} of workflow {definition.name!r} has no "
                f"{' and no '.join(missing)}. Nothing was sent.",
                variable=missing[0],
                allowed="a string",
            )
    return definition


T = TypeVar("T")


def check_page(start: int, size: int, max_size: int, name: str = "size") -> None:
    """Reject an offset or page size that the server rejects or misinterprets.

    Args:
        start: Offset of the first result; the server treats a negative one as 0, or fails.
        size: Results per page.
        max_size: Largest page that the server returns.
        name: The name of the size argument, for the error.

    Raises:
        ConfigurationError: ``start`` is negative, or ``size`` is not from 1 to ``max_size``.
    """
    if start < 0:
        raise ConfigurationError(
            f"start is {start}; it must be 0 or more.", variable="start", value=start, allowed="0 or more"
        )
    if not 1 <= size <= max_size:
        raise ConfigurationError(
            f"{name} is {size}; it must be from 1 to {max_size:,}.",
            variable=name,
            value=size,
            allowed=f"1 to {max_size}",
        )


def iterate_pages(
    search: Callable[..., SearchResult[T]], *, size: int, start: int = 0, **conditions: Any
) -> Iterator[T]:
    """Yield every result of a search, requesting page by page."""
    while True:
        page = search(start=start, size=size, **conditions)
        yield from page.results
        start += len(page.results)
        if not page.results or start >= page.total_hits:
            return


class Resource:
    """A group of operations on one transport. ``ConductorClient`` creates it; it can also be used alone.

    Every method raises ``APIError`` or a subclass if its request fails: ``APIConnectionError`` without a response,
    ``APIStatusError`` for an error status (``NotFoundError`` for 404), ``UnsupportedByServerError`` if the server does
    not have the operation.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __init_subclass__(cls, *, checks_arguments: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, member in list(vars(cls).items()) if checks_arguments else ():
            if isfunction(member) and not name.startswith("_"):
                setattr(cls, name, check_argument_types(member))

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    def _call(
        self,
        operation: Operation[T],
        path: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> T:
        return self._transport.request(operation, path or {}, query=query, body=body, headers=headers, **options)
