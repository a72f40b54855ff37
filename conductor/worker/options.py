"""A worker's options, and where each comes from.

The order: an argument of ``TaskHandler``, then ``CONDUCTOR_WORKER_<NAME>_<PROPERTY>``, then
``CONDUCTOR_WORKER_ALL_<PROPERTY>``, then the decorator, then the default. An empty variable counts as not set, but for
the domain: there it stands for the queue without one. Each variable may also be written with dots
(``conductor.worker.<name>.<property>``, ``conductor.worker.all.<property>``).
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from conductor._internal.suggestions import did_you_mean, suggest
from conductor._internal.validation import check_int, read_bool, read_int
from conductor.errors import ConfigurationError
from conductor.migration import refuse_keywords

__all__ = ["ResolvedOptions", "WorkerOptions", "refuse_unknown", "resolve", "table"]

logger = logging.getLogger(__name__)

LONGEST_POLL_MS = 5000


def _whole(minimum: int, maximum: int | None = None) -> Callable[[Any, Any, Any], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        check_int(attribute.name, value, minimum=minimum, maximum=maximum)

    return check


def _flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(
            f"{attribute.name} is {value!r}; it must be True or False.",
            variable=attribute.name,
            value=value,
            allowed="True or False",
        )


def _domain(value: str | None) -> str | None:
    return value or None


@frozen
class WorkerOptions:
    """How a worker polls and runs.

    Attributes:
        domain: The task domain; None for the default queue.
        thread_count: How many tasks may run at a time.
        poll_interval_ms: How far apart empty polls begin at least.
        poll_timeout_ms: How long a poll waits on the server at first; an idle worker's polls wait longer.
        worker_id: Whom the server is told; None for the host's name.
        paused: Take no tasks.
        lease_extension: Tell the server of tasks that run longer than 80% of their response timeout.
        max_lease_seconds: For how long at most; None for as long as the task runs.
        register_task_def: Register the task definition at the start.
        overwrite_task_def: Overwrite the definition that the server has; False leaves it alone.
        hand_back: The function may safely run twice: what is unfinished at a shutdown is handed back to the server at
            once, and not left to its response timeout.
    """

    domain: str | None = field(default=None, converter=_domain)
    thread_count: int = field(default=1, validator=_whole(1))
    poll_interval_ms: int = field(default=100, validator=_whole(0))
    poll_timeout_ms: int = field(default=100, validator=_whole(0, LONGEST_POLL_MS))
    worker_id: str | None = None
    paused: bool = field(default=False, validator=_flag)
    lease_extension: bool = field(default=False, validator=_flag)
    max_lease_seconds: int | None = field(default=None, validator=attrs.validators.optional(_whole(1)))
    register_task_def: bool = field(default=False, validator=_flag)
    overwrite_task_def: bool = field(default=True, validator=_flag)
    hand_back: bool = field(default=False, validator=_flag)


_FIELDS = {attribute.name: attribute for attribute in attrs.fields(WorkerOptions)}
_OTHER_SPELLINGS = {
    "poll_interval": "poll_interval_ms",
    "poll_timeout": "poll_timeout_ms",
    "concurrency": "thread_count",
    "lease_extend_enabled": "lease_extension",
}
_SPELLINGS = {**{name: name for name in _FIELDS}, **_OTHER_SPELLINGS}


def refuse_unknown(callee: str, options: Iterable[str]) -> None:
    """Refuse keywords that are not options of a worker.

    Raises:
        TypeError: The keyword is another SDK's; the message names its successor.
        ConfigurationError: The keyword is unknown.
    """
    if unknown := [name for name in options if name not in _FIELDS]:
        refuse_keywords(callee, unknown)
        name, known = unknown[0], ", ".join(_FIELDS)
        raise ConfigurationError(
            f"A worker has no option {name!r}{did_you_mean(name, _FIELDS) or '.'} Options are: {known}.",
            variable=name,
            allowed=known,
        )


@frozen
class ResolvedOptions:
    """Options, and where each came from.

    Attributes:
        options: The options.
        origins: By field: ``default``, ``@worker_task``, ``TaskHandler(...)``, or a variable's name.
    """

    options: WorkerOptions
    origins: Mapping[str, str]


def resolve(
    name: str, declared: Mapping[str, Any], explicit: Mapping[str, Any], environ: Mapping[str, str]
) -> ResolvedOptions:
    """The options of the worker for task ``name``.

    Args:
        name: The task type.
        declared: What the decorator was given.
        explicit: What ``TaskHandler`` was given.
        environ: The environment.

    Raises:
        ConfigurationError: A value cannot be used; it names the variable, the value and what is allowed.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_FIELDS, "default")
    for origin, given in (
        ("@worker_task", declared),
        *_from_environment("all", environ),
        *_from_environment(name, environ),
        ("TaskHandler(...)", explicit),
    ):
        for option, value in given.items():
            values[option] = value
            origins[option] = origin
    values["worker_id"] = values.get("worker_id") or socket.gethostname()
    return ResolvedOptions(WorkerOptions(**values), origins)


def _from_environment(name: str, environ: Mapping[str, str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Each option that the environment gives to ``name``, the ones that win last."""
    upper = {name.upper(), re.sub(r"[^A-Z0-9]", "_", name.upper())}
    dotted = f"conductor.worker.{name.lower() if name == 'all' else name}."
    found: dict[str, tuple[str, Any]] = {}
    for prefix in (dotted, *(f"CONDUCTOR_WORKER_{spelling}_" for spelling in sorted(upper))):
        for variable, text in environ.items():
            if variable.startswith(prefix):
                rest = variable[len(prefix) :].lower()
                option = _SPELLINGS.get(rest)
                if option is None:
                    if name == "all" or not _is_of_longer_name(rest):
                        _warn_of_unknown(variable, rest)
                elif text.strip() or option == "domain":
                    found[option] = (variable, _read(option, variable, text))
    return [(variable, {option: value}) for option, (variable, value) in found.items()]


def _read(option: str, variable: str, text: str) -> Any:
    attribute = _FIELDS[option]
    if "bool" in str(attribute.type):
        return read_bool(variable, text)
    if "int" in str(attribute.type):
        minimum = 1 if option in {"thread_count", "max_lease_seconds"} else 0
        return read_int(
            variable, text, minimum=minimum, maximum=LONGEST_POLL_MS if option == "poll_timeout_ms" else None
        )
    return text.strip() or None


def _is_of_longer_name(rest: str) -> bool:
    """Whether what follows a worker's name ends with an option: so the variable is for a worker with a longer name."""
    return any(rest.endswith((f"_{option}", f".{option}")) for option in _SPELLINGS)


def _warn_of_unknown(variable: str, rest: str) -> None:
    near = suggest(rest, _SPELLINGS)
    hint = f"; did you mean {near.upper()}?" if near else ""
    logger.warning("%s is no option of a worker and is ignored%s", variable, hint)


def table(workers: Sequence[tuple[str, ResolvedOptions]]) -> str:
    """Every worker with each option and where it came from, as text."""
    lines = []
    for name, resolved in workers:
        lines.append(f"  {name}")
        defaults = []
        for option in _FIELDS:
            value, origin = getattr(resolved.options, option), resolved.origins[option]
            if origin == "default":
                defaults.append(f"{option}={value}")
            else:
                lines.append(f"    {option} = {value}  ({origin})")
        lines.append(f"    defaults: {', '.join(defaults)}")
    return "\n".join(lines)
