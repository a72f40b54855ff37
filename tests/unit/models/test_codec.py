import enum
import math
import sys
import threading
from collections import OrderedDict, UserDict, defaultdict, deque
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import NamedTuple
from uuid import UUID

import attrs
import pytest

from conductor import WorkflowDef, WorkflowTask
from conductor.errors import SerializationError
from conductor.models import TaskDef, codec
from conductor.models.codec import dumps, is_nested_deeper, is_writable, loads, to_datetime, to_jsonable


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


class Text(str):
    __slots__ = ()


class Pair(NamedTuple):
    a: int
    b: None


class Names(dict):
    pass


class Level(enum.IntEnum):
    HIGH = 3


class Mode(str, Enum):
    ON = "on"


class Odd(Enum):
    NOTHING = math.nan
    PAIR = (1, 2)
    WHEN = date(2024, 1, 2)


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def depth(value):
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


def outcome(convert, value):
    try:
        return repr(convert(value))
    except SerializationError as error:
        return f"{error.path_in_value}: {error}"


def test_values_with_containers_are_converted_like_those_without(monkeypatch):
    values = [
        *(None, True, 0, -0.0, 1e308, 5e-324, 0.1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**30),
        *(
            math.nan,
            math.inf,
            -math.inf,
            "",
            "é",
            "\ud800",
            "null",
            '"[',
            "}",
            "\\",
            "\x00",
            Text("t"),
            Level.HIGH,
            Mode.ON,
        ),
        *(Colour.RED, Odd.NOTHING, Odd.PAIR, Odd.WHEN, (), (1, (2,)), Pair(1, None), {1, 2}, frozenset(), deque([1])),
        *({1: "a"}, {None: 1}, {True: 1}, {1.5: 1}, {1: "a", "1": "b"}, {Text("k"): 1}, {Mode.ON: 1}, {Level.HIGH: 1}),
        *(Names(a=1), OrderedDict(a=1), defaultdict(list, a=[1]), UserDict(a=1), b"bytes", bytearray(b"x"), range(3)),
        *(
            date(2024, 1, 2),
            datetime(2024, 1, 2, tzinfo=timezone.utc),
            timedelta(1),
            Decimal("1.0"),
            UUID(int=7),
            1j,
            ...,
        ),
        *(Point(1, date(2024, 1, 2)), Box([]), TaskDef("t"), lambda: None, int, object(), nested(198), nested(199)),
        *(nested(200), nested(201), nested(260), _circle()),
    ]
    for copy, text in {(codec._copy, codec._text), (codec._stdlib_copy, codec._stdlib_text)}:
        monkeypatch.setattr(codec, "_copy", copy)
        monkeypatch.setattr(codec, "_text", text)
        for value in values:
            for given in ({"a": [value], "b": None}, [{"a": value}], {"text": "x" * 50, "rows": [{"n": 1}, value]}):
                expected = outcome(lambda one: codec._convert(one, "$", 0), given)
                assert outcome(to_jsonable, given) == expected, (copy.__name__, value)
                if is_writable(given):
                    assert dumps(given) == dumps(to_jsonable(given)), (copy.__name__, value)


def test_a_converted_value_is_a_copy():
    given = {"rows": [{"n": 1}]}
    converted = to_jsonable(given)

    given["rows"][0]["n"] = 2
    given["rows"].append({})

    assert converted == {"rows": [{"n": 1}]}


def test_nesting_is_counted_whatever_the_strings_contain():
    for text in ("", "[", "]", "]]}}", "[{", '"', '\\"[', "\\"):
        deep = text
        for level in range(1, 60):
            deep = {text: deep, "b": [text] * 40} if level % 3 else [deep, text]
            for limit in (16, 30):
                assert is_nested_deeper(deep, dumps(deep), limit) is (depth(deep) > limit), (text, level, limit)


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
