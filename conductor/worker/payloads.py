"""Inputs that the server keeps outside its database, and outputs that are too large for it."""

from __future__ import annotations

from typing import Protocol

from conductor.clients.payloads import PayloadStorage, refuse_output
from conductor.errors import ConfigurationError, SerializationError, TaskInputError
from conductor.models import Task, TaskResult

__all__ = ["NoStorage", "Payloads", "ServerStorage"]


class Payloads(Protocol):
    """What a runner does with payloads before and after the function."""

    def fetch_task(self, task: Task) -> Task:
        """Put what lies outside into the task."""

    def store_output(self, result: TaskResult, task_type: str) -> None:
        """Put outside what is too large of the output of a task of ``task_type``.

        Raises:
            SerializationError: It cannot be.
        """


class NoStorage:
    """Where no server is: everything is inline, and too large an output is refused as a server would lose it."""

    def fetch_task(self, task: Task) -> Task:
        """The task as it is."""
        return task

    def store_output(self, result: TaskResult, task_type: str) -> None:  # noqa: ARG002  as the protocol has it
        """Refuse an output that is too large."""
        try:
            refuse_output(result.output_data)
        except ConfigurationError as error:
            raise SerializationError(error.message, path_in_value="$") from None


class ServerStorage:
    """The server's storage; a payload that cannot go there fails its task for good, with the reason."""

    def __init__(self, storage: PayloadStorage) -> None:
        self._storage = storage

    def fetch_task(self, task: Task) -> Task:
        """The task with its input; a lost one fails the task for good, with the reason."""
        try:
            return self._storage.fetch_task(task)
        except ConfigurationError as error:
            raise TaskInputError(error.message) from None

    def store_output(self, result: TaskResult, task_type: str) -> None:
        """Move an output over the limit to the storage."""
        try:
            self._storage.store_output(result, task_type)
        except ConfigurationError as error:
            raise SerializationError(error.message, path_in_value="$") from None
