import functools
import importlib
import os
import subprocess
import sys
import textwrap
from datetime import date, timedelta
from pathlib import Path
from typing import get_type_hints

import attrs
import pytest

from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.models import Task, TaskDef
from conductor.worker.options import DefinitionArguments, DefinitionOptions, PollingArguments, WorkerOptions
from conductor.worker.worker import Worker, WorkerRegistry, default_registry, worker_task

ROOT = Path(__file__).parents[3]


@pytest.fixture
def registry():
    return WorkerRegistry()


def test_the_decorator_returns_the_very_same_function(registry):
    def charge(amount: int) -> int:
        return amount

    assert worker_task("charge", registry=registry)(charge) is charge
    assert charge(5) == 5
    assert registry.get("charge").function is charge
    assert charge.__conductor_worker__ is registry.get("charge")


def test_the_name_is_the_functions_own_when_it_is_left_out(registry):
    @worker_task(registry=registry)
    def ship(): ...

    assert [w.name for w in registry] == ["ship"]


def test_a_bare_decorator_registers_with_the_default_registry():
    try:

        @worker_task
        def bare_name_for_this_test(): ...

        assert default_registry.get("bare_name_for_this_test").function is bare_name_for_this_test
    finally:
        default_registry.clear()


def test_anything_callable_can_be_declared(registry):
    class Service:
        def method(self, a: int): ...

        def __call__(self): ...

    service = Service()
    worker_task("method", registry=registry)(service.method)
    worker_task("object", registry=registry)(service)
    worker_task("lambda", registry=registry)(lambda a: a)
    worker_task("partial", registry=registry)(functools.partial(service.method, a=2))
    assert len(registry) == 4


@pytest.mark.parametrize("declared", [3, "text", None])
def test_what_cannot_be_called_is_refused(declared):
    with pytest.raises(WorkerRegistrationError):
        Worker(declared, "x")


def test_a_lambda_needs_a_name():
    with pytest.raises(WorkerRegistrationError, match="name"):
        Worker(lambda: None)


def test_two_functions_for_one_task_are_an_error_that_shows_both_places(registry):
    @worker_task("charge", registry=registry)
    def one(): ...

    with pytest.raises(WorkerRegistrationError) as caught:

        @worker_task("charge", registry=registry)
        def other(): ...

    assert len(caught.value.locations) == 2
    assert all(f"{__file__}:" in place and place in str(caught.value) for place in caught.value.locations)


def test_the_same_task_in_another_domain_is_another_worker(registry):
    worker_task("charge", registry=registry)(lambda: 1)
    worker_task("charge", domain="eu", registry=registry)(lambda: 2)
    assert registry.get("charge", "eu").function() == 2
    assert len(registry) == 2


def module_file(folder, name, code):
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return path


RELOADED = """
    import functools
    from conductor import WorkerRegistry, worker_task
    registry = globals().get("registry") or WorkerRegistry()

    def logged(function):
        def wrapper(n: int):
            return function(n)
        return wrapper

    class Service:
        def method(self, n: int): ...
        def __call__(self, n: int): ...

    def make(k):
        def inner(n: int):
            return k
        return inner

    @worker_task("function", registry=registry)
    def work(n: int): ...

    @worker_task("wrapped", registry=registry)
    @logged
    def other(n: int): ...

    worker_task("method", registry=registry)(Service().method)
    worker_task("object", registry=registry)(Service())
    worker_task("partial", registry=registry)(functools.partial(work, n=1))
    worker_task("lambda", registry=registry)(lambda n: n)
    worker_task("closure", registry=registry)(make(1))
"""


def test_a_reloaded_or_edited_module_replaces_its_workers(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module_file(tmp_path, "reloaded_workers", RELOADED)
    try:
        module = importlib.import_module("reloaded_workers")
        before = module.registry.list()
        assert len(before) == 7
        for edited in (RELOADED, "\n\n" + RELOADED.replace("return n", "return n + 1")):
            module_file(tmp_path, "reloaded_workers", edited)
            importlib.invalidate_caches()
            importlib.reload(module)
            after = module.registry.list()
            assert len(after) == 7
            assert not set(map(id, before)) & set(map(id, after))
            assert module.registry.get("function").function is module.work
            before = after
    finally:
        sys.modules.pop("reloaded_workers", None)


def test_a_notebook_cell_that_is_run_again_replaces_its_workers():
    registry = WorkerRegistry()
    cells = {"__name__": "__main__", "registry": registry, "worker_task": worker_task}

    def run(number, code):
        compiled = compile(textwrap.dedent(code), f"<ipython-input-{number}>", "exec")
        exec(compiled.replace(co_name="<cell line: 1>"), cells)  # IPython gives each cell this name

    cell = """
        @worker_task("charge", registry=registry)
        def charge(n: int): return 1
    """
    run(1, cell)
    run(1, cell)
    run(2, "\n" + cell.replace("return 1", "return 2"))
    assert registry.get("charge").function(n=0) == 2
    with pytest.raises(WorkerRegistrationError, match="Two workers"):
        run(3, cell.replace("def charge", "def other"))
    with pytest.raises(WorkerRegistrationError, match="Two workers"):
        run(4, cell.replace("charge", "twice") + cell.replace("charge", "twice").replace("return 1", "return 2"))


def test_different_callables_for_one_task_are_an_error_also_from_one_line():
    class Service:
        def method(self): ...

        def __call__(self): ...

    def make(k):
        return lambda: k

    def plain(a=1): ...

    service = Service()
    pairs = [
        (make(1), make(2)),
        (Service(), Service()),
        (Service().method, Service().method),
        (functools.partial(plain, a=1), functools.partial(plain, a=2)),
        (functools.partial(plain, a=1), plain),
        (functools.wraps(plain)(lambda: 1), functools.wraps(plain)(lambda: 2)),
        (service, service.method),
    ]
    for one, other in pairs:
        registry = WorkerRegistry()
        worker_task("charge", registry=registry)(one)
        with pytest.raises(WorkerRegistrationError, match="Two workers") as caught:
            worker_task("charge", registry=registry)(other)
        first, _, second = str(caught.value).partition(": ")[2].partition(" and ")
        assert first != second, "the error shows how they differ"
        worker_task("charge", registry=registry)(one)
        assert len(registry) == 1


def test_a_function_that_declares_workers_can_be_called_again():
    registry = WorkerRegistry()

    def create_app():
        @worker_task("charge", registry=registry)
        def charge(n: int = 1): ...

        return charge

    create_app()
    second = create_app()
    assert registry.get("charge").function is second


def test_defaults_that_cannot_be_compared_make_different_functions():
    class Array:
        def __eq__(self, other):
            raise ValueError("no truth value")

        __hash__ = None

    registry = WorkerRegistry()

    def create_app():
        @worker_task("charge", registry=registry)
        def charge(n: object = Array()): ...

    create_app()
    with pytest.raises(WorkerRegistrationError, match="Two workers"):
        create_app()


def test_a_script_that_imports_itself_declares_its_workers_once(tmp_path):
    script = module_file(
        tmp_path,
        "tasks",
        """
        import sys
        from conductor import worker_task
        from conductor.worker.worker import default_registry

        @worker_task("charge")
        def charge(): ...

        if __name__ == "__main__":
            import tasks
            (worker,) = default_registry.list()
            print(worker.place)
        """,
    )
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "tasks.py"
    link.symlink_to(script)
    starts = [
        ([str(script)], tmp_path, {}),
        (["./tasks.py"], tmp_path, {}),
        (["links/../tasks.py"], tmp_path, {}),
        ([str(link)], tmp_path, {"PYTHONPATH": str(tmp_path)}),
        (["-m", "tasks"], tmp_path, {}),
    ]
    for words, folder, variables in starts:
        ran = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **{k: f"{v}:{ROOT}" for k, v in variables.items()}},
        )
        assert ran.returncode == 0, (words, ran.stderr)
        assert ran.stdout.strip() == f"{script.resolve()}:6", words


@pytest.mark.parametrize(
    ("old", "new"),
    [("task_definition_name", "name"), ("poll_interval_millis", "poll_interval_ms"), ("concurrency", "thread_count")],
)
def test_an_old_spelling_names_its_successor(old, new):
    with pytest.raises(TypeError, match=new):
        worker_task(**{old: 1})


@pytest.mark.parametrize("options", [{"colour": "red"}, {"thread_count": 0}, {"should_poll": True}])
def test_invalid_options_are_refused_by_the_decorator(options):
    with pytest.raises(ConfigurationError):
        worker_task("x", registry=WorkerRegistry(), **options)(lambda: None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {"retryCount": 3, "timeoutSeconds": 3600, "responseTimeoutSeconds": 600, "retryDelaySeconds": 60}),
        ({"retryCount": 0}, {"retryCount": 0, "timeoutSeconds": 3600}),
        ({"timeoutSeconds": 60}, {"timeoutSeconds": 60, "responseTimeoutSeconds": 59}),
        ({"responseTimeoutSeconds": 7200}, {"timeoutSeconds": 0, "responseTimeoutSeconds": 7200}),
        (TaskDef("ignored", owner_email="a@b.c"), {"ownerEmail": "a@b.c"}),
    ],
)
def test_the_task_definition_has_sensible_defaults_and_what_was_given(given, expected):
    def work():
        """What it does."""

    definition = Worker(work, "t", task_def=given).task_def().to_dict()
    assert {k: definition[k] for k in expected} == expected
    assert definition["description"] == "What it does."


def test_options_form_the_task_definition():
    def work(): ...

    worker = Worker(
        work,
        "charge",
        thread_count=2,
        retry_count=5,
        retry_delay_seconds=timedelta(seconds=1.5),
        retry_logic="LINEAR_BACKOFF",
        backoff_scale_factor=2,
        timeout_seconds=timedelta(minutes=10),
        response_timeout_seconds=60,
        timeout_policy="RETRY",
        poll_timeout_seconds=timedelta(hours=1),
        concurrent_exec_limit=7,
        rate_limit_per_frequency=3,
        rate_limit_frequency_in_seconds=timedelta(seconds=2),
        max_retry_delay_seconds=90,
        backoff_jitter_ms=100,
        total_timeout_seconds=timedelta(days=1),
        owner_email="billing@example.com",
        description="Charges a card.",
        task_def={"inputKeys": ["card"]},
    )
    declared = {
        "backoffJitterMs": 100,
        "backoffScaleFactor": 2,
        "concurrentExecLimit": 7,
        "description": "Charges a card.",
        "inputKeys": ["card"],
        "maxRetryDelaySeconds": 90,
        "ownerEmail": "billing@example.com",
        "pollTimeoutSeconds": 3600,
        "rateLimitFrequencyInSeconds": 2,
        "rateLimitPerFrequency": 3,
        "responseTimeoutSeconds": 60,
        "retryCount": 5,
        "retryDelaySeconds": 2,
        "retryLogic": "LINEAR_BACKOFF",
        "timeoutPolicy": "RETRY",
        "timeoutSeconds": 600,
        "totalTimeoutSeconds": 86400,
    }
    assert worker.declared_fields == declared
    assert worker.task_def().to_dict() == {"name": "charge", **declared}
    assert worker.options == {"thread_count": 2}
    assert worker.for_function(lambda: None).declared_fields == declared
    assert Worker(work, "charge").declared_fields == {}


def test_each_definition_option_is_a_field_with_a_typed_argument():
    for options, arguments in ((DefinitionOptions, DefinitionArguments), (WorkerOptions, PollingArguments)):
        assert {each.name for each in attrs.fields(options)} == set(get_type_hints(arguments))
    assert {each.name for each in attrs.fields(DefinitionOptions)} <= {each.name for each in attrs.fields(TaskDef)}


def test_invalid_task_definitions_are_refused_where_they_are_written():
    cases = [
        ({"retry_count": "3"}, "retry_count is '3'"),
        ({"retry_count": -1}, "retry_count is -1"),
        ({"retry_count": True}, "retry_count is True"),
        ({"retry_delay_seconds": 1.5}, "an integer number of seconds from 0, or a timedelta"),
        ({"retry_delay_seconds": timedelta(seconds=-1)}, "retry_delay_seconds is"),
        ({"response_timeout_seconds": 0}, "from 1"),
        ({"retry_logic": "EXPONENTIAL"}, "did you mean 'EXPONENTIAL_BACKOFF'"),
        ({"retry_logic": 5}, "retry_logic is 5"),
        ({"timeout_policy": "TIMEOUT_WF"}, "did you mean 'TIME_OUT_WF'"),
        ({"owner_email": 5}, "owner_email is 5"),
        ({"retries": 3}, "did you mean 'retry_count'"),
        ({"retryCount": 3}, "retry_count"),
        ({"max_retries": 3}, "did you mean 'retry_count'"),
        ({"retry_dealy_seconds": 3}, "did you mean 'retry_delay_seconds'"),
        ({"response_timeout_seconds": 61, "timeout_seconds": 60}, "more than timeout_seconds"),
        ({"timeout_seconds": 61, "total_timeout_seconds": 60}, "more than total_timeout_seconds"),
        ({"task_def": {"retries": 3}}, "no field 'retries'. Did you mean 'retryCount'"),
        ({"task_def": {"retry_count": 3}}, "Did you mean 'retryCount'"),
        ({"task_def": {"retryCount": "many"}}, "task_def is {'retryCount': 'many'}"),
        ({"task_def": {"retryCount": -3}}, "retry_count is -3"),
        ({"task_def": {"retryLogic": "NEVER"}}, "retry_logic is"),
        ({"task_def": TaskDef("x", retry_count="3")}, "retry_count is '3'"),
        ({"task_def": "charge"}, "not a task definition"),
        ({"task_def": {"retryCount": 1}, "retry_count": 2}, "given twice"),
    ]
    for options, message in cases:
        with pytest.raises((ConfigurationError, TypeError)) as caught:
            worker_task("x", registry=WorkerRegistry(), **options)(lambda: None)
        assert message in str(caught.value), (options, str(caught.value))


def test_declaring_workers_does_not_load_the_http_library():
    code = textwrap.dedent("""
        import sys
        from conductor import worker_task, TaskContext, NonRetryableError, Task
        @worker_task("x")
        def f(a: int) -> int: return a
        assert "requests" not in sys.modules and "urllib3" not in sys.modules
    """)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_worker_says_which_inputs_it_would_refuse():
    def ship(task: Task, lines: int, day: date | None = None, more=1, *, note: str = ""): ...

    worker = Worker(ship, "ship")
    inputs = {"task": 1, "lines": "three", "day": "2026-01-31", "more": object(), "unknown": 1, "note": []}
    assert worker.refusal(inputs) == {
        "lines": "input 'lines' must be int, got str 'three'",
        "note": "input 'note' must be str, got list []",
    }
