"""What a task allocates is freed when it ends, without waiting for a garbage collection."""

import contextlib
import gc
import io
import logging
import weakref

from conductor import NonRetryableError, Settings, TaskHandler, Worker


class Buffer(bytearray):
    """Bytes that can be referred to weakly."""


def outcome(kind, buffer):
    if kind == "raise":
        raise ValueError(len(buffer))
    if kind == "terminal":
        raise NonRetryableError(len(buffer))
    return {"buffer": object() if kind == "no JSON" else buffer}


@contextlib.contextmanager
def uncollected():
    """Run without the garbage collector; the log goes to a stream, because the test's log handlers keep exceptions."""
    logger = logging.getLogger("conductor")
    before = logger.handlers[:]
    logger.handlers[:], logger.propagate = [logging.StreamHandler(io.StringIO())], False
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        logger.handlers[:], logger.propagate = before, True


def test_nothing_of_a_task_outlives_it_in_a_running_handler(stub, wait_until):
    held = []

    def on_thread(kind: str, numbers: list[int]):
        buffer = Buffer(1000)
        held.append(weakref.ref(buffer))
        return outcome(kind, buffer)

    async def on_loop(kind: str, numbers: list[int]):
        buffer = Buffer(1000)
        held.append(weakref.ref(buffer))
        return outcome(kind, buffer)

    workers = [Worker(on_thread, "thread", thread_count=2), Worker(on_loop, "loop", thread_count=2)]
    kinds = ("raise", "terminal", "no JSON", "ok") * 2
    with uncollected(), TaskHandler(Settings(server_url=stub.url), workers=workers):
        for task_type in ("thread", "loop"):
            for number, kind in enumerate(kinds):
                stub.add(task_type, f"{task_type}-{number}", inputData={"kind": kind, "numbers": [1]})
            stub.add(task_type, f"{task_type}-refused", inputData={"kind": "ok", "numbers": ["x"]})
        wait_until(lambda: len(stub.done()) == 2 * len(kinds) + 2)
        assert len(held) == 2 * len(kinds)
        wait_until(lambda: not [one for one in held if one() is not None], what="freeing the buffers")
