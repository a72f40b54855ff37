"""What goes wrong: each operation's failures are the errors that are documented, and name the operation."""

from cases import each
from surface import beyond
from surface.declared import declared, one
from surface.documents import stating
from surface.table import table
from surface.wire import Wire, said, send

from conductor.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    UnsupportedByServerError,
)
from conductor.models._base import Model
from conductor.transport.operation import Edition, Repeat

INVALID = [{"path": "tasks", "message": "must not be empty", "invalidValue": "[]"}]
HTML = {"Content-Type": "text/html;charset=UTF-8"}
PAGE = b"<html><head><title>Log in</title></head></html>"

FAILURES = {
    "400": (said(400, {"message": "Validation failed", "validationErrors": INVALID}), BadRequestError),
    "401": (said(401, {"message": "Who are you?", "error": "INVALID_TOKEN"}), AuthenticationError),
    "403": (said(403, {"message": "Not yours", "error": "FORBIDDEN"}), PermissionDeniedError),
    "404": (said(404, {"message": "No such thing"}), NotFoundError),
    "404 for an unknown path": (said(404, {"message": "No static resource api/x."}), UnsupportedByServerError),
    "409": (said(409, {"message": "It exists"}), ConflictError),
    "429": (said(429, {"message": "Slowly"}), RateLimitError),
    "500": (said(500, {"message": "Boom"}), ServerError),
    "502 with a page": ((502, HTML, PAGE), ServerError),
}
UNREADABLE = {
    "200 with a page": (200, HTML, PAGE),
    "200 with half an answer": (200, {"Content-Type": "application/json"}, b'{"half'),
    "200 without a body": (200, {}, b""),
}
CALLS = {key: call for key, call in (table() | beyond.CALLS).items() if key in declared()}

# Methods that mean something else by an answer, as their documentation says.
OTHERWISE = {
    # the open-source server has no such operation, and lists handlers instead
    ("GET /api/event/handler/{name}", "404 for an unknown path"): NotFoundError,
    # a server without health at its root has it below /api
    ("GET /health", "404"): type(None),
    ("GET /health", "404 for an unknown path"): type(None),
    ("GET /health", "200 with a page"): type(None),
    ("GET /health", "200 with half an answer"): type(None),
    ("GET /health", "200 without a body"): type(None),
    # there is no limit
    ("GET /api/metadata/workflow/{name}/rate-limit", "404"): type(None),
    # by which the client knows the open-source server
    ("GET /api/token/userInfo", "404"): UnsupportedByServerError,
    # so the server says that there is no such thing
    ("GET /api/scheduler/schedules/{name}", "200 without a body"): NotFoundError,
    ("POST /api/tasks/{workflowId}/{taskRefName}/{status}", "200 without a body"): NotFoundError,
    # the open-source server's operation is tried, which here is none
    ("POST /api/workflow/bulk/delete", "404 for an unknown path"): UnexpectedResponseError,
}


def failure(key, answer):
    """What a call raises when the server answers its operation so; None when it raises nothing."""
    document = next(iter(stating(key)), beyond.server_of(one(key)))
    wire = Wire(document, {key: answer})
    error = None
    try:
        send(CALLS[key], wire)
    except APIError as raised:
        error = raised
    if error is not None:
        assert error.operation.startswith(f"{error.method} /")
        assert f"{error.method} {error.path}" in {one.operation for one in wire.asked}
        assert error.operation in str(error) or error.status == 200  # that means "there is none"
    return error


def expected(key, kinds):
    return {name: OTHERWISE.get((key, name), kind) for name, kind in kinds.items()}


@each("key", CALLS)
def test_an_error_has_the_class_of_its_status_and_the_operation(key):
    found = {name: type(failure(key, answer)) for name, (answer, _) in FAILURES.items()}

    assert found == expected(key, {name: kind for name, (_, kind) in FAILURES.items()})


@each("key", CALLS)
def test_what_the_server_finds_invalid_is_data(key):
    error = failure(key, FAILURES["400"][0])

    assert error.validation_errors == INVALID
    assert "tasks: must not be empty" in str(error)


def reads_one_resource_of_orkes(operation):
    """Orkes answers with an empty 200 where there is no such resource."""
    reads = operation.method == "GET" and operation.repeat is Repeat.SAFE and operation.parameters
    is_object = isinstance(operation.returns, type) and issubclass(operation.returns, (Model, dict))
    return operation.edition is Edition.ORKES and reads and is_object


@each("key", CALLS)
def test_an_unreadable_response_is_an_unexpected_response(key):
    operation = one(key)
    found = {name: type(failure(key, answer)) for name, answer in UNREADABLE.items()}

    due = {
        "200 with a page": operation.returns is not bytes,
        "200 with half an answer": operation.returns not in {None, str, bytes},
        "200 without a body": operation.returns is not None and operation.on_empty is None,
    }
    kinds = {name: UnexpectedResponseError if is_due else type(None) for name, is_due in due.items()}
    if kinds["200 without a body"] is UnexpectedResponseError and reads_one_resource_of_orkes(operation):
        kinds["200 without a body"] = NotFoundError
    assert found == expected(key, kinds)
