"""A stop from anywhere, at any time, any number of times; and processes that end in time."""

import contextlib
import signal
import textwrap
import threading
import time
import urllib.error
import urllib.request

import pytest
from processes import read_until, start_script

from conductor import Settings, TaskHandler, Worker
from conductor.worker.events import PollCompleted, PollFailure, TaskExecutionStarted, TaskUpdateCompleted
from conductor.worker.lifecycle import HandlerState

PREAMBLE = """
import logging, multiprocessing, os, signal, subprocess, sys, threading, time
from conductor import TaskHandler, worker_task
logging.basicConfig(level=logging.INFO)
"""


@pytest.fixture
def spawn(stub, tmp_path):
    processes = []

    def run(code, **environ):
        path = tmp_path / f"script{len(processes)}.py"
        processes.append(start_script(path, PREAMBLE + textwrap.dedent(code), stub, **environ))
        return processes[-1]

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def handler_of(stub, *workers, **options):
    return TaskHandler(Settings(server_url=stub.url), workers=workers or [Worker(lambda: None, "work")], **options)


def slow_worker(running, wait):
    def slow():
        running.set()
        wait()

    return Worker(slow, "slow")


def threads_left():
    names = ("poll:", "run:", "outbox", "lease", "watchdog", "control", "health", "definitions")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


# -- from anywhere


@pytest.mark.parametrize("event", [PollFailure, PollCompleted, TaskExecutionStarted, TaskUpdateCompleted])
def test_a_listener_can_stop_the_handler(stub, event):
    if event is PollFailure:
        stub.fault = lambda kind: 500 if kind == "poll" else None
    else:
        stub.add("work", "work-1")
    handler, reports = handler_of(stub, grace_seconds=5), []
    handler.on(event, lambda _: reports.append(handler.stop()))
    with handler:
        assert handler.join(10)
    assert handler.state is HandlerState.STOPPED
    assert reports
    assert threads_left() == []
    assert not handler.health().is_live


def test_a_task_can_stop_the_handler_and_is_delivered(stub):
    stub.add("work", "work-1")
    handler = handler_of(stub, Worker(lambda: str(handler.stop(20).unfinished), "work"))
    handler.start()
    began = time.monotonic()
    assert handler.join(15)
    assert time.monotonic() - began < 10  # it did not wait for itself
    assert stub.results["work-1"][0]["outputData"] == {"result": "['work-1']"}


def test_many_threads_can_stop_it_at_once_and_all_wait_for_its_end(stub):
    stub.add("slow", "slow-1")
    running = threading.Event()
    handler = handler_of(stub, slow_worker(running, lambda: time.sleep(0.5))).start()
    assert running.wait(10)
    reports = []
    threads = [threading.Thread(target=lambda: reports.append(handler.stop())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [report.drained for report in reports] == [True] * 20
    assert stub.done() == {"slow-1"}
    assert handler.stop().drained  # and again
    assert threads_left() == []


def test_a_later_stop_can_shorten_the_grace_period(stub):
    stub.add("slow", "slow-1")
    running, release = threading.Event(), threading.Event()
    handler = handler_of(stub, slow_worker(running, lambda: release.wait(30))).start()
    assert running.wait(10)
    first = threading.Thread(target=handler.stop, args=(30,))
    first.start()
    began = time.monotonic()
    assert handler.stop(0.2).unfinished == ["slow-1"]
    first.join(5)
    assert not first.is_alive()
    assert time.monotonic() - began < 5
    release.set()


def test_a_stop_before_the_start_does_nothing_one_during_it_is_kept(stub):
    handler = handler_of(stub)
    assert handler.stop().drained
    assert handler.state is HandlerState.NEW
    is_asked = []

    def during_the_start():
        is_asked.append(handler.stop().drained)  # as a signal handler would, on the thread that starts it
        return []

    handler._find_workers, real = (lambda: during_the_start() or real()), handler._find_workers
    assert handler.start() is handler
    assert (is_asked, handler.state, handler.is_polling) == ([True], HandlerState.STOPPED, False)
    assert threads_left() == []
    handler._find_workers = real
    with handler:
        assert handler.is_polling


def test_a_stop_from_another_thread_during_the_start_waits_for_its_end(stub):
    handler = handler_of(stub)
    stopper = threading.Thread(target=lambda: handler.stop())
    real = handler._find_workers

    def slowly():
        stopper.start()
        time.sleep(0.2)  # the stop is requested meanwhile
        return real()

    handler._find_workers = slowly
    handler.start()
    stopper.join(10)
    assert not stopper.is_alive()
    assert handler.state is HandlerState.STOPPED


def test_health_says_live_while_it_stops_and_not_when_nothing_polls(stub):
    stub.add("slow", "slow-1")
    running, release = threading.Event(), threading.Event()
    handler = handler_of(stub, slow_worker(running, lambda: release.wait(30)), health_port=0, grace_seconds=20).start()
    url = f"http://127.0.0.1:{handler.health_port}/livez"

    def status():
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert running.wait(10)
    assert status() == 200
    stopper = threading.Thread(target=handler.stop)
    stopper.start()
    while handler.state is HandlerState.RUNNING:
        time.sleep(0.01)
    assert (status(), handler.health().is_ready) == (200, False)
    release.set()
    stopper.join(20)
    assert handler.health().is_live is False


def test_health_is_not_live_when_the_pollers_are_gone_without_a_stop(stub, wait_until):
    handler = handler_of(stub).start()
    with contextlib.suppress(Exception):
        handler._group._shared.stop.set()  # what a stop that failed half way leaves behind
    handler._group._polling.wake()
    wait_until(lambda: not handler.is_polling)
    assert not handler.health().is_live
    handler.stop()


# -- processes

LEAVES_A_THREAD = """
@worker_task("work")
def work():
    threading.Thread(target=time.sleep, args=(60,), name="left-behind").start()
    os.write(1, b"in flight\\n")

if __name__ == "__main__":
    TaskHandler(grace_seconds=2, processes={processes}).run()
    print("run has returned", flush=True)
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_threads_that_tasks_leave_behind_do_not_keep_the_process(stub, spawn, processes):
    stub.add("work", "work-1")
    process = spawn(LEAVES_A_THREAD.format(processes=processes))
    read_until(process, "in flight")
    began = time.monotonic()
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert time.monotonic() - began < 10
    assert "run has returned" in out
    assert "left-behind" in out
    assert stub.done() == {"work-1"}


def test_code_after_run_is_executed_and_sets_the_exit_status(stub, spawn):
    stub.add("work", "work-1")
    process = spawn(LEAVES_A_THREAD.format(processes=1) + "    raise ValueError('after run')\n")
    read_until(process, "in flight")
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1, out
    assert "after run" in out


def test_an_exception_of_the_main_thread_after_start_drains_and_exits_1(stub, spawn):
    stub.add("slow", "slow-1")
    process = spawn("""
        running = threading.Event()

        @worker_task("slow")
        def slow():
            running.set()
            time.sleep(2)

        TaskHandler().start()
        running.wait(10)
        raise ValueError("the script is broken")
    """)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1, out
    assert "the script is broken" in out
    assert stub.done() == {"slow-1"}


WITH_BLOCK = """
@worker_task("slow")
def slow():
    os.write(1, b"in flight\\n")
    time.sleep({seconds})

with TaskHandler():
    time.sleep(60)
"""


def test_ctrl_c_once_drains_a_with_block(stub, spawn):
    stub.add("slow", "slow-1")
    process = spawn(WITH_BLOCK.format(seconds=1))
    read_until(process, "in flight")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert stub.done() == {"slow-1"}


def test_ctrl_c_twice_ends_a_with_block_and_names_what_was_left(stub, spawn):
    stub.add("slow", "slow-1")
    process = spawn(WITH_BLOCK.format(seconds=60))
    read_until(process, "in flight")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    read_until(process, "Stopping")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT, out
    assert time.monotonic() - began < 8
    assert "slow-1" in out


def test_a_signal_during_the_start_stops_it(stub, spawn):
    process = spawn("""
        @worker_task("work")
        def work(): ...

        if __name__ == "__main__":
            handler = TaskHandler(grace_seconds=2)
            real = handler._find_workers

            def slowly():
                os.write(1, b"starting\\\\n")
                time.sleep(1)
                return real()

            handler._find_workers = slowly
            handler.run()
            print("run has returned", flush=True)
    """)
    read_until(process, "starting")
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert "run has returned" in out


CHILDREN = """
def idle():
    time.sleep(60)

@worker_task("work")
def work():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.apply_async(abs, (-3,)).get(timeout=10) == 3
    forked = multiprocessing.get_context("fork").Process(target=idle)
    forked.start()
    forked.terminate()
    forked.join(10)
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    return {{"exitcode": forked.exitcode, "interruptible": out.strip()}}

if __name__ == "__main__":
    TaskHandler(processes={processes}).run()
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_children_of_tasks_have_the_default_signal_handlers(stub, spawn, wait_until, processes):
    stub.add("work", "work-1")
    process = spawn(CHILDREN.format(processes=processes))
    wait_until(lambda: stub.results["work-1"], timeout=30)
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert stub.results["work-1"][0].get("outputData") == {"exitcode": -15, "interruptible": "True"}, out
    assert process.returncode == 0, out
