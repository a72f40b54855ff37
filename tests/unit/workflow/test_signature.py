"""What is read of a worker's function: the inputs that it needs and takes, the outputs that it gives."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Optional, TypedDict

import attrs
import pydantic
import pytest

from conductor import Task, TaskContext, TaskInProgress, TaskResult, Worker
from conductor.models import TaskDef
from conductor.workflow import Workflow, simple
from conductor.workflow.signature import declared

if TYPE_CHECKING:
    from nowhere import Elsewhere


class Typed(TypedDict):
    a: int
    b: str


@dataclass
class Data:
    a: int


@attrs.define
class Attrs:
    a: int
    _b: int = 0


class Pydantic(pydantic.BaseModel):
    a: int


def no_annotation(x): ...


def text() -> str: ...


def a_list() -> list[int]: ...


def a_dict() -> dict[str, int]: ...


def typed() -> Typed: ...


def data() -> Data: ...


def attrs_() -> Attrs: ...


def pydantic_() -> Pydantic: ...


def result() -> TaskResult: ...


def progress() -> TaskInProgress: ...


def model() -> TaskDef: ...


def union() -> int | None: ...


def nothing() -> None: ...


def maybe_data() -> Optional[Data]: ...


def data_later() -> Data | TaskInProgress: ...


def two() -> Data | str | None: ...


def data_or_result() -> Data | TaskResult: ...


def done_by_others() -> TaskInProgress | None: ...


def annotated() -> Annotated[Data, "as JSON"]: ...


def elsewhere(x: Elsewhere, task: Task, y: int = 1) -> Elsewhere: ...


@pytest.mark.parametrize(
    ("function", "outputs"),
    [
        (no_annotation, None),
        (text, ("result",)),
        (a_list, ("result",)),
        (a_dict, None),
        (typed, ("a", "b")),
        (data, ("a",)),
        (attrs_, ("a", "_b")),
        (pydantic_, ("a",)),
        (result, None),
        (progress, None),
        (model, None),
        (union, ("result",)),
        (nothing, ()),
        (maybe_data, ("a",)),
        (data_later, ("a",)),
        (two, ("a", "result")),
        (data_or_result, None),
        (done_by_others, None),
        (annotated, ("a",)),
        (elsewhere, None),
    ],
)
def test_outputs_are_read_from_the_annotation(function, outputs):
    assert declared(function).outputs == outputs


def whole(task: Task): ...


def context(task: Task, context: TaskContext, a, b=1, *, c): ...


def rest(a, **more): ...


def positional(a, /, *more): ...


class Callable_:
    def __call__(self, a: int) -> str: ...


class Methods:
    def work(self, a: int) -> str: ...


@pytest.mark.parametrize(
    ("function", "required", "accepted"),
    [
        (whole, (), None),
        (context, ("a", "c"), ("a", "b", "c")),
        (rest, ("a",), None),
        (positional, ("a",), ("a",)),
        (elsewhere, ("x",), ("x", "y")),
        (Methods().work, ("a",), ("a",)),
        (Worker(Callable_(), "n"), ("a",), ("a",)),
        (Worker(functools.partial(context, a=1), "n"), ("c",), ("a", "b", "c")),
    ],
)
def test_inputs_are_read_from_the_signature(function, required, accepted):
    read = declared(function)
    assert (read.required, read.accepted) == (required, accepted)


def test_the_place_is_that_of_the_function():
    assert declared(whole).place.startswith(__file__)
    assert "Callable_" in declared(Worker(Callable_(), "n")).place


def test_a_reference_is_not_accepted_as_a_task():
    with pytest.raises(TypeError, match=r"for a task with the name \$\{workflow.input.task\}, use dynamic\(\.\.\.\)"):
        simple(Workflow("w").input.task)


def test_any_output_of_an_unknown_shape_is_let_through():
    workflow = Workflow("w")
    step = workflow.add(simple(a_dict))
    workflow >> simple("b", x=step.output.anything)
    assert workflow.validate() == []
