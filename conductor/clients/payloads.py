"""Large payloads, which the server keeps outside its database: written there and read from there.

A request names the place (``GET /workflow/external-storage-location``, ``GET /tasks/external-storage-location``); the
payload itself travels between here and the storage, by an address that is signed for this one use.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

from attrs import frozen

from conductor.clients._base import Resource
from conductor.clients.bodies import as_object, size_if_over
from conductor.errors import ConfigurationError, UnsupportedByServerError
from conductor.models import (
    ExternalPayloadType,
    ExternalStorageLocation,
    ExternalStorageOperation,
    Task,
    TaskResult,
    WorkflowExecution,
)
from conductor.models.codec import dumps, to_jsonable
from conductor.transport.events import PayloadUsed
from conductor.transport.operation import Edition, Operation

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

_KIB = 1024
_MIB = 1024 * _KIB
_NO_STORE = (
    "and has no storage for larger ones (conductor.external-payload-storage.type): store it elsewhere and pass where "
    "it is."
)

M = TypeVar("M", WorkflowExecution, Task)


@frozen
class PayloadKind:
    """One sort of payload: what it is called, what the server keeps itself, and where it says the storage is."""

    type: ExternalPayloadType
    words: str
    inline_limit: int
    operation: Operation[ExternalStorageLocation]


WORKFLOW_INPUT = PayloadKind(ExternalPayloadType.WORKFLOW_INPUT, "workflow input", 5 * _MIB, WORKFLOW_STORAGE)
_WORKFLOW_OUTPUT = PayloadKind(ExternalPayloadType.WORKFLOW_OUTPUT, "workflow output", 5 * _MIB, WORKFLOW_STORAGE)
TASK_INPUT = PayloadKind(ExternalPayloadType.TASK_INPUT, "task input", 3 * _MIB, TASK_STORAGE)
TASK_OUTPUT = PayloadKind(ExternalPayloadType.TASK_OUTPUT, "task output", 3 * _MIB, TASK_STORAGE)


class PayloadStorage(Resource):
    """Writes what is too large for a request, and reads what was too large for an answer."""

    def store_input(self, given: Mapping[str, Any] | None, name: str) -> tuple[dict[str, Any], str | None]:
        """A workflow's input as plain JSON; or, when it is over 5 MiB, nothing and the path where it was stored.

        Args:
            given: The input.
            name: The workflow's name.

        Raises:
            ConfigurationError: It is too large, and the server has no storage, or not for that much.
        """
        plain = dict(to_jsonable(as_object(given, "workflow input"), "$.input"))
        path = self._stored(plain, WORKFLOW_INPUT, name)
        return (plain, None) if path is None else ({}, path)

    def inline(self, given: Mapping[str, Any] | None, kind: PayloadKind) -> dict[str, Any]:
        """A payload as plain JSON, for a request that has no place for the path of a stored one.

        The server moves a large one to its storage itself, where it has one; without it such a payload is answered well
        and lost, so that one is looked for.

        Raises:
            ConfigurationError: It is too large, and the server has no storage, or not for that much.
        """
        plain = dict(to_jsonable(as_object(given, kind.words), f"$.{kind.words.rpartition(' ')[2]}"))
        if (size := size_if_over(plain, kind.inline_limit)) is not None:
            self._place(size, kind)
        return plain

    def store_output(self, result: TaskResult, task_type: str = "") -> None:
        """Move the output of a result, of a task of ``task_type``, to the storage when it is over 3 MiB.

        Raises:
            ConfigurationError: It is too large, and the server has no storage, or not for that much.
        """
        path = self._stored(result.output_data, TASK_OUTPUT, task_type)
        if path is not None:
            result.output_data, result.external_output_payload_storage_path = {}, path

    def fetch_task(self, task: Task, *, may_be_lost: bool = False) -> Task:
        """Put the input and output of a task that lie in the storage back into it.

        Args:
            task: The task.
            may_be_lost: A payload that the server cannot say how to read stays out, and a line in the log says so: a
                server without a storage names a place for what it has dropped.

        Raises:
            ConfigurationError: The server does not say how to read a payload.
        """
        with self._reported(f"task {task.task_id}") if may_be_lost else nullcontext():
            self._fetch(task, TASK_INPUT, TASK_OUTPUT, "input_data", "output_data")
        return task

    def fetch_workflow(self, workflow: WorkflowExecution) -> WorkflowExecution:
        """Put the inputs and outputs of an execution and its tasks that lie in the storage back into it."""
        for task in workflow.tasks or ():
            self.fetch_task(task, may_be_lost=True)
        with self._reported(f"workflow {workflow.workflow_id}"):
            self._fetch(workflow, WORKFLOW_INPUT, _WORKFLOW_OUTPUT, "input", "output")
        return workflow

    @staticmethod
    @contextmanager
    def _reported(what: str) -> Iterator[None]:
        try:
            yield
        except ConfigurationError as error:
            logger.warning("%s is shown without a payload: %s", what, error.message)

    def _fetch(self, model: M, taken: PayloadKind, given: PayloadKind, input_name: str, output_name: str) -> None:
        if model.external_input_payload_storage_path and not getattr(model, input_name):
            setattr(model, input_name, self._read(taken, model.external_input_payload_storage_path, _name_of(model)))
        if model.external_output_payload_storage_path and not getattr(model, output_name):
            setattr(model, output_name, self._read(given, model.external_output_payload_storage_path, _name_of(model)))

    def _stored(self, plain: Mapping[str, Any], kind: PayloadKind, name: str) -> str | None:
        size = size_if_over(plain, kind.inline_limit)
        if size is None:
            return None
        location = self._place(size, kind)
        self._transport.put_payload(kind.operation, location.uri or "", dumps(plain))
        self._transport.emit(PayloadUsed(name, "WRITE", kind.type.value))
        return location.path

    def _place(self, size: int, kind: PayloadKind) -> ExternalStorageLocation:
        """Where the server has so large a payload put."""
        largest = self._transport.settings.max_stored_payload_kb * _KIB
        if size > largest:
            raise _too_large(kind, size, f"{largest:,} bytes are the most that is stored (max_stored_payload_kb).")
        try:
            location = self._location(kind, ExternalStorageOperation.WRITE, "")
        except UnsupportedByServerError:
            location = ExternalStorageLocation()
        if not location.uri or not location.path:
            raise _too_large(kind, size, f"The server keeps {kind.inline_limit:,} at most, {_NO_STORE}")
        return location

    def _read(self, kind: PayloadKind, path: str, name: str) -> Any:
        location = self._location(kind, ExternalStorageOperation.READ, path)
        if not location.uri:
            raise ConfigurationError(
                f"The {kind.words} lies outside the database at {path!r}, and the server does not say how to read it: "
                "it has no storage, and has dropped what was too large.",
                variable=kind.words,
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
    """Refuse a task's output that no server takes without a storage.

    Raises:
        ConfigurationError: It has more than 3 MiB of JSON.
    """
    if (size := size_if_over(output, TASK_OUTPUT.inline_limit)) is not None:
        raise _too_large(TASK_OUTPUT, size, f"The server keeps {TASK_OUTPUT.inline_limit:,} at most, {_NO_STORE}")


def _too_large(kind: PayloadKind, size: int, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The {kind.words} has {size:,} bytes. {reason}",
        variable=kind.words,
        allowed=f"at most {kind.inline_limit} bytes of JSON",
    )
