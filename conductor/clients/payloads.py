"""Payloads that are too large for requests and responses, in the server's external storage.

The server returns a signed URL for each payload (``GET /workflow/external-storage-location``, ``GET
/tasks/external-storage-location``); the client transfers the payload between itself and the storage.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from conductor.clients._base import Resource, as_object, size_if_over
from conductor.errors import ConfigurationError, UnsupportedByServerError
from conductor.models import (
    ExternalPayloadType,
    ExternalStorageLocation,
    ExternalStorageOperation,
    Task,
    TaskResult,
)
from conductor.models.codec import dumps, to_jsonable
from conductor.transport.events import PayloadUsed
from conductor.transport.operation import Edition, Operation

if TYPE_CHECKING:
    from conductor.models import WorkflowExecution

__all__ = [
    "TASK_INPUT",
    "TASK_OUTPUT",
    "TASK_STORAGE",
    "WORKFLOW_INPUT",
    "WORKFLOW_STORAGE",
    "PayloadKind",
    "PayloadStorage",
    "refuse_output",
]

WORKFLOW_STORAGE: Operation[ExternalStorageLocation] = Operation(
    "GET", "/workflow/external-storage-location", ExternalStorageLocation, edition=Edition.OSS
)
TASK_STORAGE: Operation[ExternalStorageLocation] = Operation(
    "GET", "/tasks/external-storage-location", ExternalStorageLocation, edition=Edition.OSS
)

logger = logging.getLogger(__name__)

#: Bytes per KiB, the unit of ``max_stored_payload_kb``.
_KIB = 1024
#: Bytes per MiB, in which the OSS server's default limits are written.
_MIB = 1024 * _KIB
_NO_STORAGE = (
    "and has no storage for larger ones (conductor.external-payload-storage.type). Store the data elsewhere and pass a "
    "reference to it."
)

M = TypeVar("M", "WorkflowExecution", Task)


@frozen
class PayloadKind:
    """A kind of payload.

    Attributes:
        type: The kind, as the server names it.
        label: The kind in error messages.
        inline_limit: Bytes of JSON that the server accepts in a request.
        operation: The operation that returns the storage location.
    """

    type: ExternalPayloadType
    label: str
    inline_limit: int
    operation: Operation[ExternalStorageLocation]


WORKFLOW_INPUT = PayloadKind(ExternalPayloadType.WORKFLOW_INPUT, "workflow input", 5 * _MIB, WORKFLOW_STORAGE)
_WORKFLOW_OUTPUT = PayloadKind(ExternalPayloadType.WORKFLOW_OUTPUT, "workflow output", 5 * _MIB, WORKFLOW_STORAGE)
TASK_INPUT = PayloadKind(ExternalPayloadType.TASK_INPUT, "task input", 3 * _MIB, TASK_STORAGE)
TASK_OUTPUT = PayloadKind(ExternalPayloadType.TASK_OUTPUT, "task output", 3 * _MIB, TASK_STORAGE)


class PayloadStorage(Resource, checks_arguments=False):
    """Writes large payloads to the external storage, and reads them from it.

    Arguments are not checked: only the SDK calls these methods, and workers call them for each task.
    """

    def store_input(self, given: Mapping[str, Any] | None, name: str) -> tuple[dict[str, Any], str | None]:
        """Return the input of a workflow for a start request, written to the external storage if it exceeds 5 MiB.

        Args:
            given: The input; None for an empty one.
            name: The name of the workflow.

        Returns:
            The input as plain JSON values and None, or an empty dict and the path in the storage.

        Raises:
            ConfigurationError: The input is too large, and the server has no external storage or does not accept its
                size.
            SerializationError: The input has no JSON form.
        """
        plain = dict(to_jsonable(as_object(given, "workflow input"), "$.input"))
        path = self._stored(plain, WORKFLOW_INPUT, name)
        return (plain, None) if path is None else ({}, path)

    def inline(self, given: Mapping[str, Any] | None, kind: PayloadKind) -> dict[str, Any]:
        """Return a payload as plain JSON values, for a request that cannot refer to a stored payload.

        A server with external storage moves a large payload there. A server without external storage drops the payload
        and reports success, so the storage location is requested first.

        Raises:
            ConfigurationError: The payload is too large, and the server has no external storage or does not accept its
                size.
            SerializationError: The payload has no JSON form.
        """
        plain = dict(to_jsonable(as_object(given, kind.label), f"$.{kind.label.rpartition(' ')[2]}"))
        if (size := size_if_over(plain, kind.inline_limit)) is not None:
            self._write_location(size, kind)
        return plain

    def store_output(self, result: TaskResult, task_type: str = "") -> None:
        """Write the output of a result to the external storage if it exceeds 3 MiB; change the result in place.

        Raises:
            ConfigurationError: The output is too large, and the server has no external storage or does not accept its
                size.
        """
        path = self._stored(result.output_data, TASK_OUTPUT, task_type)
        if path is not None:
            result.output_data, result.external_output_payload_storage_path = {}, path

    def fetch_task(self, task: Task, *, may_be_lost: bool = False) -> Task:
        """Read the input and output of a task, if they are in the external storage.

        Args:
            task: The task, which is changed in place.
            may_be_lost: Whether to log a warning instead of raising an error if a payload cannot be read. A server
                without storage returns a path for payloads that it has dropped.

        Returns:
            The task.

        Raises:
            ConfigurationError: The server returns no URL to read a payload.
        """
        with self._warns(task_id=task.task_id) if may_be_lost else nullcontext():
            self._fetch(task, TASK_INPUT, TASK_OUTPUT, "input_data", "output_data")
        return task

    def fetch_workflow(self, workflow: WorkflowExecution) -> WorkflowExecution:
        """Read the inputs and outputs of an execution and its tasks that are in the external storage.

        A payload that cannot be read is logged as a warning.

        Args:
            workflow: The execution, which is changed in place.

        Returns:
            The execution.
        """
        for task in workflow.tasks or ():
            self.fetch_task(task, may_be_lost=True)
        with self._warns(workflow_id=workflow.workflow_id):
            self._fetch(workflow, WORKFLOW_INPUT, _WORKFLOW_OUTPUT, "input", "output")
        return workflow

    @staticmethod
    @contextmanager
    def _warns(**fields: str | None) -> Iterator[None]:
        try:
            yield
        except ConfigurationError as error:
            facts = " ".join(f"{name}={value}" for name, value in fields.items())
            logger.warning("payload not available: %s error=%s", facts, error.message, extra=fields)

    def _fetch(
        self, model: M, input_kind: PayloadKind, output_kind: PayloadKind, input_name: str, output_name: str
    ) -> None:
        if model.external_input_payload_storage_path and not getattr(model, input_name):
            setattr(
                model, input_name, self._read(input_kind, model.external_input_payload_storage_path, _name_of(model))
            )
        if model.external_output_payload_storage_path and not getattr(model, output_name):
            setattr(
                model, output_name, self._read(output_kind, model.external_output_payload_storage_path, _name_of(model))
            )

    def _stored(self, plain: Mapping[str, Any], kind: PayloadKind, name: str) -> str | None:
        size = size_if_over(plain, kind.inline_limit)
        if size is None:
            return None
        location = self._write_location(size, kind)
        self._transport.put_payload(kind.operation, location.uri or "", dumps(plain))
        self._transport.emit(PayloadUsed(name, "WRITE", kind.type.value))
        return location.path

    def _write_location(self, size: int, kind: PayloadKind) -> ExternalStorageLocation:
        """Return where to write a payload of ``size`` bytes."""
        largest = self._transport.settings.max_stored_payload_kb * _KIB
        if size > largest:
            raise _too_large(kind, size, f"The limit for stored payloads is {largest:,} (max_stored_payload_kb).")
        try:
            location = self._location(kind, ExternalStorageOperation.WRITE, "")
        except UnsupportedByServerError:
            location = ExternalStorageLocation()
        if not location.uri or not location.path:
            raise _too_large(kind, size, f"The server accepts {kind.inline_limit:,} at most, {_NO_STORAGE}")
        return location

    def _read(self, kind: PayloadKind, path: str, name: str) -> Any:
        location = self._location(kind, ExternalStorageOperation.READ, path)
        if not location.uri:
            raise ConfigurationError(
                f"The {kind.label} is in external storage at {path!r}, but the server returns no URL to read it: it "
                "has no storage and dropped the payload.",
                variable=kind.label,
                value=path,
                allowed="a server with external payload storage",
            )
        payload = self._transport.get_payload(kind.operation, location.uri)
        self._transport.emit(PayloadUsed(name, "READ", kind.type.value))
        return payload

    def _location(self, kind: PayloadKind, operation: ExternalStorageOperation, path: str) -> ExternalStorageLocation:
        query = {"path": path, "operation": operation, "payloadType": kind.type}
        return self._call(kind.operation, query=query)


def _name_of(model: WorkflowExecution | Task) -> str:
    if isinstance(model, Task):
        return model.task_def_name or model.task_type or ""
    return model.workflow_name or ""


def refuse_output(output: Mapping[str, Any]) -> None:
    """Refuse an output of a task that a server without external storage would drop.

    Raises:
        ConfigurationError: The output has more than 3 MiB of JSON.
    """
    if (size := size_if_over(output, TASK_OUTPUT.inline_limit)) is not None:
        raise _too_large(TASK_OUTPUT, size, f"The server accepts {TASK_OUTPUT.inline_limit:,} at most, {_NO_STORAGE}")


def _too_large(kind: PayloadKind, size: int, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The {kind.label} has {size:,} bytes. {reason}",
        variable=kind.label,
        allowed=f"at most {kind.inline_limit} bytes of JSON",
    )
