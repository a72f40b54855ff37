import functools
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict
from uuid import UUID

import attrs
import pydantic
import pytest
from typing_extensions import NotRequired, Unpack

from conductor.errors import TaskInputError, WorkerRegistrationError
from conductor.models import Task, TaskDef
from conductor.worker.arguments import compile_arguments
from conductor.worker.context import TaskContext


class Colour(Enum):
    RED = "red"
    BLUE = 2


@dataclass
class Point:
    x: int
    y: int = 0
    inner: "Point | None" = None


@attrs.define
class Box:
    points: list[Point]
    label: str = "none"


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Person(pydantic.BaseModel):
    name: str
    age: int = 1


UserId = NewType("UserId", int)


def convert(kind, value):
    def function(v):
        return v

    function.__annotations__["v"] = kind
    positional, named = compile_arguments(function)(Task(input_data={"v": value}))
    return function(*positional, **named)


@pytest.mark.parametrize(
    ("kind", "value", "converted"),
    [
        (str, "a", "a"),
        (str, 5, "5"),
        (int, 5, 5),
        (int, 5.0, 5),
        (int, "5", 5),
        (float, 5, 5.0),
        (float, "1.5", 1.5),
        (bool, True, True),
        (bool, "false", False),
        (Decimal, "1.10", Decimal("1.10")),
        (Decimal, 1.1, Decimal("1.1")),
        (UUID, "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        (Path, "/tmp/x", Path("/tmp/x")),
        (datetime, "2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        (datetime, 1_704_164_645_000, datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        (date, "2024-01-02", date(2024, 1, 2)),
        (time, "03:04:05", time(3, 4, 5)),
        (timedelta, 90, timedelta(seconds=90)),
        (Colour, "red", Colour.RED),
        (Colour, "BLUE", Colour.BLUE),
        (Colour, 2, Colour.BLUE),
        (Optional[int], None, None),
        (Optional[int], "3", 3),
        (int | None, 4, 4),
        (int | str, "x", "x"),
        (datetime | str, "not a date", "not a date"),
        (Literal["a", 1], 1, 1),
        (list[int], ["1", 2], [1, 2]),
        (list[Point], [{"x": 1}], [Point(1)]),
        (set[str], ["a", "a"], {"a"}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (dict[str, Point], {"k": {"x": 1, "y": 2}}, {"k": Point(1, 2)}),
        (dict, {"a": 1}, {"a": 1}),
        (Any, {"a": [1]}, {"a": [1]}),
        (Point, {"x": 1, "inner": {"x": 2}, "ignored": True}, Point(1, 0, Point(2))),
        (Box, {"points": [{"x": 1}]}, Box([Point(1)])),
        (Movie, {"title": "t"}, {"title": "t"}),
        (Pair, {"left": 1}, Pair(1)),
        (Person, {"name": "n"}, Person(name="n")),
        (TaskDef, {"name": "t", "retryCount": 2}, TaskDef("t", retry_count=2)),
        (Annotated[int, "doc"], "7", 7),
        (UserId, 8, 8),
    ],
)
def test_values_are_converted_by_the_annotation(kind, value, converted):
    got = convert(kind, value)
    assert got == converted
    assert type(got) is type(converted)


@pytest.mark.parametrize(
    ("kind", "value", "parameter"),
    [
        (int, "x", "v"),
        (int, 1.5, "v"),
        (int, True, "v"),
        (int, None, "v"),
        (str, None, "v"),
        (str, {}, "v"),
        (bool, 1, "v"),
        (float, "x", "v"),
        (datetime, "yesterday", "v"),
        (UUID, "x", "v"),
        (Decimal, "x", "v"),
        (Colour, "green", "v"),
        (Literal["a"], "b", "v"),
        (list[int], "12", "v"),
        (list[int], [1, "x"], "v[1]"),
        (tuple[int, str], [1], "v"),
        (dict[str, int], {"a": "x"}, "v.a"),
        (Point, {}, "v.x"),
        (Point, {"x": "a"}, "v.x"),
        (Point, {"x": 1, "inner": {"x": "a"}}, "v.inner.x"),
        (Box, {"points": [{"x": 1}, {}]}, "v.points[1].x"),
        (Movie, {}, "v.title"),
        (Person, {"name": "n", "age": "old"}, "v.age"),
        (Person, {}, "v.name"),
        (int | float, "x", "v"),
        (Point, [1], "v"),
    ],
)
def test_what_does_not_fit_names_the_place(kind, value, parameter):
    with pytest.raises(TaskInputError) as caught:
        convert(kind, value)
    assert caught.value.parameter == parameter
    assert parameter in str(caught.value)
    assert caught.value.expected


def call(function, **given):
    positional, named = compile_arguments(function)(Task(task_id="t1", input_data=given))
    return function(*positional, **named)


def test_one_argument_annotated_task_gets_the_whole_task():
    def function(task: Task):
        return task.task_id

    assert call(function, x=1) == "t1"


def test_defaults_are_used_when_the_key_is_absent_and_none_is_a_value():
    def function(a: int, b: int = 5, c: "int | None" = 7):
        return a, b, c

    assert call(function, a=1) == (1, 5, 7)
    assert call(function, a=1, c=None) == (1, 5, None)


def test_a_missing_value_is_never_a_silent_none():
    def function(a: int, b: "str | None"):
        return a, b

    with pytest.raises(TaskInputError, match="'b'.*is missing; the task's input has: a, z") as caught:
        call(function, a=1, z=2)
    assert caught.value.parameter == "b"


def test_a_missing_value_is_explained():
    def only(inputdata):
        return inputdata

    def typed(inputs: dict):
        return inputs

    def number(x: int):
        return x

    def inner(x: list[int]):
        return x

    whole = "To get the whole input, annotate the parameter as Task, or take **kwargs"
    item = "An item of a dynamic fork that is not an object is passed as 'input': name the parameter input"
    null = "input 'x' must be int, but is null: an expression that finds nothing gives null"
    for function, given, said in (
        (only, {"a": 1}, whole),
        (typed, {"a": 1}, whole),
        (number, {"a": 1}, "the task's input has: a"),
        (number, {"__index": 0, "input": "a"}, item),
        (number, {"x": None}, null),
        (inner, {"x": [None]}, "input 'x[0]' must be int, but is null"),
    ):
        with pytest.raises(TaskInputError) as caught:
            call(function, **given)
        assert str(caught.value).endswith(said), function


def test_keyword_arguments_get_the_rest():
    def function(a: int, **rest):
        return a, rest

    assert call(function, a="1", b=2, c=3) == (1, {"b": 2, "c": 3})


def test_positional_only_and_keyword_only_arguments():
    def function(a: int, /, b: int, *, c: int = 3):
        return a, b, c

    assert call(function, a=1, b=2) == (1, 2, 3)


def test_unannotated_arguments_get_what_is_there():
    assert call(lambda a, b=2: (a, b), a={"x": [1]}) == ({"x": [1]}, 2)


class Service:
    def method(self, a: int) -> int:
        return a + 1

    def __call__(self, a: int) -> int:
        return a + 2


def test_methods_partials_callable_objects_and_closures():
    factor = 10

    def closure(a: int, b: int) -> int:
        return (a + b) * factor

    assert call(Service().method, a="1") == 2
    assert call(Service(), a="1") == 3
    assert call(functools.partial(closure, b=1), a="1") == 20
    assert call(closure, a="1", b="1") == 20


def test_other_arguments_may_ask_for_the_task_and_its_context():
    def function(task: Task, a: int, context: TaskContext = None):
        return task.task_id, a

    compiled = compile_arguments(lambda task, a: None)
    assert compiled is not None
    hints = compile_arguments(function)
    with pytest.raises(Exception, match="no task context"):
        hints(Task(task_id="t", input_data={"a": 1}))


def called(function, **given):
    positional, named = compile_arguments(function)(Task(input_data=given))
    return function(*positional, **named)


def test_further_keywords_are_converted_by_their_annotation():
    class Rest(TypedDict):
        day: date
        n: NotRequired[int]

    def each(a: int, **rest: date):
        return rest

    def whole(a: int, **rest: Unpack[Rest]):
        return rest

    assert called(each, a=1, b="2024-01-31") == {"b": date(2024, 1, 31)}
    assert called(whole, a=1, day="2024-01-31", n="5") == {"day": date(2024, 1, 31), "n": 5}
    cases = [
        (each, {"a": 1, "b": "x"}, "input 'b' must be date"),
        (whole, {"a": 1, "day": "x"}, "input 'day' must be date"),
        (whole, {"a": 1}, "input 'day' is missing; Rest needs it"),
    ]
    for function, given, message in cases:
        with pytest.raises(TaskInputError, match=message):
            called(function, **given)


def test_a_wrapper_is_called_in_the_way_that_it_takes():
    def inner(day: date, n: int = 1):
        return day, n

    @functools.wraps(inner)
    def passes_on(*args, **kwargs):
        return inner(*args, **kwargs)

    @functools.wraps(inner)
    def takes_keywords(**kwargs):
        return inner(**kwargs)

    @functools.wraps(inner)
    def takes_positions(*args):
        return inner(*args)

    @functools.wraps(inner)
    def has_other_names(x, y):
        return inner(x, y)

    @functools.wraps(inner)
    def gives_some(day):
        return inner(day, 5)

    @functools.wraps(inner)
    def takes_more(user, **kwargs):
        return (user, *inner(**kwargs))

    @functools.singledispatch
    def dispatched(day: date, n: int = 1):
        return day, n

    day = date(2024, 1, 31)
    cases = [
        (passes_on, (day, 5)),
        (takes_keywords, (day, 5)),
        (takes_positions, (day, 5)),
        (has_other_names, (day, 5)),
        (gives_some, (day, 5)),
        (takes_more, ("7", day, 5)),
        (dispatched, (day, 5)),
        (functools.lru_cache(inner), (day, 5)),
    ]
    for function, expected in cases:
        assert called(function, day="2024-01-31", n="5", user="7") == expected, function
        with pytest.raises(TaskInputError, match="input 'day' must be date"):
            called(function, day="x", n="5", user="7")
    assert called(passes_on, day="2024-01-31") == (day, 1)


class Clerk:
    Day = date

    def book(this, day: "Day"):
        return day

    @staticmethod
    def check(day: date):
        return day

    @classmethod
    def make(cls, day: date):
        return day


def test_methods_are_bound_or_refused():
    for bound in (Clerk().book, Clerk.check, Clerk().check, Clerk.make, functools.partial(Clerk().book)):
        assert called(bound, day="2024-01-31") == date(2024, 1, 31)
    for unbound in (Clerk.book, str.upper, int.__add__):
        with pytest.raises(WorkerRegistrationError, match="method without an object"):
            compile_arguments(unbound)


def test_generator_functions_are_refused():
    def generate(n: int):
        yield n

    async def generate_later(n: int):
        yield n

    class Generator:
        def __call__(self, n: int):
            yield n

    for function in (generate, generate_later, Generator(), functools.partial(generate, n=1)):
        with pytest.raises(WorkerRegistrationError, match="generator function"):
            compile_arguments(function)
