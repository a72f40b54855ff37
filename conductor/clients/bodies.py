"""Bodies checked before they are sent, where the server would drop them silently or answer something unhelpful."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import attrs

from conductor.errors import ConfigurationError, UnexpectedResponseError
from conductor.models import EventHandler, StartWorkflowRequest, TaskDef, WorkflowDef, WorkflowSchedule, WorkflowTask
from conductor.models._base import Absent, Model, wire_name
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enum_validation import refuse_unknown_values
from conductor.models.enums import WireEnum
from conductor.models.unknown_fields import refuse_unknown_fields

__all__ = [
    "LARGEST_WORKFLOW_INPUT",
    "Definable",
    "Definition",
    "all_tasks",
    "as_definition",
    "as_model",
    "as_object",
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
LARGEST_WORKFLOW_INPUT = 5 * 1024 * 1024
#: Models that people write as dicts or files, and whose unknown fields the server drops silently.
_DEFINITIONS = (EventHandler, StartWorkflowRequest, TaskDef, WorkflowDef, WorkflowSchedule)
_MOST_IDS = 1000
_FEW, _SHORT = 100, 10_000


def as_model(value: M | Mapping[str, Any], kind: type[M]) -> M:
    """Return a model that was given as such or as a dict in its wire form.

    Raises:
        ConfigurationError: The dict does not fit the model, has an unknown field, or has an enum value that no server
            knows; the error names the path.
    """
    try:
        model = value if isinstance(value, kind) else kind.from_dict(value)  # type: ignore[arg-type]
    except UnexpectedResponseError as error:
        raise ConfigurationError(
            f"{error.message} Nothing was sent.",
            variable=error.path_in_body,
            allowed=f"a {kind.__name__}, or a dict in its wire form",
        ) from None
    if isinstance(value, Mapping) and isinstance(model, _DEFINITIONS):
        refuse_unknown_fields(value, model)
    refuse_unknown_values(model)
    return model


def as_object(value: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """A payload, which is an object on the wire; an empty one for None.

    Raises:
        ConfigurationError: It is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"The {what} is of type {type(value).__name__}; it must be an object, that is a dict. Nothing was sent.",
            variable=what,
            allowed="a dict",
        )
    return dict(value)


def require_enum(value: E | str | None, kind: type[E], name: str) -> E | None:
    """A value of an enum; the server answers 500 to one that it does not know, so that is refused here."""
    if value is None:
        return None
    member = kind(value.value if isinstance(value, Enum) else value)
    if member.is_known:
        return member
    allowed = ", ".join(one.value for one in kind)
    raise ConfigurationError(
        f"{name} is {str(value)!r}; it must be one of {allowed}.", variable=name, value=value, allowed=allowed
    )


def require_enums(value: E | str | Iterable[E | str] | None, kind: type[E], name: str) -> E | list[E] | None:
    """One value of an enum, or several, each known to the server."""
    if value is None or isinstance(value, str):
        return require_enum(value, kind, name)
    return [one for given in value if (one := require_enum(given, kind, name)) is not None]


def require_name(name: str, what: str) -> str:
    """A name under which the server can find again what it stores.

    Raises:
        ConfigurationError: It is empty, is ``.`` or ``..``, or holds a slash or a backslash.
    """
    if not isinstance(name, str) or not name.strip() or name in {".", ".."} or "/" in name or "\\" in name:
        raise ConfigurationError(
            f"{name!r} cannot be the name of a {what}: the server would store it and could not address it again.",
            variable="name",
            value=name,
            allowed="text without slashes",
        )
    return name


def require_max_bytes(value: Mapping[str, Any] | None, limit: int, what: str) -> dict[str, Any]:
    """``value`` as plain JSON, refused when it is larger than the server keeps."""
    plain = to_jsonable(as_object(value, what), f"$.{what.rpartition(' ')[2]}")
    if (size := size_if_over(plain, limit)) is not None:
        raise ConfigurationError(
            f"The {what} has {size:,} bytes. The server keeps {limit:,} at most: store it elsewhere and pass where "
            "it is.",
            variable=what,
            allowed=f"at most {limit} bytes of JSON",
        )
    return dict(plain)


def size_if_over(plain: Mapping[str, Any], limit: int) -> int | None:
    """How many bytes of JSON plain values have, when they are more than ``limit``; else None."""
    return size if _may_exceed(plain) and (size := _size(plain, limit)) > limit else None


def _size(plain: Mapping[str, Any], limit: int) -> int:
    """Bytes of JSON as the server counts them: it writes no escapes for letters, which a writer of ours may do."""
    size = len(dumps(plain))
    if size > limit:
        size = len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    return size


def _may_exceed(plain: Mapping[str, Any]) -> bool:
    """Whether it is worth measuring; most payloads are a few short values."""
    return len(plain) > _FEW or any(
        isinstance(v, dict | list) or (isinstance(v, str) and len(v) > _SHORT) for v in plain.values()
    )


def require_str_list(given: Iterable[str], name: str) -> list[str]:
    """Several texts, such as ids; a single text would be taken for a list of its letters.

    Raises:
        ConfigurationError: It is a single text, or something else that is no list of texts.
    """
    found = None if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable) else list(given)
    if found is None or not all(isinstance(one, str) for one in found):
        raise ConfigurationError(
            f"{name} is {given!r}; it must be a list of strings.",
            variable=name,
            value=given,
            allowed="a list of strings",
        )
    return found


def require_ids(given: Iterable[str], name: str = "workflow_ids") -> list[str]:
    """The ids of a bulk call: 1 to 1,000."""
    ids = require_str_list(given, name)
    if not 1 <= len(ids) <= _MOST_IDS:
        raise ConfigurationError(
            f"A bulk call takes 1 to {_MOST_IDS:,} ids, not {len(ids):,}.",
            variable=name,
            value=len(ids),
            allowed=f"1 to {_MOST_IDS} ids",
        )
    return ids


@runtime_checkable
class Definable(Protocol):
    """What gives a definition: a workflow as code (``conductor.Workflow``)."""

    def to_def(self) -> WorkflowDef:
        """The definition."""


Definition: TypeAlias = "WorkflowDef | Definable | Mapping[str, Any]"


def as_definition(given: Definition) -> WorkflowDef:
    """The definition that is meant by a model, its wire form, or a workflow as code.

    Raises:
        ConfigurationError: It is no definition; the error says where.
    """
    definition = as_model(given.to_def() if isinstance(given, Definable) else given, WorkflowDef)
    for number, task in enumerate(all_tasks(definition.tasks), 1):
        if missing := [wire_name(a) for a in attrs.fields(WorkflowTask) if isinstance(getattr(task, a.name), Absent)]:
            name = task.name or task.task_reference_name
            raise ConfigurationError(
                f"Task {repr(name) if name else number} of workflow {definition.name!r} has no "
                f"{' and no '.join(missing)}. Nothing was sent.",
                variable=missing[0],
                allowed="a text",
            )
    return definition


def all_tasks(tasks: Iterable[WorkflowTask]) -> Iterator[WorkflowTask]:
    """Tasks, and those in their branches, cases and loops."""
    for task in tasks:
        yield task
        for branch in (*(task.decision_cases or {}).values(), *(task.fork_tasks or [])):
            yield from all_tasks(branch)
        yield from all_tasks([*(task.default_case or []), *(task.loop_over or [])])
