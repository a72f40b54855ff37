import json

import pytest

from conductor.errors import BadRequestError, NotFoundError
from conductor.models import TaskExecLog, TaskResult
from conductor.worker.results import failure_instead, sendable_body, update_body

REFUSED = BadRequestError("too large", status=413)


def body(status, **fields):
    return update_body(TaskResult("w", "t", status=status, **fields))


def test_a_result_without_a_json_form_fails_its_task_and_says_so():
    sent = json.loads(sendable_body(TaskResult("w", "t", status="COMPLETED", reason_for_incompletion=object())))
    assert (sent["taskId"], sent["workflowInstanceId"], sent["status"]) == ("t", "w", "FAILED_WITH_TERMINAL_ERROR")
    assert "object" in sent["reasonForIncompletion"]


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (body("COMPLETED"), "FAILED_WITH_TERMINAL_ERROR"),
        (body("NO_SUCH_STATUS"), "FAILED_WITH_TERMINAL_ERROR"),
        (body("IN_PROGRESS", callback_after_seconds=5), "FAILED_WITH_TERMINAL_ERROR"),
        (body("FAILED", logs=[TaskExecLog(log="x" * 1000)]), "FAILED"),
        (body("FAILED", output_data={"a": 1}), "FAILED"),
    ],
)
def test_what_the_server_finds_wrong_is_replaced_by_a_short_failure(refused, status):
    instead = json.loads(failure_instead(refused, REFUSED))
    assert (instead["taskId"], instead["workflowInstanceId"], instead["status"]) == ("t", "w", status)
    assert "too large" in instead["reasonForIncompletion"]
    assert failure_instead(json.dumps(instead).encode(), REFUSED) is None


@pytest.mark.parametrize("kept", [body("IN_PROGRESS"), body("FAILED")])
def test_hand_backs_and_short_failures_are_not_replaced(kept):
    assert failure_instead(kept, REFUSED) is None


def test_nothing_is_sent_for_a_task_that_the_server_does_not_know():
    assert failure_instead(body("COMPLETED"), NotFoundError("gone", status=404)) is None
