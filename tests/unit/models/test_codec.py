import math
import sys
import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from uuid import UUID

import attrs
import pytest

from conductor import WorkflowDef, WorkflowTask
from conductor.errors import SerializationError
from conductor.models import TaskDef
from conductor.models.codec import dumps, loads, to_datetime, to_jsonable


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    when: date


@attrs.define
class Box:
    points: list[Point]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        (Colour.RED, "red"),
        ({Colour.RED: 1, 2: 3}, {"red": 1, "2": 3}),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc), "2024-01-02T03:04:05+00:00"),
        (timedelta(minutes=1), 60.0),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Box([Point(1, date(2024, 1, 2))]), {"points": [{"x": 1, "when": "2024-01-02"}]}),
        (TaskDef("t"), {"name": "t"}),
    ],
)
def test_common_python_values_become_plain_json(value, plain):
    assert to_jsonable(value) == plain


def _circle():
    ring = {}
    ring["again"] = ring
    return ring


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"items": [1, {"lock": threading.Lock()}]}, "$.items[1].lock"),
        ({"a": {1: 1, "1": 2}}, "$.a.1"),
        ([math.nan], "$[0]"),
        ({"x": math.inf}, "$.x"),
        ({"b": {b"bytes": 1}}, "$.b"),
        ({"t": int}, "$.t"),
        ({(1, 2): 3}, "$"),
        (lambda: None, "$"),
    ],
)
def test_a_value_without_a_json_form_is_refused_with_its_path(value, path):
    with pytest.raises(SerializationError) as caught:
        to_jsonable(value)
    assert caught.value.path_in_value == path


def test_a_circular_value_is_refused():
    with pytest.raises(SerializationError, match="contains itself"):
        to_jsonable(_circle())


@pytest.mark.parametrize("value", [2**80, {"text": "\ud800"}, {"a": [1.5, True, None, "ü"]}])
def test_json_survives_a_round_trip(value):
    if value == 2**80 and "orjson" in sys.modules:
        assert dumps(value) == str(value).encode()
    else:
        assert loads(dumps(value).decode()) == value


def test_epoch_zero_means_never():
    assert to_datetime(0) is None
    assert to_datetime(None) is None


def test_integers_over_64_bits_survive_reading_and_writing_a_model():
    definition = WorkflowDef("w", tasks=[WorkflowTask("t", "t")], variables={"low": -(2**63) - 1, "high": 2**80})

    assert WorkflowDef.from_json(definition.to_json()).variables == definition.variables


def test_long_integers_are_read_exactly():
    for number in (2**63, -(2**63) - 1, 2**64, 10**30, -(10**19)):
        for text in (f"{number}", f"[{number}]", f'{{"a":{number}}}', f'{{"a": [1,\n\t{number}]}}'):
            for given in (text, text.encode()):
                read = loads(given)
                assert str(number) in str(read), (given, read)
