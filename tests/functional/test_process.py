"""Worker processes as a whole: signals, exit statuses, the end of the main thread, a kill with the outbox on."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

PREAMBLE = """
import logging, os, sys, threading, time
from conductor import TaskHandler, worker_task
logging.basicConfig(level=logging.INFO)
"""


@pytest.fixture
def spawn(stub, tmp_path):
    processes = []

    def run(code, **environ):
        script = tmp_path / f"script{len(processes)}.py"
        script.write_text(PREAMBLE + textwrap.dedent(code))
        env = {**os.environ, "CONDUCTOR_SERVER_URL": stub.url, **environ}
        process = subprocess.Popen(
            [sys.executable, str(script)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


SLOW = r"""
@worker_task("slow", thread_count=10)
def slow():
    os.write(1, b"in flight\n")  # whole lines, from ten threads at once
    time.sleep(1.0)

if __name__ == "__main__":
    TaskHandler().run()
"""


def read_until(process, text, times=1):
    deadline = threading.Timer(20, process.kill)
    deadline.start()
    try:
        for line in process.stdout:
            times -= line.count(text)
            if times <= 0:
                return
    finally:
        deadline.cancel()
    raise AssertionError(f"the process ended before it said {text!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_with_ten_tasks_in_flight_delivers_ten_and_exits_with_0(stub, spawn, number):
    stub.add("slow", *(f"slow-{i}" for i in range(10)))
    process = spawn(SLOW)
    read_until(process, "in flight", times=10)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert len(stub.done()) == 10


def test_an_exceeded_grace_period_exits_with_1_and_names_the_tasks(stub, spawn):
    stub.add("slow", "slow-1")
    process = spawn(SLOW.replace("sleep(1.0)", "sleep(60)").replace("TaskHandler()", "TaskHandler(grace_seconds=0.5)"))
    read_until(process, "in flight")
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "slow-1" in out


def test_a_second_signal_aborts_and_names_tasks_and_results(stub, spawn, wait_until):
    stub.fault = lambda kind: 503 if kind in {"update", "update-v2"} else None
    stub.add("slow", "slow-1", inputData={"seconds": 60})
    stub.add("slow", "slow-2", inputData={"seconds": 0})
    process = spawn(SLOW.replace("slow():", "slow(seconds):").replace("sleep(1.0)", "sleep(seconds)"))
    read_until(process, "in flight", times=2)
    wait_until(lambda: stub.requests["update"] >= 2)  # so the result of slow-2 waits for the next attempt
    process.terminate()
    read_until(process, "Stopping")
    process.terminate()
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "retried after their response timeout: slow-1\n" in out
    assert "results were not delivered: slow-2\n" in out


@pytest.mark.parametrize(
    ("code", "environ", "says"),
    [
        ("TaskHandler().run()", {}, "No workers were found"),
        (SLOW, {"CONDUCTOR_WORKER_SLOW_THREAD_COUNT": "lots"}, "CONDUCTOR_WORKER_SLOW_THREAD_COUNT"),
        (SLOW, {"CONDUCTOR_AUTH_KEY": "only-half"}, "CONDUCTOR_AUTH_SECRET"),
        ("TaskHandler(import_modules=['no.such']).run()", {}, "'no.such', which cannot be imported: there is no such"),
        ("TaskHandler(import_modules=['broken']).run()", {}, "importing it raised ZeroDivisionError: division by zero"),
        ("TaskHandler(import_modules=['refused']).run()", {}, "thread_count is 0; it must be an integer"),
    ],
)
def test_an_invalid_configuration_exits_with_2_and_a_reason(spawn, tmp_path, code, environ, says):
    (tmp_path / "broken.py").write_text("def half():\n    return 1 / 0\n\nhalf()\n")
    (tmp_path / "refused.py").write_text(
        "import conductor\n\n@conductor.worker_task('x', thread_count=0)\ndef x(): ..."
    )
    process = spawn(code, **environ)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 2, out
    assert says in out
    assert ("Traceback" in out) == ("broken" in code)
    assert ("in half" in out) == ("broken" in code)


def test_a_handler_started_in_the_last_line_works_until_ctrl_c(stub, spawn, wait_until):
    process = spawn("""
        @worker_task("work", thread_count=2)
        def work(): ...

        TaskHandler().start()
        print("the script is over", flush=True)
    """)
    read_until(process, "the script is over")
    stub.add("work", *(f"work-{i}" for i in range(20)))
    wait_until(lambda: len(stub.done()) == 20, what="work after the main thread's end")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.poll() is not None


def test_a_script_that_uses_the_handler_as_a_context_ends(stub, spawn, wait_until):
    stub.add("work", "work-1")
    process = spawn("""
        done = threading.Event()

        @worker_task("work")
        def work():
            done.set()

        with TaskHandler():
            done.wait(10)
    """)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert stub.done() == {"work-1"}


def test_a_handler_made_before_a_fork_works_in_the_child(stub, spawn, wait_until):
    stub.add("work", *(f"work-{i}" for i in range(6)))
    process = spawn(
        """
        @worker_task("work", thread_count=2)
        def work():
            return {"pid": os.getpid()}

        handler = TaskHandler()
        handler.start()
        while handler.health().delivered < 6:
            time.sleep(0.02)
        pid = os.fork()
        if pid == 0:
            assert not handler.is_polling
            os.environ["CONDUCTOR_WORKER_ALL_DOMAIN"] = "child"
            handler.start()
            while handler.health().workers[0].last_poll_age is None:
                time.sleep(0.02)
            report = handler.stop()
            os._exit(0 if report.drained else 5)
        _, status = os.waitpid(pid, 0)
        assert handler.is_polling
        handler.stop()
        sys.exit(os.waitstatus_to_exitcode(status))
    """,
        PYTHONWARNINGS="ignore",
    )
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out
    assert len(stub.done()) == 6
    assert {p[3] for p in stub.polls} == {None, "child"}


OUTBOX = """
@worker_task("work", thread_count=10)
def work():
    open(os.environ["RUNS"], "a").write("x")

if __name__ == "__main__":
    TaskHandler(outbox=os.environ["OUTBOX"]).run()
"""


def test_after_a_kill_with_ten_undelivered_results_none_is_executed_again(stub, spawn, wait_until, tmp_path):
    runs, outbox = tmp_path / "runs", tmp_path / "outbox.db"
    environ = {"RUNS": str(runs), "OUTBOX": str(outbox)}
    stub.fault = lambda kind: 503 if kind in {"update", "update-v2"} else None
    stub.add("work", *(f"work-{i}" for i in range(10)))
    process = spawn(OUTBOX, **environ)
    wait_until(lambda: stub.requests["update-v2"] + stub.requests["update"] >= 10 and _rows(outbox) == 10)
    process.kill()
    process.communicate(timeout=10)
    stub.fault = lambda kind: None
    again = spawn(OUTBOX, **environ)
    wait_until(lambda: len(stub.done()) == 10)
    wait_until(lambda: _rows(outbox) == 0)
    again.terminate()
    again.communicate(timeout=20)
    assert again.returncode == 0
    assert runs.read_text() == "x" * 10


def _rows(path):
    import sqlite3

    if not path.exists():
        return 0
    connection = sqlite3.connect(path, timeout=5)
    try:
        return connection.execute("SELECT count(*) FROM results").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


FULL_DISK = """
import resource

@worker_task("work", thread_count=4)
def work():
    return {"text": "x" * 20_000}

if __name__ == "__main__":
    handler = TaskHandler(outbox=os.environ["OUTBOX"])
    handler.start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))  # no file can grow beyond that: the disk is full
    print("started", flush=True)
    while not os.path.exists(os.environ["END"]):
        time.sleep(0.02)
    sys.exit(0 if handler.stop().drained else 1)
"""


def test_a_full_disk_under_the_outbox_loses_nothing_in_memory(stub, spawn, wait_until, tmp_path):
    stub.fault = lambda kind: 503 if kind in {"update", "update-v2"} else None
    process = spawn(FULL_DISK, OUTBOX=str(tmp_path / "outbox.db"), END=str(tmp_path / "end"))
    read_until(process, "started")
    stub.add("work", *(f"work-{i}" for i in range(20)))
    read_until(process, "kept in memory only")
    wait_until(lambda: stub.tasks_taken == 20)
    stub.fault = lambda kind: None
    wait_until(lambda: len(stub.done()) == 20)
    (tmp_path / "end").touch()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out


def test_a_result_in_flight_after_the_grace_period_is_named_with_status_1(stub, spawn, wait_until):
    stub.fault = lambda kind: "hang" if kind in {"update", "update-v2"} else None
    stub.add("slow", "slow-1")
    process = spawn(SLOW.replace("sleep(1.0)", "sleep(0)").replace("TaskHandler()", "TaskHandler(grace_seconds=1)"))
    wait_until(lambda: stub.requests["update-v2"] + stub.requests["update"] == 1)
    process.terminate()
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 1, out
    assert "undelivered results ['slow-1']" in out


@pytest.mark.parametrize("start", ["TaskHandler().start()", "handler = TaskHandler().start()"])
def test_ctrl_c_after_a_scripts_last_line_drains_and_delivers(stub, spawn, start):
    stub.add("slow", *(f"slow-{i}" for i in range(4)))
    process = spawn(SLOW.replace("TaskHandler().run()", start))
    read_until(process, "in flight", times=4)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert len(stub.done()) == 4


def test_a_kill_loses_no_result_that_is_in_the_outbox(stub, spawn, tmp_path, wait_until):
    stub.fault = lambda kind: "hang" if kind in {"update", "update-v2"} else None
    stub.add("slow", *(f"slow-{i}" for i in range(10)))
    code = SLOW.replace("sleep(1.0)", "sleep(0)").replace(
        "TaskHandler()", f"TaskHandler(outbox={str(tmp_path / 'o.db')!r})"
    )
    process = spawn(code)
    wait_until(lambda: stub.requests["update-v2"] + stub.requests["update"] == 10)
    process.kill()
    process.wait(10)
    stub.fault = lambda kind: None
    again = spawn(code)
    wait_until(lambda: len(stub.done()) == 10)
    again.terminate()
    out, _ = again.communicate(timeout=20)
    assert "in flight" not in out
    assert "that an earlier process could not deliver" in out
