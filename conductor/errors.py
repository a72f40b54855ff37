"""All errors of the SDK: one tree, split by what the caller can do about it.

::

    ConductorError
    ├── ConfigurationError            a setting is wrong: .variable .value .allowed
    ├── WorkerRegistrationError       duplicate, unknown, not callable: .places
    ├── APIError                      a call failed: .operation .method .path .attempts
    │   ├── APIConnectionError        no answer came
    │   │   └── APITimeoutError       none came in time
    │   ├── APIStatusError            an answer came: .status .code .server_message .validation_errors .retry_after
    │   │   ├── BadRequestError       400, 422
    │   │   ├── AuthenticationError   401
    │   │   ├── PermissionDeniedError 403
    │   │   ├── NotFoundError         404
    │   │   │   └── UnsupportedByServerError   the server in use has no such operation: .supported_by
    │   │   ├── ConflictError         409
    │   │   ├── RateLimitError        429
    │   │   └── ServerError           5xx
    │   └── UnexpectedResponseError   HTML, broken JSON, another shape than promised: .path_in_body
    ├── WorkflowRunError              .workflow_id .workflow
    │   ├── WorkflowFailedError       it ended, not as COMPLETED: .failed_task .reason .logs
    │   └── WorkflowTimeoutError      it did not end in time
    ├── WorkflowDefinitionError       found before anything was sent: .problems
    ├── TaskInputError                an argument is missing or cannot be converted: .parameter .expected
    ├── SerializationError            a value has no JSON form: .path_in_value
    ├── WebhookVerificationError      a webhook is not genuine, or too old: answer 401
    └── ServerStartError              a server that the SDK launches did not come up: .log_path

    NonRetryableError(Exception)      raised by the user's function: the task fails for good

``NonRetryableError`` is no ``ConductorError``, so that ``except ConductorError`` around a client call inside a worker
cannot swallow it. No error carries a header, a token or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conductor.models import Task, TaskExecLog, WorkflowExecution

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConductorError",
    "ConfigurationError",
    "ConflictError",
    "NonRetryableError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "SerializationError",
    "ServerError",
    "ServerStartError",
    "TaskInputError",
    "UnexpectedResponseError",
    "UnsupportedByServerError",
    "WebhookVerificationError",
    "WorkerRegistrationError",
    "WorkflowDefinitionError",
    "WorkflowFailedError",
    "WorkflowRunError",
    "WorkflowTimeoutError",
]


class ConductorError(Exception):
    """The root of every error that this SDK raises.

    All further values of a subclass are keyword arguments and attributes, so that every error pickles and prints.
    """

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.__dict__.update(values)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, {k: v for k, v in self.__dict__.items() if k != "message"}))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values, for structured logs."""
        plain = {k: v for k, v in self.__dict__.items() if isinstance(v, str | int | float | bool | list | dict)}
        return {"error": type(self).__name__, **plain}


def _rebuild(cls: type[ConductorError], message: str, values: dict[str, Any]) -> ConductorError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(values, message=message)
    return error


class ConfigurationError(ConductorError):
    """A setting cannot be used.

    Attributes:
        variable: The setting's name as the user wrote it: an environment variable, or an argument.
        value: What was given; None for a secret.
        allowed: What would be accepted, in words.
    """

    def __init__(self, message: str, *, variable: str = "", value: object = None, allowed: str = "") -> None:
        super().__init__(message, variable=variable, value=value, allowed=allowed)

    variable: str
    value: object
    allowed: str


class WorkerRegistrationError(ConductorError):
    """Workers cannot be used as declared: declared twice, not callable, none found.

    Attributes:
        places: ``file:line`` of each declaration that takes part.
    """

    def __init__(self, message: str, *, places: Sequence[str] = ()) -> None:
        super().__init__(message, places=list(places))

    places: list[str]


class APIError(ConductorError):
    """A call to the server failed.

    Attributes:
        operation: What was tried, as ``POST /workflow/{name}``.
        method: The verb.
        path: The path that was sent, without the server's address and without the query.
        attempts: How often the request was sent.
        no_token_for: Seconds until the client requests a token again, where the call failed for want of one; else None.
        workflow_id: The execution that was waited for, where ``wait`` or ``run`` raised the error; else "".
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        attempts: int = 1,
        no_token_for: float | None = None,
        workflow_id: str = "",
        **values: Any,
    ) -> None:
        super().__init__(
            message,
            operation=operation,
            method=method,
            path=path,
            attempts=attempts,
            no_token_for=no_token_for,
            workflow_id=workflow_id,
            **values,
        )

    operation: str
    method: str
    path: str
    attempts: int
    no_token_for: float | None
    workflow_id: str


class APIConnectionError(APIError):
    """No response came: refused, cut, unknown host, or a certificate that was not accepted.

    Attributes:
        never_sent: No byte of the request was sent, so the server cannot have acted on it.
        is_permanent: Trying again cannot help: a certificate that is not trusted, a proxy that requires a password.
        is_refused: The server refused the connection: nothing listens there.
    """

    def __init__(
        self,
        message: str,
        *,
        never_sent: bool = False,
        is_permanent: bool = False,
        is_refused: bool = False,
        **values: Any,
    ) -> None:
        super().__init__(message, never_sent=never_sent, is_permanent=is_permanent, is_refused=is_refused, **values)

    never_sent: bool
    is_permanent: bool
    is_refused: bool


class APITimeoutError(APIConnectionError):
    """No whole answer came in time. The server may still have done what was asked."""


class APIStatusError(APIError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        code: The server's own error code, such as ``EXPIRED_TOKEN``, or "".
        server_message: The server's message, or "".
        validation_errors: Each ``{"path", "message", "invalidValue"}`` that the server sent.
        retry_after: Seconds that the server asked to wait, or None.
        request_id: The server's id of the request where it sends one, or "".
        from_conductor: Whether Conductor itself gave this answer, and not something that stands before it: a proxy or
            an ingress answers 404, 400 or 503 of its own while the server is restarted.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        server_message: str = "",
        validation_errors: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
        request_id: str = "",
        from_conductor: bool = False,
        **values: Any,
    ) -> None:
        super().__init__(
            message,
            status=status,
            code=code,
            server_message=server_message,
            validation_errors=[dict(entry) for entry in validation_errors],
            retry_after=retry_after,
            request_id=request_id,
            from_conductor=from_conductor,
            **values,
        )

    status: int
    code: str
    server_message: str
    validation_errors: list[dict[str, Any]]
    retry_after: float | None
    request_id: str
    from_conductor: bool


class BadRequestError(APIStatusError):
    """The server refused the request's content (400, 422); see ``validation_errors``."""


class AuthenticationError(APIStatusError):
    """The server does not know who asks (401), or no token could be had."""


class PermissionDeniedError(APIStatusError):
    """The server knows who asks and does not allow it (403)."""


class NotFoundError(APIStatusError):
    """There is no such thing on the server (404)."""


class UnsupportedByServerError(NotFoundError):
    """The server in use has no such operation: it is of another edition or version.

    Attributes:
        supported_by: The edition that has it, ``Orkes Conductor`` or ``the open-source server``; "" where both have it,
            and this server is older, or has it switched off.
    """

    def __init__(self, message: str, *, supported_by: str = "", **values: Any) -> None:
        super().__init__(message, supported_by=supported_by, **values)

    supported_by: str


class ConflictError(APIStatusError):
    """The thing is in a state that does not allow the request, or exists already (409)."""


class RateLimitError(APIStatusError):
    """Too many requests (429); see ``retry_after``."""


class ServerError(APIStatusError):
    """The server failed (5xx). Conductor also answers 500 to some mistakes in a request."""


class UnexpectedResponseError(APIError):
    """An answer that is no answer of this operation: HTML, broken JSON, or another shape.

    Attributes:
        status: The HTTP status.
        path_in_body: Where in the body the shape is wrong, as ``$.tasks[0].status``, or "".
    """

    def __init__(self, message: str, *, status: int = 0, path_in_body: str = "", **values: Any) -> None:
        super().__init__(message, status=status, path_in_body=path_in_body, **values)

    status: int
    path_in_body: str


class WorkflowRunError(ConductorError):
    """A workflow that was waited for gave no result.

    Attributes:
        workflow_id: The execution's id.
        workflow: The execution as last seen, or None.
    """

    def __init__(
        self, message: str, *, workflow_id: str = "", workflow: WorkflowExecution | None = None, **values: Any
    ) -> None:
        super().__init__(message, workflow_id=workflow_id, workflow=workflow, **values)

    workflow_id: str
    workflow: WorkflowExecution | None


class WorkflowFailedError(WorkflowRunError):
    """A workflow ended, but not as COMPLETED.

    Attributes:
        failed_task: The task that made it fail, or None (terminated, timed out).
        reason: The server's reason.
        logs: The failed task's log lines, oldest first.
    """

    def __init__(
        self,
        message: str,
        *,
        failed_task: Task | None = None,
        reason: str = "",
        logs: Sequence[TaskExecLog] = (),
        **values: Any,
    ) -> None:
        super().__init__(message, failed_task=failed_task, reason=reason, logs=list(logs), **values)

    failed_task: Task | None
    reason: str
    logs: list[TaskExecLog]


class WorkflowTimeoutError(WorkflowRunError):
    """A workflow did not end within the time that the caller gave. It goes on on the server."""


class WorkflowDefinitionError(ConductorError):
    """A workflow definition is wrong, found before anything was sent.

    Attributes:
        problems: Every problem found, each with its place.
    """

    def __init__(self, message: str, *, problems: Sequence[Any] = ()) -> None:
        super().__init__(message, problems=list(problems))

    problems: list[Any]

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values, each problem as text."""
        return {**super().to_dict(), "problems": [str(problem) for problem in self.problems]}


class TaskInputError(ConductorError):
    """A task's input does not fit the function's signature.

    Attributes:
        parameter: The parameter's name, with the path inside it where that helps.
        expected: The type that was expected, in words.
    """

    def __init__(self, message: str, *, parameter: str = "", expected: str = "") -> None:
        super().__init__(message, parameter=parameter, expected=expected)

    parameter: str
    expected: str


class SerializationError(ConductorError):
    """A value cannot be written as JSON: it was not sent.

    Attributes:
        path_in_value: Where the culprit is, as ``$.items[3].lock``.
    """

    def __init__(self, message: str, *, path_in_value: str = "") -> None:
        super().__init__(message, path_in_value=path_in_value)

    path_in_value: str


class WebhookVerificationError(ConductorError):
    """A webhook is not from whom it says, or is too old."""


class ServerStartError(ConductorError):
    """A server that the SDK launches did not come up, or could not be had.

    Attributes:
        log_path: The file with the server's own log, or "".
    """

    def __init__(self, message: str, *, log_path: str = "") -> None:
        super().__init__(message, log_path=log_path)

    log_path: str


class NonRetryableError(Exception):
    """Raise it in a worker's function: the task ends as FAILED_WITH_TERMINAL_ERROR and is not tried again."""
