import inspect
import pickle

import pytest

from conductor import errors
from conductor.models import Task

CLASSES = [c for n in errors.__all__ if inspect.isclass(c := getattr(errors, n))]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_can_be_created_printed_and_pickled(cls):
    error = cls("what happened")
    assert str(error) == "what happened"
    assert "what happened" in repr(error)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == "what happened"


def test_error_attributes_survive_pickling():
    error = errors.WorkflowFailedError("failed", workflow_id="w", failed_task=Task(task_id="t"), reason="r")
    again = pickle.loads(pickle.dumps(error))
    assert (again.workflow_id, again.failed_task.task_id, again.reason, again.logs) == ("w", "t", "r", [])


def test_an_error_becomes_a_dict_for_logs():
    error = errors.NotFoundError("gone", status=404, path="/x", method="GET")
    assert error.to_dict()["status"] == 404
    assert error.to_dict()["error"] == "NotFoundError"


def test_non_retryable_errors_are_not_caught_as_sdk_errors():
    assert not issubclass(errors.NonRetryableError, errors.ConductorError)


def test_the_module_docstring_shows_every_error_class():
    assert [c.__name__ for c in CLASSES if c.__name__ not in errors.__doc__] == []
