import logging
import threading
import time
from queue import SimpleQueue

import pytest

from conductor.worker.lifecycle import HandlerRun, HandlerState, StopDeadline, StopReport


class Group:
    """Stands for the workers; ``fail`` raises in the middle of a stop."""

    def __init__(self, fail=lambda: None):
        self.fail = fail
        self.deadline = None

    def start(self):
        pass

    def stop(self, deadline):
        self.deadline = deadline
        self.fail()
        return StopReport()

    def left(self):
        return StopReport(["t"], [])


class Observation:
    def __init__(self, fail=lambda: None):
        self.fail = fail
        self.is_closed = False

    def start(self):
        pass

    def close(self, _):
        self.is_closed = True
        self.fail()


def started(group, observation, on_stopped=lambda: None):
    run = HandlerRun(5.0, on_stopped)
    run.start_control()
    run.begin(group, observation)
    return run


def failing(error):
    def fail():
        raise error

    return fail


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("where", ["group", "observation", "on_stopped"])
@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(3), MemoryError()], ids=repr)
def test_whatever_fails_in_a_stop_those_who_wait_see_its_end(where, error):
    fails = {name: failing(error) if name == where else lambda: None for name in ("group", "observation", "on_stopped")}
    run = started(Group(fails["group"]), observation := Observation(fails["observation"]), fails["on_stopped"])
    run.stop(1.0)
    assert run.join(10)
    assert run.state is HandlerState.STOPPED
    assert observation.is_closed


class _Raising(logging.Filter):
    def filter(self, record):
        raise ValueError(record.msg)


def test_a_logging_filter_that_raises_does_not_keep_a_stop_from_its_end(capsys, caplog):
    logger, group, raising = logging.getLogger("conductor.worker.lifecycle"), Group(), _Raising()
    logger.addFilter(raising)
    try:
        with caplog.at_level(logging.INFO, logger.name):
            assert started(group, Observation()).stop(1.0) == StopReport()
    finally:
        logger.removeFilter(raising)
    assert group.deadline is not None
    assert "ValueError: Stopping" in capsys.readouterr().err


def test_a_stop_completes_even_if_a_logging_handler_raises():
    class Raising(logging.Handler):
        def emit(self, record):
            raise ValueError(record.msg)

    handler, group = Raising(), Group()
    logging.getLogger("conductor").addHandler(handler)
    try:
        assert started(group, Observation()).stop(1.0) == StopReport()
    finally:
        logging.getLogger("conductor").removeHandler(handler)
    assert group.deadline is not None


def test_of_concurrent_requests_the_earliest_deadline_applies():
    for _ in range(30):
        requests = SimpleQueue()
        deadline = StopDeadline(1000.0, requests)
        barrier = threading.Barrier(8, timeout=30)

        def ask(deadline=deadline, barrier=barrier):
            barrier.wait()
            for _ in range(20):
                deadline.left()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for grace in (900.0, 5.0, 800.0, 700.0):
            requests.put(grace)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert deadline.at - time.monotonic() <= 5.0


def test_a_run_that_never_started_is_over_at_once():
    run = HandlerRun(1.0, lambda: None)
    run.abandon()
    assert run.join(1.0)
