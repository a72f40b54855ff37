"""Payloads of tasks that lie outside the database, as a worker meets them."""

import threading

import pytest

from conductor.errors import APIConnectionError, ConfigurationError
from conductor.models import Task, TaskResultStatus
from conductor.worker.execution import TaskRunner
from conductor.worker.results import ServerStorage
from conductor.worker.worker import Worker

MIB = 1024 * 1024


class LostStorage:
    """Stands in for a server that dropped the input."""

    def fetch_task(self, task):
        raise ConfigurationError("The task input lies outside the database, and the server has dropped it.")


class Storage:
    """Stands in for the storage of the server."""

    def __init__(self, error=None):
        self.error = error
        self.stored = []

    def fetch_task(self, task):
        if task.external_input_payload_storage_path:
            task.input_data = {"text": "from outside"}
        return task

    def store_output(self, result, task_type):
        if self.error:
            raise self.error
        self.stored.append(result.output_data)
        result.output_data, result.external_output_payload_storage_path = {}, "out.json"


def run(function, storage=None, **fields):
    payloads = ServerStorage(storage) if storage else None
    task = Task(task_id="t", workflow_instance_id="w", **fields)
    return TaskRunner(Worker(function, "echo"), "me", payloads=payloads).run(task, threading.Event())


def test_the_function_gets_the_input_that_lies_outside():
    got = []

    run(lambda text: got.append(text), Storage(), external_input_payload_storage_path="in.json")

    assert got == ["from outside"]


def test_a_large_output_is_named_and_not_sent():
    storage = Storage()

    result = run(lambda: {"a": 1}, storage)

    assert (result.output_data, result.external_output_payload_storage_path) == ({}, "out.json")
    assert storage.stored == [{"a": 1}]


@pytest.mark.parametrize("storage", [None, Storage(ConfigurationError("The task output has 9 bytes. No storage."))])
def test_an_output_that_cannot_be_stored_fails_the_task_permanently(storage):
    result = run(lambda: {"a": "x" * (4 * MIB)}, storage)

    assert result.status is TaskResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert result.reason_for_incompletion.startswith("SerializationError: The task output has ")
    assert result.output_data == {}


def test_an_unreachable_storage_fails_the_attempt_only():
    result = run(lambda: {"a": 1}, Storage(APIConnectionError("no connection to the storage")))

    assert result.status is TaskResultStatus.FAILED
    assert "no connection to the storage" in result.reason_for_incompletion


def test_a_lost_input_fails_the_task_without_calling_the_function():
    called = []

    result = run(lambda: called.append(1), LostStorage(), external_input_payload_storage_path="p")

    assert result.status is TaskResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert "the server has dropped it" in result.reason_for_incompletion
    assert called == []
