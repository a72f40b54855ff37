"""All errors of the SDK, grouped by what the caller can do about them.

::

    ConductorError
    ├── ConfigurationError            an invalid setting or argument: .variable .value .allowed
    ├── WorkerRegistrationError       a duplicate or unknown worker: .locations
    ├── APIError                      a request failed: .operation .method .path .attempts
    │   ├── APIConnectionError        no response
    │   │   └── APITimeoutError       no response in time
    │   ├── APIStatusError            an error response: .status .code .server_message .validation_errors .retry_after
    │   │   ├── BadRequestError       400, 422
    │   │   ├── AuthenticationError   401
    │   │   ├── PermissionDeniedError 403
    │   │   ├── NotFoundError         404
    │   │   ├── UnsupportedByServerError   the server does not have the operation (404, 405, 501): .supported_by
    │   │   ├── ConflictError         409
    │   │   ├── RateLimitError        429
    │   │   └── ServerError           5xx
    │   └── UnexpectedResponseError   HTML, invalid JSON or another type: .path_in_body
    ├── WorkflowRunError              .workflow_id .workflow
    │   ├── WorkflowFailedError       the execution did not complete: .failed_task .reason .logs
    │   └── WorkflowTimeoutError      the execution did not end in time
    ├── WorkflowDefinitionError       an invalid definition, found before it was sent: .problems
    ├── TaskInputError                a missing argument, or one of the wrong type: .parameter .expected
    ├── SerializationError            a value without a JSON form: .path_in_value
    ├── WebhookVerificationError      a webhook with an invalid signature, or too old: respond with 401
    └── ServerStartError              a server that the SDK launches did not start: .log_path

    NonRetryableError(Exception)      raised by a worker's function: the task fails permanently
    TaskTimeLimitExceeded(BaseException)   raised inside a worker's function past its time_limit_seconds

``NonRetryableError`` is not a ``ConductorError``, so that ``except ConductorError`` around a client call inside a
worker cannot swallow it. No error contains a header, a token or a secret.
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
    "TaskTimeLimitExceeded",
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
    """The base class of all errors that the SDK raises.

    The values of a subclass are keyword arguments and attributes, so that every error can be pickled.

    Attributes:
        message: The message, which is also ``str(error)``.
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
        """Return the error as a dict of strings, numbers, booleans, lists and dicts, for structured logs."""
        plain = {k: v for k, v in self.__dict__.items() if isinstance(v, str | int | float | bool | list | dict)}
        return {"error": type(self).__name__, **plain}


def _rebuild(cls: type[ConductorError], message: str, values: dict[str, Any]) -> ConductorError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(values, message=message)
    return error


class ConfigurationError(ConductorError):
    """A setting or an argument is invalid. Nothing was sent.

    Attributes:
        variable: The environment variable, setting or argument.
        value: The invalid value; None for a secret.
        allowed: Description of the valid values.
    """

    def __init__(self, message: str, *, variable: str = "", value: object = None, allowed: str = "") -> None:
        super().__init__(message, variable=variable, value=value, allowed=allowed)

    variable: str
    value: object
    allowed: str


class WorkerRegistrationError(ConductorError):
    """Workers cannot be used as declared: declared twice, not callable, or none found.

    Attributes:
        locations: The ``file:line`` of each declaration.
    """

    def __init__(self, message: str, *, locations: Sequence[str] = ()) -> None:
        super().__init__(message, locations=list(locations))

    locations: list[str]


class APIError(ConductorError):
    """A request to the server failed.

    Attributes:
        operation: The operation, such as ``POST /workflow/{name}``.
        method: The HTTP method.
        path: The path that was sent, without the server's address and the query.
        attempts: The number of times that the request was sent.
        token_retry_after: Seconds until the client requests a token again, if the request failed because there was no
            token; else None.
        workflow_id: The id of the execution, for errors of ``wait`` and ``run``; else "".
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        attempts: int = 1,
        token_retry_after: float | None = None,
        workflow_id: str = "",
        **values: Any,
    ) -> None:
        super().__init__(
            message,
            operation=operation,
            method=method,
            path=path,
            attempts=attempts,
            token_retry_after=token_retry_after,
            workflow_id=workflow_id,
            **values,
        )

    operation: str
    method: str
    path: str
    attempts: int
    token_retry_after: float | None
    workflow_id: str


class APIConnectionError(APIError):
    """No response: connection refused or lost, unknown host, or an untrusted certificate.

    Attributes:
        never_sent: Whether no byte of the request was sent, so that the server cannot have processed it.
        is_permanent: Whether a retry cannot help, such as for an untrusted certificate or a proxy that requires a
            password.
        is_refused: Whether the server refused the connection because nothing listens on the port.
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
    """No complete response in time. The server may still have processed the request."""


class APIStatusError(APIError):
    """The server responded with an error status.

    Attributes:
        status: The HTTP status.
        code: The server's error code, such as ``EXPIRED_TOKEN``, or "".
        server_message: The server's message, or "".
        validation_errors: The server's validation errors, each with ``path``, ``message`` and ``invalidValue``.
        retry_after: Seconds that the server asks clients to wait, or None.
        request_id: The server's id of the request, or "".
        from_conductor: Whether Conductor sent the response. While the server restarts, a proxy or ingress sends 404,
            400 or 503 responses in a different format.
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
    """The server rejected the content of the request (400, 422); see ``validation_errors``."""


class AuthenticationError(APIStatusError):
    """The server did not accept the token (401), or no token is available."""


class PermissionDeniedError(APIStatusError):
    """The caller does not have the permission (403)."""


class NotFoundError(APIStatusError):
    """The resource does not exist (404)."""


class UnsupportedByServerError(APIStatusError):
    """The server does not have this operation, because of its edition, version or configuration.

    Servers also respond to an unknown path with 404. This error is not a ``NotFoundError``, so that code which creates
    missing resources does not mistake a missing operation for a missing resource.

    Attributes:
        supported_by: The edition that has the operation, ``Orkes Conductor`` or ``the open-source server``; "" if both
            have it, but this server is older or has disabled it.
    """

    def __init__(self, message: str, *, supported_by: str = "", **values: Any) -> None:
        super().__init__(message, supported_by=supported_by, **values)

    supported_by: str


class ConflictError(APIStatusError):
    """The resource already exists, or its state does not allow the operation (409)."""


class RateLimitError(APIStatusError):
    """Too many requests (429); see ``retry_after``."""


class ServerError(APIStatusError):
    """The server failed (5xx). Conductor also responds to some invalid requests with 500."""


class UnexpectedResponseError(APIError):
    """The response does not match the operation: HTML, invalid JSON, or values of the wrong type.

    Attributes:
        status: The HTTP status.
        path_in_body: The path of the wrong value, such as ``$.tasks[0].status``, or "".
    """

    def __init__(self, message: str, *, status: int = 0, path_in_body: str = "", **values: Any) -> None:
        super().__init__(message, status=status, path_in_body=path_in_body, **values)

    status: int
    path_in_body: str


class WorkflowRunError(ConductorError):
    """Waiting for an execution ended without a result.

    Attributes:
        workflow_id: The id of the execution.
        workflow: The last known state of the execution, or None.
    """

    def __init__(
        self, message: str, *, workflow_id: str = "", workflow: WorkflowExecution | None = None, **values: Any
    ) -> None:
        super().__init__(message, workflow_id=workflow_id, workflow=workflow, **values)

    workflow_id: str
    workflow: WorkflowExecution | None


class WorkflowFailedError(WorkflowRunError):
    """An execution ended with a status other than COMPLETED.

    Attributes:
        failed_task: The task that made the execution fail; None if there is none, such as after a termination.
        reason: The server's reason, or "".
        logs: Log lines of the failed task, oldest first.
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
    """An execution did not end within the timeout. It continues on the server."""


class WorkflowDefinitionError(ConductorError):
    """A workflow definition is invalid. Nothing was sent.

    Attributes:
        problems: All problems, each with its location.
    """

    def __init__(self, message: str, *, problems: Sequence[Any] = ()) -> None:
        super().__init__(message, problems=list(problems))

    problems: list[Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the error as a dict, each problem as a string."""
        return {**super().to_dict(), "problems": [str(problem) for problem in self.problems]}


class TaskInputError(ConductorError):
    """The input of a task does not match the signature of the worker's function.

    Attributes:
        parameter: The parameter, with the path of the wrong value inside it.
        expected: Description of the expected type.
    """

    def __init__(self, message: str, *, parameter: str = "", expected: str = "") -> None:
        super().__init__(message, parameter=parameter, expected=expected)

    parameter: str
    expected: str


class SerializationError(ConductorError):
    """A value cannot be converted to JSON. Nothing was sent.

    Attributes:
        path_in_value: The path of the value, such as ``$.items[3].lock``.
    """

    def __init__(self, message: str, *, path_in_value: str = "") -> None:
        super().__init__(message, path_in_value=path_in_value)

    path_in_value: str


class WebhookVerificationError(ConductorError):
    """The signature of a webhook is missing or invalid, or the webhook is too old."""


class ServerStartError(ConductorError):
    """A server that the SDK launches did not start, or cannot be downloaded.

    Attributes:
        log_path: The server's log file, or "".
    """

    def __init__(self, message: str, *, log_path: str = "") -> None:
        super().__init__(message, log_path=log_path)

    log_path: str


class TaskTimeLimitExceeded(BaseException):
    """Raised inside a worker's function that runs for longer than its ``time_limit_seconds``.

    It is not an ``Exception``, so that ``except Exception`` in the function does not catch it by accident.
    """


class NonRetryableError(Exception):
    """Raised by a worker's function to fail the task permanently (FAILED_WITH_TERMINAL_ERROR), without retries."""
