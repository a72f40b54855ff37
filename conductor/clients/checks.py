"""Bodies checked before they are sent, where the server would drop them silently or answer something unhelpful."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from conductor.errors import ConfigurationError
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enums import WireEnum
from conductor.models.wire import Model

__all__ = [
    "LARGEST_TASK_OUTPUT",
    "LARGEST_WORKFLOW_INPUT",
    "as_model",
    "epoch_ms",
    "known",
    "require_ids",
    "sized",
    "whole_seconds",
]

M = TypeVar("M", bound=Model)
E = TypeVar("E", bound=WireEnum)

LARGEST_WORKFLOW_INPUT = 5 * 1024 * 1024
LARGEST_TASK_OUTPUT = 3 * 1024 * 1024
_MOST_IDS = 1000
_FEW, _SHORT = 100, 10_000


def as_model(value: M | Mapping[str, Any], kind: type[M]) -> M:
    """A model, or its wire form as people read it from files."""
    return value if isinstance(value, kind) else kind.from_dict(value)  # type: ignore[arg-type]


def known(value: E | str | None, kind: type[E], name: str) -> E | None:
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


def sized(value: Mapping[str, Any] | None, limit: int, what: str) -> dict[str, Any]:
    """``value`` as plain JSON, refused when it is larger than the server keeps.

    Over 5 MiB of workflow input or 3 MiB of task output a server without external storage takes the request, answers
    200, and drops the payload.
    """
    plain = to_jsonable(dict(value or {}), f"$.{what.rpartition(' ')[2]}")
    if _may_exceed(plain) and (size := len(dumps(plain))) > limit:
        raise ConfigurationError(
            f"The {what} has {size:,} bytes. The server keeps {limit:,} at most and would silently drop it: store it "
            "elsewhere and pass where it is.",
            variable=what,
            allowed=f"at most {limit} bytes of JSON",
        )
    return dict(plain)


def _may_exceed(plain: dict[str, Any]) -> bool:
    """Whether it is worth measuring; most payloads are a few short values."""
    return len(plain) > _FEW or any(
        isinstance(v, dict | list) or (isinstance(v, str) and len(v) > _SHORT) for v in plain.values()
    )


def require_ids(ids: list[str]) -> list[str]:
    """The ids of a bulk call: 1 to 1,000."""
    if not 1 <= len(ids) <= _MOST_IDS:
        raise ConfigurationError(
            f"A bulk call takes 1 to {_MOST_IDS:,} ids, not {len(ids):,}.",
            variable="workflow_ids",
            value=len(ids),
            allowed=f"1 to {_MOST_IDS} ids",
        )
    return ids


def epoch_ms(value: datetime | int | None) -> int | None:
    """A moment as epoch milliseconds; a datetime without a time zone is local time."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def whole_seconds(value: float | timedelta) -> int:
    """A duration in whole seconds, rounded up."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    return int(-(-seconds // 1))
