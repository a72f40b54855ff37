"""HTTP_POLL: repeat an HTTP call until a condition on its response is true."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import CallHttp
from conductor.server.engine.context import ScriptFailedError
from conductor.server.engine.extensions import TaskKind
from conductor.server.engine.state import IN_PROGRESS
from conductor.server.engine.tasks.external import plan_asynchronous
from conductor.server.engine.tasks.planning import Run

Json = dict[str, Any]

#: Default and minimum number of seconds between two calls, as on Orkes.
_MIN_INTERVAL_S = 60
#: Maximum number of seconds between two calls, which limits an exponential back-off.
_MAX_INTERVAL_S = 2**31 - 1
#: Result of a condition that fails the task.
_GIVE_UP = -1


def poll_delay(strategy: str, interval: int, polls: int) -> int:
    """Return the seconds before the next call.

    Args:
        strategy: ``FIXED``, ``LINEAR_BACKOFF`` or ``EXPONENTIAL_BACKOFF``.
        interval: The interval in seconds; at least 60.
        polls: How many calls have been made.
    """
    seconds = max(interval, _MIN_INTERVAL_S)
    if strategy == "LINEAR_BACKOFF":
        seconds *= polls
    elif strategy == "EXPONENTIAL_BACKOFF":
        seconds *= 2 ** min(polls, 31)
    return min(seconds, _MAX_INTERVAL_S)


def _request(run: Run) -> Json:
    given = run.input_with_secrets
    found = given.get("http_request", given)
    return found if isinstance(found, dict) else {}


def _start(run: Run) -> None:
    request = _request(run)
    if not request.get("uri"):
        run.fail("Missing HTTP URI.  See documentation for HttpTask for required input parameters")
    elif not request.get("terminationCondition"):
        run.fail("Missing terminationCondition of the HTTP_POLL task")
    else:
        run.task["status"] = IN_PROGRESS
        _call(run, request)


def _call(run: Run, request: Json) -> None:
    run.task["_isCalling"] = True
    run.execution.commands.append(CallHttp(run.task["taskId"], {**request, "method": request.get("method") or "GET"}))


def _poll_again(run: Run) -> bool:
    """Make the next call, if it is due."""
    if run.context.now < run.task.get("_nextRun", 0) or run.task.get("_isCalling"):
        return False
    run.task.drop("_nextRun")
    run.task.update(callbackAfterSeconds=0, pollCount=run.task["pollCount"] + 1)
    _call(run, _request(run))
    return True


def _receive(run: Run, response: Json | None, fault: str) -> None:
    """Complete or fail the task, or schedule its next call, by the condition on the response."""
    run.task.drop("_isCalling")
    if response is None:
        run.fail(f"Failed to invoke HTTP task due to: {fault}", output={"response": fault})
        return
    run.task["outputData"] = {"response": response}
    request = _request(run)
    try:
        found = run.context.javascript(str(request.get("terminationCondition")), _bindings(run, response))
    except ScriptFailedError as error:
        run.fail(f"Failed to invoke the terminationCondition: {error}")
        return
    if found == _GIVE_UP and found is not True:
        run.fail("The terminationCondition returned -1")
    elif found is True or (found == 1 and found is not False):
        run.complete()
    else:
        _wait(run, request)


def _bindings(run: Run, response: Json) -> Json:
    tasks = {
        name: {"input": task["inputData"], "output": task["outputData"]}
        for name in run.execution.references()
        if (task := run.execution.newest(name)) is not None
    }
    return {**tasks, "output": {**response, "response": response, "status": response["statusCode"]}}


def _wait(run: Run, request: Json) -> None:
    polls, most, interval = run.task["pollCount"], request.get("maxPollCount"), request.get("pollingInterval")
    if 0 < _number(most) <= polls:
        run.fail(f"The terminationCondition is not true after {polls} calls")
        return
    delay = poll_delay(str(request.get("pollingStrategy") or "FIXED"), _number(interval), polls)
    run.task.update(callbackAfterSeconds=delay, _nextRun=run.context.now + delay * 1000)


def _number(value: Any) -> int:
    """Return an integer that may be given as a string; 0 for anything else."""
    return int(value) if str(value).strip().isdigit() else 0


HTTP_POLL = TaskKind(plan_asynchronous, _start, _poll_again, answer=_receive)
