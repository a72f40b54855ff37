"""Any annotation and any value: converted, or refused with the place. Annotations here are strings (__future__)."""

from __future__ import annotations

import collections
import contextlib
import contextvars
import functools
import gc
import io
import logging
import math
import types
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from unittest.mock import MagicMock
from uuid import UUID

import attrs
import pytest
from typing_extensions import TypedDict

from conductor import (
    ConfigurationError,
    NonRetryableError,
    Task,
    TaskContext,
    TaskHandler,
    TaskInProgress,
    Worker,
    WorkerRegistrationError,
    WorkerRegistry,
    get_task_context,
    worker_task,
)
from conductor.testing import run_task
from conductor.worker.worker import default_registry

if TYPE_CHECKING:
    from fractions import Fraction as OnlyForCheckers

T = TypeVar("T")


class Color(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Row(TypedDict):
    id: int


@dataclass
class Page(Generic[T]):
    items: list[T]


@attrs.define
class Card:
    _number: str
    day: date


@dataclass
class Tree:
    children: list[Tree]


def declared(function, name="values"):
    return worker_task(name, registry=WorkerRegistry())(function)


def result_of(function, given):
    return run_task(declared(function), given)


ROUND_TRIPS = {
    int: [0, -5, 10**30],
    float: [0.5, -1.0],
    str: ["", "ä"],
    bool: [True, False],
    Decimal: [Decimal("1.10")],
    UUID: [UUID(int=7)],
    datetime: [datetime(2024, 5, 1, 10, tzinfo=timezone.utc), datetime(2024, 5, 1, 10, 0, 0, 123456)],
    date: [date(2024, 2, 29)],
    time: [time(10, 30)],
    timedelta: [timedelta(seconds=90), timedelta(milliseconds=1500)],
    bytes: [b"", b"\x00\xff"],
    Color: [Color.RED],
    Point: [Point(1, 2.5), Point(3)],
    Card: [Card("4111", date(2024, 1, 1))],
    IPv4Address: [IPv4Address("10.0.0.1")],
    Page[int]: [Page([1, 2])],
    list[int]: [[], [1]],
    dict[str, Decimal]: [{"a": Decimal("1.5")}],
    dict[int, str]: [{1: "a"}],
    tuple[int, str]: [(1, "a")],
    tuple[int, ...]: [(), (1, 2)],
    set[int]: [{1, 2}],
    frozenset[str]: [frozenset({"a"})],
    int | None: [None, 4],
    Color | None: [None, Color.RED],
    Literal["a", 1]: ["a", 1],
    Sequence[int]: [[1, 2]],
    Mapping[str, int]: [{"a": 1}],
    Tree: [Tree([Tree([])])],
    Row: [{"id": 1}],
}


def test_a_returned_value_can_be_read_by_a_parameter_of_its_type():
    for kind, values in ROUND_TRIPS.items():
        for value in values:
            seen = []

            out = run_task(Worker(lambda value=value: {"value": value}, "give"), {})
            assert out.status == "COMPLETED", (kind, value, out.reason_for_incompletion)
            taken = run_task(Worker(_with(kind, seen), "take"), out.output_data)
            assert taken.status == "COMPLETED", (kind, value, taken.reason_for_incompletion)
            assert seen == [value], (kind, value, seen)


def _with(kind, seen):
    def take(value):
        seen.append(value)

    take.__annotations__ = {"value": kind}
    return take


REFUSED = {
    int: ["many", 1.5, True, [], {}, None, "1.5"],
    float: ["x", True, [], 10**400],
    str: [True, [], {}, None],
    bool: [[], 1, "yes", None],
    datetime: ["garbage", "2024-05-01T10:00:00Z trailing", 1e300, True],
    date: ["2024-13-01", "2024-01-01 extra"],
    timedelta: ["nan", "inf"],
    Decimal: ["x", True],
    UUID: ["x", 5],
    Color: ["blue", 1],
    Point: [[1, 2, 3], ["x", 1]],
    Row: [{}, {"id": "x"}, []],
    Card: [{"number": "1"}, {"number": "1", "day": "x"}],
    Page[int]: [{"items": ["x"]}, {"items": 1}, {}],
    Tree: [{"children": [{"children": [1]}]}],
    list[int]: [["x"], 1, {"a": 1}, "ab"],
    Iterable[int]: [["x"], 5],
    Collection[int]: [["x"]],
    set[str]: [[{}]],
    dict[str, int]: [{"a": "x"}, []],
    dict[int, str]: [{"a": "x"}],
    tuple[int, str]: [[1], [1, "a", 2]],
    int | None: ["x"],
    Literal["a"]: ["b", 1],
}


def test_values_that_do_not_fit_fail_permanently_and_name_the_input():
    for kind, values in REFUSED.items():
        for value in values:
            result = run_task(Worker(_with(kind, []), "take"), {"value": value})
            assert result.status == "FAILED_WITH_TERMINAL_ERROR", (kind, value)
            assert result.reason_for_incompletion.startswith("TaskInputError: input 'value"), (kind, value, result)


def test_a_path_leads_to_the_value_inside():
    def f(page: Page[int], rows: dict[str, list[Row]]): ...

    cases = {
        "page.items[1]": {"page": {"items": [1, "x"]}, "rows": {}},
        "rows.a[0].id": {"page": {"items": []}, "rows": {"a": [{"id": "x"}]}},
    }
    for path, given in cases.items():
        assert repr(path) in result_of(f, given).reason_for_incompletion


def test_an_unresolvable_parameter_is_refused_by_the_decorator():
    def f(n: int, amount: OnlyForCheckers): ...

    with pytest.raises(WorkerRegistrationError, match=r"f\(\) at .*test_values.py:\d+.*'amount'.*OnlyForCheckers"):
        declared(f)


def test_an_unresolvable_return_type_does_not_matter():
    def f(when: datetime, n: int) -> OnlyForCheckers: ...

    assert result_of(f, {"when": "garbage", "n": 1}).status == "FAILED_WITH_TERMINAL_ERROR"


def test_local_classes_are_resolved():
    @dataclass
    class Local:
        n: int

    def f(value: Local):
        return type(value).__name__

    assert result_of(f, {"value": {"n": 1}}).output_data == {"result": "Local"}


def test_unsupported_annotations_are_refused():
    for kind in (MagicMock, types.ModuleType, list[types.ModuleType], "no such name", dict[str, types.FrameType]):
        with pytest.raises(WorkerRegistrationError, match="annotation of parameter 'value' is not supported"):
            declared(_with(kind, []))


def test_the_context_and_the_task_come_also_as_optional_or_annotated():
    def f(n: int, ctx: TaskContext | None = None, task: Annotated[Task, "the task"] = None):
        return [ctx is get_task_context(), isinstance(task, Task)]

    assert result_of(f, {"n": 1}).output_data == {"result": [True, True]}


def test_unhashable_metadata_is_accepted():
    def f(name: Annotated[str, {"doc": "x"}]):
        return name

    assert result_of(f, {"name": "a"}).output_data == {"result": "a"}


def test_pydantic_constraints_are_enforced():
    pydantic = pytest.importorskip("pydantic")

    def f(value): ...

    f.__annotations__ = {"value": pydantic.PositiveInt}
    assert run_task(Worker(f, "x"), {"value": -5}).status == "FAILED_WITH_TERMINAL_ERROR"
    f.__annotations__ = {"value": Annotated[int, pydantic.Field(le=10)]}
    assert run_task(Worker(f, "x"), {"value": 99}).status == "FAILED_WITH_TERMINAL_ERROR"
    assert run_task(Worker(f, "x"), {"value": 9}).status == "COMPLETED"


def test_pydantic_models_are_written_in_json_mode():
    pydantic = pytest.importorskip("pydantic")

    class Account(pydantic.BaseModel):
        url: pydantic.HttpUrl
        tags: set[str]
        address: IPv4Address

    account = Account(url="http://example.com/", tags={"a"}, address="10.0.0.1")
    result = run_task(Worker(lambda: account, "x"), {})
    assert result.output_data == {"url": "http://example.com/", "tags": ["a"], "address": "10.0.0.1"}


def test_numpy_values_are_written_as_numbers_and_lists():
    def stub(plain):  # what the encoder looks at: the module, and tolist()
        return type("array", (), {"__module__": "numpy", "tolist": lambda self: plain})()

    made = {"n": stub(3), "a": stub([1.0, 1.0])}
    assert run_task(Worker(lambda: made, "x"), {}).output_data == {"n": 3, "a": [1.0, 1.0]}


def test_collections_are_written_as_lists():
    made = {"d": collections.deque([1]), "r": range(2), "s": {2, 1}, "m": types.MappingProxyType({"a": 1})}
    result = run_task(Worker(lambda: made, "x"), {})
    assert result.output_data == {"d": [1], "r": [0, 1], "s": [1, 2], "m": {"a": 1}}


def test_colliding_keys_are_refused():
    result = run_task(Worker(lambda: {1: "a", "1": "b"}, "x"), {})
    assert "two keys become the same JSON key '1'" in result.reason_for_incompletion


def test_positional_only_defaults_are_kept_before_a_given_value():
    def f(a=1, b=2, /):
        return [a, b]

    assert result_of(f, {"b": 5}).output_data == {"result": [1, 5]}
    assert result_of(f, {}).output_data == {"result": [1, 2]}


def test_signatures_that_no_task_can_call_are_refused():
    def f(*items): ...

    class Billing:
        def bill(self, n: int):
            return n

    for wrong, message in ((f, r"takes \*args"), (Billing.bill, "method without an object")):
        with pytest.raises(WorkerRegistrationError, match=message):
            declared(wrong)
    assert run_task(Worker(Billing().bill, "x"), {"n": 3}).output_data == {"result": 3}


def test_a_wrapper_of_a_decorated_function_runs_when_it_is_given():
    @worker_task("values_wrapped", registry=WorkerRegistry())
    def inner(n: int):
        return n

    @functools.wraps(inner)
    def outer(n: int):
        return inner(n) + 1

    (worker,) = TaskHandler(workers=[outer]).workers
    assert run_task(worker, {"n": 1}).output_data == {"result": 2}


def test_a_mock_is_a_worker_in_no_time():
    assert run_task(Worker(MagicMock(return_value={"a": 1}), "x"), {}).output_data == {"a": 1}


def test_names_that_no_url_can_address_are_refused():
    for name in ("a/b", "a?b", "a#b", "a;b", "a\\b", " ", ""):
        with pytest.raises(WorkerRegistrationError, match="cannot be a task type"):
            declared(lambda: None, name)


def test_dates_parse_alike_on_every_python():
    def f(value: datetime):
        return value

    cases = {
        "2024-05-01T10:00:00.000+0000": "2024-05-01T10:00:00+00:00",
        "2024-05-01T10:00:00.1Z": "2024-05-01T10:00:00.100000+00:00",
        "2024-05-01T10:00:00.123456789Z": "2024-05-01T10:00:00.123456+00:00",
        "2024-05-01 10:00": "2024-05-01T10:00:00",
    }
    for text, expected in cases.items():
        assert result_of(f, {"value": text}).output_data == {"result": expected}, text


def test_callbacks_are_rounded_up_and_never_negative():
    for given, expected in ((-5, 0), (0.2, 1), (timedelta(seconds=1.5), 2), (60, 60)):
        result = run_task(Worker(lambda given=given: TaskInProgress(given), "x"), {})
        assert (result.status, result.callback_after_seconds) == ("IN_PROGRESS", expected), given

        def later(given=given):
            get_task_context().callback_after(given)

        result = run_task(Worker(functools.partial(later, given), "x"), {})
        assert (result.status, result.callback_after_seconds) == ("IN_PROGRESS", expected), given
    for wrong in (math.nan, math.inf, "5", True):
        with pytest.raises(ConfigurationError):
            TaskInProgress(wrong)


def test_a_log_line_that_cannot_be_formatted_does_not_fail_the_task():
    class Broken:
        def __str__(self):
            raise RuntimeError("broken")

    def f():
        context = get_task_context()
        context.log("paid 50% of %s", 10)
        context.log("%d", "x")
        context.log("%s", Broken())
        context.log(Broken())

    result = result_of(f, {})
    assert result.status == "COMPLETED", result.reason_for_incompletion
    assert [line.log for line in result.logs] == ["paid 50% of %s 10", "%d x", "%s <Broken>", "<Broken>"]


def test_each_task_has_its_own_context_variables():
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar("variable", default=None)

    def f():
        before = variable.get()
        variable.set("leaked")
        return {"before": before}

    worker = Worker(f, "x")
    assert [run_task(worker, {}).output_data for _ in range(2)] == [{"before": None}] * 2


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


def test_nothing_of_a_task_outlives_it_without_a_garbage_collection():
    class Buffer(bytearray):
        pass

    held = []

    def raises():
        buffer = Buffer(10)
        held.append(weakref.ref(buffer))
        raise ValueError(len(buffer))

    def raises_from_another():
        try:
            raises()
        except ValueError as error:
            raise NonRetryableError("broken") from error

    def returns_nothing_that_can_be_sent():
        buffer = Buffer(10)
        held.append(weakref.ref(buffer))
        return {"buffer": memoryview(buffer)}

    def returns():
        buffer = Buffer(10)
        held.append(weakref.ref(buffer))
        return {"buffer": buffer}

    def around(context, call_next):
        buffer = Buffer(10)
        held.append(weakref.ref(buffer))
        return call_next()

    functions = (raises, raises_from_another, returns_nothing_that_can_be_sent, returns)
    for function in functions:
        with uncollected():
            result = run_task(Worker(function, "x"), {}, middleware=[around])
            alive = [function.__name__ for one in held if one() is not None]
        assert (alive, len(held) >= 2) == ([], True), result
        held.clear()


def test_input_that_is_refused_is_freed_with_its_task():
    class Given(Task):
        pass

    def f(value: list[int | dict[str, int] | Color]): ...

    worker = Worker(f, "x")
    for given in ([1, "x"], [{"a": "b"}], [1], "x", None):
        task = Given(task_id="t", workflow_instance_id="w", input_data={"value": given})
        held = weakref.ref(task)
        with uncollected():
            run_task(worker, task=task)
            del task
            assert held() is None, given


def test_a_bound_method_that_was_declared_is_found_by_a_handler(monkeypatch):
    class Billing:
        def __init__(self, rate):
            self.rate = rate

        def bill(self, n: int):
            return n * self.rate

    registry = WorkerRegistry()
    monkeypatch.setattr(default_registry, "_workers", {})
    billing = Billing(3)
    declared_method = worker_task("values_bill")(billing.bill)
    assert declared_method(2) == 6
    for given in (declared_method, billing.bill, Worker(billing.bill, "values_bill")):
        (worker,) = TaskHandler(workers=[given]).workers
        assert worker.name == "values_bill"
        assert run_task(worker, {"n": "5"}).output_data == {"result": 15}
    with pytest.raises(WorkerRegistrationError, match="is not a worker"):
        TaskHandler(workers=[Billing(4).bill])
    with pytest.raises(WorkerRegistrationError, match="method without an object"):

        class Wrong:
            @worker_task("values_wrong", registry=registry)
            def bill(self, n: int): ...
