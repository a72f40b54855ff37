"""The options of a worker: how it polls and runs, and what its task definition says.

Each polling option is taken from the first of these that gives it: an argument of ``TaskHandler``, the variable
``CONDUCTOR_WORKER_<NAME>_<PROPERTY>``, the variable ``CONDUCTOR_WORKER_ALL_<PROPERTY>``, the decorator, the default.
An empty variable counts as not set, except for the domain, where it means the default queue. Variables can also be
written with dots (``conductor.worker.<name>.<property>``, ``conductor.worker.all.<property>``).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import attrs
from attrs import field, frozen
from typing_extensions import TypedDict

from conductor._internal.durations import to_whole_seconds
from conductor._internal.logs import isolated_logger
from conductor._internal.suggestions import did_you_mean, suggest
from conductor._internal.validation import check_int, read_bool, read_int
from conductor.errors import ConfigurationError
from conductor.migration import refuse_keywords
from conductor.models._base import nearest_field
from conductor.models.enums import RetryLogic, TaskTimeoutPolicy

__all__ = [
    "ChangeableArguments",
    "DefinitionArguments",
    "DefinitionOptions",
    "PollingArguments",
    "ResolvedOptions",
    "WorkerOptions",
    "check_changes",
    "check_options",
    "check_path",
    "process_count",
    "refuse_unknown",
    "resolve",
    "shares_polling",
    "split_options",
    "table",
]

logger = isolated_logger(__name__)

#: Milliseconds: the longest time that a server lets a poll wait.
LONGEST_POLL_MS = 5000
#: Slots of one worker, each with a thread.
_MOST_THREADS = 10_000
#: Processes of one handler.
_MOST_PROCESSES = 1000


def _integer(minimum: int, maximum: int | None = None) -> Callable[[Any, Any, Any], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        check_int(attribute.name, value, minimum=minimum, maximum=maximum)

    return check


def _flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise _refused(attribute.name, value, "True or False")


def _refused(name: str, value: Any, allowed: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is {value!r}; it must be {allowed}.", variable=name, value=value, allowed=allowed
    )


def _string(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise _refused(attribute.name, value, "a string")


def _positive(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise _refused(attribute.name, value, "a number of seconds over 0, or a timedelta")


def _time_limit(value: float | timedelta | None) -> float | None:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _domain(value: str | None) -> str | None:
    return value or None


@frozen
class WorkerOptions:
    """How a worker polls and runs.

    Attributes:
        domain: The task domain; None for the default queue.
        thread_count: Tasks that may run at the same time.
        poll_interval_ms: Milliseconds between the starts of two empty polls, at least.
        poll_timeout_ms: Milliseconds that a poll waits on the server at first; the polls of an idle worker wait longer.
        worker_id: Worker id reported to the server; None for one that no other handler has, made of the host name,
            the process id and a random part. Only with such an id can tasks in lost responses be recovered.
        paused: Take no tasks.
        lease_extension: Extend the lease of tasks that run longer than 80% of their response timeout.
        max_lease_seconds: Seconds for which a lease is extended; None for as long as the task runs.
        register_task_def: Write the task definition to the server at the start.
        overwrite_task_def: Overwrite a definition that the server has; False writes only a missing one.
        hand_back: The function can run twice without harm: at a shutdown, unfinished tasks are returned to the server
            at once instead of being left to their response timeout.
        time_limit_seconds: Seconds, or a ``timedelta``, that the function may run. Past it, ``TaskTimeLimitExceeded``
            is raised inside the function; a coroutine is cancelled. None for no limit.
    """

    domain: str | None = field(default=None, converter=_domain, validator=attrs.validators.optional(_string))
    thread_count: int = field(default=1, validator=_integer(1, _MOST_THREADS))
    poll_interval_ms: int = field(default=100, validator=_integer(0))
    poll_timeout_ms: int = field(default=100, validator=_integer(0, LONGEST_POLL_MS))
    worker_id: str | None = None
    paused: bool = field(default=False, validator=_flag)
    lease_extension: bool = field(default=False, validator=_flag)
    max_lease_seconds: int | None = field(default=None, validator=attrs.validators.optional(_integer(1)))
    register_task_def: bool = field(default=False, validator=_flag)
    overwrite_task_def: bool = field(default=True, validator=_flag)
    hand_back: bool = field(default=False, validator=_flag)
    time_limit_seconds: float | None = field(
        default=None,
        converter=_time_limit,
        validator=attrs.validators.optional(_positive),
    )


class ChangeableArguments(TypedDict, total=False):
    """The options that can change while a worker runs."""

    thread_count: int
    poll_interval_ms: int
    poll_timeout_ms: int
    paused: bool


class PollingArguments(ChangeableArguments, total=False):
    """The arguments of ``WorkerOptions``."""

    domain: str | None
    worker_id: str | None
    lease_extension: bool
    max_lease_seconds: int | None
    register_task_def: bool
    overwrite_task_def: bool
    hand_back: bool
    time_limit_seconds: float | timedelta | None


def _number(minimum: int = 0) -> Any:
    return field(default=None, validator=attrs.validators.optional(_integer(minimum)))


def _seconds(name: str, minimum: int = 0) -> Any:
    def convert(value: Any) -> Any:
        return to_whole_seconds(value, name) if isinstance(value, timedelta) else value

    def check(_: Any, __: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise _refused(name, value, f"an integer number of seconds from {minimum}, or a timedelta")

    return field(default=None, converter=convert, validator=attrs.validators.optional(check))


def _word(kind: type[RetryLogic | TaskTimeoutPolicy]) -> Any:
    words = [one.value for one in kind]

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in words:
            hint = did_you_mean(value, words, threshold=0.5) if isinstance(value, str) else ""
            allowed = f"one of {', '.join(words)}"
            raise ConfigurationError(
                f"{attribute.name} is {value!r}; it must be {allowed}{hint or '.'}",
                variable=attribute.name,
                value=value,
                allowed=allowed,
            )

    def convert(value: Any) -> Any:
        return kind(value) if value in words else value

    return field(default=None, converter=convert, validator=attrs.validators.optional(check))


@frozen
class DefinitionOptions:
    """What a worker's task definition says; None leaves a field to ``task_def`` and the defaults.

    Attributes:
        description: What the task does; the default is the function's docstring.
        owner_email: The owner's address, which some servers require.
        retry_count: Attempts after the first one.
        retry_delay_seconds: Seconds, or a ``timedelta``, between two attempts.
        retry_logic: How the delay grows: ``FIXED``, ``LINEAR_BACKOFF`` or ``EXPONENTIAL_BACKOFF``.
        backoff_scale_factor: Multiplies the delay with ``LINEAR_BACKOFF``, from 1.
        max_retry_delay_seconds: Seconds, or a ``timedelta``, that a growing delay does not exceed; 0 for no limit.
            The open-source server only.
        backoff_jitter_ms: Milliseconds: the most that the server adds to a delay at random. The open-source server
            only.
        timeout_seconds: Seconds, or a ``timedelta``, that one attempt may take with all its polls; 0 for no limit.
        timeout_policy: What happens then: ``RETRY``, ``TIME_OUT_WF`` (the workflow times out) or ``ALERT_ONLY``.
        response_timeout_seconds: Seconds, or a ``timedelta``, after which a task without an update is given to another
            worker, from 1.
        poll_timeout_seconds: Seconds, or a ``timedelta``, that a task may wait for a worker; 0 for no limit.
        total_timeout_seconds: Seconds, or a ``timedelta``, over all attempts; 0 for no limit.
        concurrent_exec_limit: Tasks of this type that may run at the same time on all workers; 0 for no limit.
        rate_limit_per_frequency: Tasks of this type that may start in a window; 0 for no limit.
        rate_limit_frequency_in_seconds: Seconds, or a ``timedelta``: the length of the window.
    """

    description: str | None = field(default=None, validator=attrs.validators.optional(_string))
    owner_email: str | None = field(default=None, validator=attrs.validators.optional(_string))
    retry_count: int | None = _number()
    retry_delay_seconds: int | None = _seconds("retry_delay_seconds")
    retry_logic: RetryLogic | None = _word(RetryLogic)  # noqa: RUF009  it returns attrs.field()
    backoff_scale_factor: int | None = _number(1)
    max_retry_delay_seconds: int | None = _seconds("max_retry_delay_seconds")
    backoff_jitter_ms: int | None = _number()
    timeout_seconds: int | None = _seconds("timeout_seconds")
    timeout_policy: TaskTimeoutPolicy | None = _word(TaskTimeoutPolicy)  # noqa: RUF009  the same
    response_timeout_seconds: int | None = _seconds("response_timeout_seconds", minimum=1)
    poll_timeout_seconds: int | None = _seconds("poll_timeout_seconds")
    total_timeout_seconds: int | None = _seconds("total_timeout_seconds")
    concurrent_exec_limit: int | None = _number()
    rate_limit_per_frequency: int | None = _number()
    rate_limit_frequency_in_seconds: int | None = _seconds("rate_limit_frequency_in_seconds")

    def given(self) -> dict[str, Any]:
        """Return the options that were given, by attribute of ``TaskDef``."""
        return attrs.asdict(self, filter=lambda _, value: value is not None)


class DefinitionArguments(TypedDict, total=False):
    """The arguments of ``DefinitionOptions``."""

    description: str
    owner_email: str
    retry_count: int
    retry_delay_seconds: int | timedelta
    retry_logic: RetryLogic | Literal["FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"]
    backoff_scale_factor: int
    max_retry_delay_seconds: int | timedelta
    backoff_jitter_ms: int
    timeout_seconds: int | timedelta
    timeout_policy: TaskTimeoutPolicy | Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]
    response_timeout_seconds: int | timedelta
    poll_timeout_seconds: int | timedelta
    total_timeout_seconds: int | timedelta
    concurrent_exec_limit: int
    rate_limit_per_frequency: int
    rate_limit_frequency_in_seconds: int | timedelta


_FIELDS = {attribute.name: attribute for attribute in attrs.fields(WorkerOptions)}
_DEFINITION_FIELDS = tuple(attribute.name for attribute in attrs.fields(DefinitionOptions))


def refuse_unknown(callee: str, options: Iterable[str], further: Iterable[str] = ()) -> None:
    """Refuse keywords that are not options of a worker.

    Args:
        callee: What takes the keywords.
        options: The keywords.
        further: What ``callee`` takes in addition.

    Raises:
        TypeError: The keyword is another SDK's; the message names its successor.
        ConfigurationError: The keyword is unknown.
    """
    known = (*_FIELDS, *_DEFINITION_FIELDS, *further)
    if unknown := [name for name in options if name not in known]:
        refuse_keywords(callee, unknown)
        name, near = unknown[0], nearest_field(unknown[0], known)
        hint = f"; did you mean {near!r}?" if near else f". Options are: {', '.join(known)}."
        raise ConfigurationError(
            f"A worker has no option {name!r}{hint}", variable=name, allowed=near or ", ".join(known)
        )


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], DefinitionOptions]:
    """Check the options of a worker, and separate those that form its task definition.

    Returns:
        The polling options as they were given, and the options of the task definition.

    Raises:
        ConfigurationError: An option is unknown or has an invalid value.
    """
    refuse_unknown("Worker", options)
    polling = {name: value for name, value in options.items() if name in _FIELDS}
    WorkerOptions(**polling)
    return polling, DefinitionOptions(**{name: value for name, value in options.items() if name not in _FIELDS})


_OTHER_SPELLINGS = {
    "poll_interval": "poll_interval_ms",
    "poll_timeout": "poll_timeout_ms",
    "concurrency": "thread_count",
    "lease_extend_enabled": "lease_extension",
}
_SPELLINGS = {**{name: name for name in _FIELDS}, **_OTHER_SPELLINGS}


@frozen
class ResolvedOptions:
    """The polling options of a worker, and where each came from.

    Attributes:
        options: The options.
        origins: The origin of each option: ``default``, ``@worker_task``, ``TaskHandler(...)``, or a variable's name.
    """

    options: WorkerOptions
    origins: Mapping[str, str]


def resolve(
    name: str, declared: Mapping[str, Any], explicit: Mapping[str, Any], environ: Mapping[str, str]
) -> ResolvedOptions:
    """Return the polling options of the worker for task ``name``.

    Args:
        name: The task type.
        declared: The arguments of the decorator.
        explicit: The arguments of ``TaskHandler``.
        environ: The environment.

    Raises:
        ConfigurationError: A value is invalid; the error names the variable, the value and what is allowed.
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
    values["worker_id"] = values.get("worker_id") or None
    return ResolvedOptions(WorkerOptions(**values), origins)


def _from_environment(name: str, environ: Mapping[str, str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Return the options that the environment gives to ``name``; a later one overrides an earlier one."""
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
        maximum = {"poll_timeout_ms": LONGEST_POLL_MS, "thread_count": _MOST_THREADS}.get(option)
        return read_int(variable, text, minimum=minimum, maximum=maximum)
    if "float" in str(attribute.type):
        return _read_seconds(variable, text)
    return text.strip() or None


def _read_seconds(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _refused(variable, text, "a number of seconds") from None


def _is_of_longer_name(rest: str) -> bool:
    """Whether the variable is for a worker with a longer name: what follows the name ends with an option."""
    return any(rest.endswith((f"_{option}", f".{option}")) for option in _SPELLINGS)


def _warn_of_unknown(variable: str, rest: str) -> None:
    near = suggest(rest, _SPELLINGS)
    hint = f"; did you mean {near.upper()}?" if near else ""
    logger.warning("%s is ignored: workers have no such option%s", variable, hint)


def table(workers: Sequence[tuple[str, ResolvedOptions]]) -> str:
    """Return every worker with each option and where it came from, as text."""
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


def process_count(given: int | None, environ: Mapping[str, str]) -> int:
    """Return the number of processes: the argument, else CONDUCTOR_PROCESSES, else one.

    Raises:
        ConfigurationError: It is not an integer of at least 1.
    """
    if given is not None:
        return read_int("processes", given, minimum=1, maximum=_MOST_PROCESSES)
    said = environ.get("CONDUCTOR_PROCESSES", "").strip()
    return read_int("CONDUCTOR_PROCESSES", said, minimum=1, maximum=_MOST_PROCESSES) if said else 1


def shares_polling(given: bool | None, environ: Mapping[str, str]) -> bool:
    """Return whether a few threads poll for all workers: the argument, else CONDUCTOR_SHARED_POLLING, else False.

    Raises:
        ConfigurationError: It is not a bool.
    """
    if given is not None:
        if not isinstance(given, bool):
            raise _refused("shared_polling", given, "True or False")
        return given
    said = environ.get("CONDUCTOR_SHARED_POLLING", "").strip()
    return read_bool("CONDUCTOR_SHARED_POLLING", said) if said else False


def check_options(options: dict[str, Any], max_concurrency: int | None) -> None:
    """Check the options of a handler.

    Raises:
        TypeError: An option is unknown.
        ConfigurationError: A value is invalid.
    """
    if unknown := sorted(options.keys() - _FIELDS.keys()):
        refuse_keywords("TaskHandler", options)
        raise TypeError(f"TaskHandler() has no option {', '.join(unknown)}; options are: {', '.join(sorted(_FIELDS))}")
    WorkerOptions(**options)
    if max_concurrency is not None:
        check_int("max_concurrency", max_concurrency, minimum=1)


def check_changes(changes: Mapping[str, Any]) -> None:
    """Check that options may change while a worker runs.

    Raises:
        ConfigurationError: One is unknown or may not.
    """
    allowed = ChangeableArguments.__annotations__
    if unknown := sorted(changes.keys() - allowed.keys()):
        raise ConfigurationError(
            f"{', '.join(unknown)} cannot change while a worker runs.",
            variable=unknown[0],
            allowed=", ".join(sorted(allowed)),
        )


def check_path(name: str, value: str | os.PathLike[str]) -> str:
    """Return ``value`` as a string.

    Raises:
        ConfigurationError: It is not a path, or empty.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path:
        allowed = "a path, as a string or pathlib.Path"
        raise ConfigurationError(f"{name} is {value!r}; it must be {allowed}.", variable=name, allowed=allowed)
    return path
