import functools
import importlib
import subprocess
import sys
import textwrap
from datetime import date

import pytest

from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.models import Task, TaskDef
from conductor.worker.decorator import worker_task
from conductor.worker.worker import Worker, WorkerRegistry, default_registry


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

    assert len(caught.value.places) == 2
    assert all(f"{__file__}:" in place and place in str(caught.value) for place in caught.value.places)


def test_the_same_task_in_another_domain_is_another_worker(registry):
    worker_task("charge", registry=registry)(lambda: 1)
    worker_task("charge", domain="eu", registry=registry)(lambda: 2)
    assert registry.get("charge", "eu").function() == 2
    assert len(registry) == 2


def test_a_reloaded_module_takes_its_own_place(tmp_path, monkeypatch):
    (tmp_path / "reloaded_workers.py").write_text(
        "from conductor import worker_task\n@worker_task('reloaded')\ndef f(): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        module = importlib.import_module("reloaded_workers")
        importlib.reload(module)
        assert default_registry.get("reloaded").function is module.f
    finally:
        default_registry.clear()
        sys.modules.pop("reloaded_workers", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [("task_definition_name", "name"), ("poll_interval_millis", "poll_interval_ms"), ("concurrency", "thread_count")],
)
def test_an_old_spelling_names_its_successor(old, new):
    with pytest.raises(TypeError, match=new):
        worker_task(**{old: 1})


@pytest.mark.parametrize("options", [{"colour": "red"}, {"thread_count": 0}, {"should_poll": True}])
def test_unknown_and_impossible_options_are_refused_where_they_are_written(options):
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
