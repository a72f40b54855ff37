"""TaskHandler(processes=N): real processes, killed and stopped for real."""

import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request

import pytest
from processes import read_until, start_script

from conductor import ConfigurationError, Settings, TaskHandler, Worker, WorkerRegistrationError, worker_task
from conductor.worker.worker import WorkerRegistry

SCRIPT = r"""
import logging, os, sys, threading, time
from conductor import TaskHandler, Worker, worker_task

logging.basicConfig(level=logging.INFO)

@worker_task("who", thread_count=2)
def who():
    time.sleep(0.02)
    return {"pid": os.getpid()}

@worker_task("slow", thread_count=5)
def slow(seconds: float = 1.0):
    os.write(1, b"in flight %d\n" % os.getpid())
    time.sleep(seconds)
    return {"pid": os.getpid()}

if __name__ == "__main__":
    TaskHandler(processes=2, metrics=True).run()
"""


@pytest.fixture
def run(stub, tmp_path):
    started = []

    def run(code=SCRIPT, **environ):
        started.append(start_script(tmp_path / f"script{len(started)}.py", code, stub, **environ))
        return started[-1]

    yield run
    stub.end_polls()
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)


def finish(stub, process):
    """Stop the process as a deployment does; returns what it wrote."""
    stub.end_polls()
    process.terminate()
    out, _ = process.communicate(timeout=20)
    return out


def pids(stub):
    with stub.lock:
        outputs = [updates[-1].get("outputData", {}) for updates in stub.results.values()]
    return {output["pid"] for output in outputs if "pid" in output}


NUMBERS = itertools.count()


def at_work(stub, count):
    """A condition: so many processes have worked. There is always more to do, so the last to start gets some, too."""

    def condition():
        stub.add("who", f"who-more-{next(NUMBERS)}")
        return len(pids(stub)) >= count

    return condition


def children_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def rows(path):
    if not path.exists():
        return 0
    connection = sqlite3.connect(path, timeout=5)
    try:
        return connection.execute("SELECT count(*) FROM results").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_process_works_and_a_signal_drains_them_all(stub, run, wait_until):
    stub.add("slow", *(f"slow-{i}" for i in range(10)))
    process = run()
    seen = read_until(process, "in flight", times=10)
    out = finish(stub, process)
    assert process.returncode == 0, out
    assert len(stub.done()) == 10
    assert len(pids(stub)) == 2
    assert process.pid not in pids(stub)
    assert seen is not None
    wait_until(lambda: not any(is_there(pid) for pid in pids(stub)))


def test_ctrl_c_that_reaches_the_whole_group_drains_it(stub, run):
    stub.add("slow", "slow-1", "slow-2")
    process = run()
    read_until(process, "in flight", times=2)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert len(stub.done()) == 2


def test_a_killed_process_is_started_again_and_the_others_go_on(stub, run, wait_until):
    process = run()
    wait_until(at_work(stub, 2), timeout=20)
    victim = min(pids(stub))
    os.kill(victim, signal.SIGKILL)
    read_until(process, "killed by SIGKILL")
    read_until(process, "is started as pid")
    wait_until(at_work(stub, 3), timeout=20)
    assert victim in pids(stub)
    out = finish(stub, process)
    assert process.returncode == 0, out


def test_processes_drain_and_end_after_their_parent_is_killed(stub, run, wait_until):
    process = run()
    stub.add("slow", *(f"slow-{i}" for i in range(10)))
    read_until(process, "in flight", times=10)
    process.kill()
    process.communicate(timeout=20)
    wait_until(lambda: len(stub.done()) == 10)
    wait_until(lambda: not any(is_there(pid) for pid in pids(stub)))


def test_an_exceeded_grace_period_exits_with_1_and_names_the_tasks(stub, run):
    stub.add("slow", "slow-1", inputData={"seconds": 60})
    process = run(SCRIPT.replace("metrics=True", "grace_seconds=0.5"))
    read_until(process, "in flight")
    out = finish(stub, process)
    assert process.returncode == 1
    assert "unfinished tasks ['slow-1']" in out


def busy(address):
    with urllib.request.urlopen(address, timeout=5) as answer:
        return sum(worker["busy"] for worker in json.load(answer)["workers"])


def test_a_second_signal_stops_all_processes_and_names_their_tasks(stub, run, wait_until):
    stub.add("slow", "slow-1", inputData={"seconds": 60})
    process = run(CONDUCTOR_HEALTH_PORT="0")
    health = re.search(r"http://\S+/livez", read_until(process, "Health: "))[0]
    line = read_until(process, "in flight")
    wait_until(lambda: busy(health) == 1)  # so the parent has been told
    process.terminate()
    read_until(process, "Stopping")
    process.terminate()
    assert "retried after their response timeout: slow-1\n" in read_until(process, "Unfinished tasks")
    assert process.wait(10) == 1
    wait_until(lambda: not is_there(int(line.split()[-1])))


def test_processes_come_from_the_environment(stub, run, wait_until):
    process = run(SCRIPT.replace("processes=2, ", ""), CONDUCTOR_PROCESSES="2")
    wait_until(at_work(stub, 2), timeout=20)
    finish(stub, process)
    assert process.returncode == 0


@pytest.mark.parametrize("command", [["-m", "shop"], ["shop"], ["shop/__main__.py"]])
def test_workers_of_a_package_or_folder_that_is_run_are_found(stub, tmp_path, wait_until, command):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__main__.py").write_text(SCRIPT)
    environ = {**os.environ, "CONDUCTOR_SERVER_URL": stub.url}
    process = subprocess.Popen([sys.executable, *command], cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL)
    try:
        stub.add("who", *(f"who-{i}" for i in range(30)))
        wait_until(lambda: len(stub.done()) == 30)
    finally:
        stub.end_polls()
        process.terminate()
    assert process.wait(10) == 0
    assert process.pid not in pids(stub)


UNGUARDED = SCRIPT.replace("if __name__", "if True or __name__")
BROKEN_IN_CHILDREN = SCRIPT.replace(
    '@worker_task("who"', 'if __name__ != "__main__":\n    raise RuntimeError("not here")\n\n@worker_task("who"'
)
ONLY_IN_MAIN = SCRIPT.replace(
    '@worker_task("who"',
    'if __name__ == "__main__":\n    @worker_task("only_main")\n    def only_main(): ...\n\n@worker_task("who"',
)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (UNGUARDED, "__name__ == '__main__'"),
        (BROKEN_IN_CHILDREN, "not here"),
        (ONLY_IN_MAIN, "only_main"),
        (SCRIPT.replace("processes=2", "processes=0"), "processes is 0"),
        (
            SCRIPT.replace("processes=2", "processes=2, outbox='/no/such/folder/box'"),
            "Cannot use the outbox /no/such/folder/box.1",
        ),
    ],
)
def test_a_child_that_cannot_be_set_up_exits_with_2_and_a_reason(run, code, says):
    process = run(code)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 2, out
    assert says in out


OBSERVED = SCRIPT.replace(
    'if __name__ == "__main__":\n    TaskHandler(processes=2, metrics=True).run()',
    """
def configure(handler):
    handler.use(lambda context, call: {**call(), "through": "middleware"})

if __name__ == "__main__":
    import json
    handler = TaskHandler(processes=2, metrics=True, outbox=os.environ["OUTBOX"], child_setup="__main__:configure")
    handler.start()
    def counted():
        family = handler.metrics().get("task_execution_started_total", {"samples": []})
        return sum(sample["value"] for sample in family["samples"])
    deadline = time.monotonic() + 20
    while not (handler.health().is_ready and counted() == 4 and handler.health().delivered == 4):
        assert time.monotonic() < deadline, handler.health()
        time.sleep(0.05)
    print("health", json.dumps(handler.health().to_dict()), flush=True)
    handler.pause("who")
    while {w.task_type: w.state for w in handler.health().workers}["who"] != "paused":
        assert time.monotonic() < deadline, handler.health()
        time.sleep(0.05)
    assert handler.is_polling
    report = handler.stop()
    assert report.drained and not handler.is_polling
""",
)


def test_health_metrics_pause_and_set_up_reach_over_all_processes(stub, run, tmp_path):
    stub.add("who", *(f"who-{i}" for i in range(4)))
    process = run(OBSERVED, OUTBOX=str(tmp_path / "box"))
    out, _ = process.communicate(timeout=40)
    assert process.returncode == 0, out
    assert {u[0]["outputData"]["through"] for u in stub.results.values()} == {"middleware"}
    assert (tmp_path / "box.1").exists()
    assert (tmp_path / "box.2").exists()


KILLED = SCRIPT.replace("metrics=True", 'outbox=os.environ["OUTBOX"]').replace(
    "time.sleep(0.02)", 'open(os.environ["RUNS"], "a").write("x")'
)


def test_successors_deliver_the_results_of_killed_processes(stub, run, wait_until, tmp_path):
    stub.fault = lambda kind: 503 if kind in {"update", "update-v2"} else None
    stub.add("who", *(f"who-{i}" for i in range(20)))
    process = run(KILLED, OUTBOX=str(tmp_path / "box"), RUNS=str(tmp_path / "runs"))
    wait_until(lambda: rows(tmp_path / "box.1") + rows(tmp_path / "box.2") == 20)
    for pid in children_of(process):
        os.kill(pid, signal.SIGKILL)
    read_until(process, "killed by SIGKILL", times=2)
    stub.fault = lambda kind: None
    wait_until(lambda: len(stub.done()) == 20)
    out = finish(stub, process)
    assert process.returncode == 0, out
    assert (tmp_path / "runs").read_text() == "x" * 20


# -- refused before anything is started


def a_function():
    """A worker's function at the top of a module, but its Worker is in no variable."""


KEPT = Worker(a_function, "kept")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"listeners": [object()]}, "listeners"),
        ({"on_error": print}, "on_error"),
        ({"child_setup": "nowhere:function"}, "nowhere"),
        ({"processes": 0}, "processes"),
    ],
)
def test_listeners_and_middleware_are_refused_with_processes(options, says):
    if "listeners" in options:
        from conductor import WorkerListener

        options = {"listeners": [WorkerListener()]}
    with pytest.raises(ConfigurationError, match=says):
        TaskHandler(Settings(), workers=[KEPT], **{"processes": 2, **options}).start()


def test_a_worker_that_no_name_leads_to_is_refused():
    hidden = Worker(lambda: None, "hidden")
    with pytest.raises(WorkerRegistrationError, match="hidden"):
        TaskHandler(Settings(), workers=[hidden], processes=2).start()


def test_a_function_of_a_custom_registry_is_found_by_its_variable():
    from conductor.worker.processes.spec import worker_refs

    registry = WorkerRegistry()
    module = sys.modules[__name__]
    module.declared = worker_task("declared", registry=registry)(a_function)
    try:
        assert [w.name for w in worker_refs(registry)] == ["declared"]
    finally:
        del module.declared
        del a_function.__conductor_worker__
