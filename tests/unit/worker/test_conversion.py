"""Annotations and values in a table, compared with what cattrs and pydantic make of them.

``CASES`` has what workers make of each value. Pydantic (reading JSON) or cattrs (with its JSON preset) makes the same;
where neither does, ``OURS`` has the reason.
"""

import contextlib
import json
import sys
import types
import typing
from collections import ChainMap, Counter, OrderedDict, abc, defaultdict, deque
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ForwardRef, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union
from uuid import UUID

import annotated_types
import attrs
import pydantic
import pytest
import typing_extensions
from cattrs.preconf.json import make_converter
from typing_extensions import NotRequired, ReadOnly, TypeAliasType, TypedDict, Unpack

from conductor import Task, TaskInputError, WorkerRegistrationError
from conductor._internal.introspection import Namespace
from conductor.models.codec import to_jsonable
from conductor.worker.arguments import compile_arguments
from conductor.worker.conversion import converter_for, register_type
from conductor.worker.mismatch import UnsupportedAnnotationError

K = TypeVar("K")
V = TypeVar("V")
Bound = TypeVar("Bound", bound=int)
OneOf = TypeVar("OneOf", int, date)
WithDefault = typing_extensions.TypeVar("WithDefault", default=date)
UserId = NewType("UserId", int)
Ints = TypeAliasType("Ints", list[int])
Twice = TypeAliasType("Twice", tuple[V, V], type_params=(V,))
Nested = TypeAliasType("Nested", "dict[str, Nested] | int")
DAY = date(2024, 1, 31)
UTC = timezone.utc
REFUSED = object()


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Rights(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Pair(Generic[K, V]):
    key: K
    value: V


@dataclass
class Priced(Pair[str, V]):
    price: "Decimal | None" = None


@dataclass
class Tree:
    n: int
    children: "list[Tree]" = field(default_factory=list)


@dataclass
class WithInitVar:
    n: int
    day: InitVar[date]
    year: int = field(init=False, default=0)

    def __post_init__(self, day):
        self.year = day.year


@dataclass
class Base(Generic[V]):
    base: V


@dataclass
class Derived(Base[int], Generic[V]):
    """The same type variable stands for different types here and in the base."""

    own: V


@dataclass
class Fixed(Derived[date]):
    more: str = ""


@attrs.define
class AttrsBase(Generic[V]):
    base: V


@attrs.define
class AttrsDerived(AttrsBase[list[V]], Generic[V]):
    own: V


class BaseRow(TypedDict, Generic[V]):
    base: V
    narrowed: object


class DerivedRow(BaseRow[int], Generic[V]):
    own: V
    narrowed: int


@attrs.define
class Card:
    _number: int
    day: date = DAY


@attrs.define
class Box(Generic[V]):
    item: V


@attrs.define
class Defaulted(Generic[WithDefault]):
    item: WithDefault


class Row(TypedDict):
    id: ReadOnly[int]
    day: NotRequired[date]


class Page(TypedDict, Generic[V]):
    items: list[V]


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Person(pydantic.BaseModel):
    name: str
    born: Optional[date] = None


class Small(pydantic.BaseModel):
    n: int = pydantic.Field(alias="N", le=3)


CheckedCard = Annotated[Card, annotated_types.Predicate(lambda card: card.day == DAY)]

CASES = [
    # numbers, strings, booleans
    (int, 5, 5),
    (int, "5", 5),
    (int, 5.0, 5),
    (int, 5.5, REFUSED),
    (int, "x", REFUSED),
    (int, "1.5", REFUSED),
    (int, True, REFUSED),
    (int, None, REFUSED),
    (int, [], REFUSED),
    (int, 10**30, 10**30),
    (float, 5, 5.0),
    (float, "1.5", 1.5),
    (float, "x", REFUSED),
    (float, True, REFUSED),
    (float, 10**400, REFUSED),
    (str, "a", "a"),
    (str, 5, "5"),
    (str, None, REFUSED),
    (str, True, REFUSED),
    (str, [], REFUSED),
    (bool, True, True),
    (bool, "true", True),
    (bool, 1, REFUSED),
    (bool, "yes", REFUSED),
    (bool, [], REFUSED),
    (None, None, None),
    (None, 0, REFUSED),
    (Any, {"a": [1]}, {"a": [1]}),
    (object, 1, 1),
    (bytes, "YQ==", b"a"),
    (bytes, "%%", REFUSED),
    (Decimal, "1.10", Decimal("1.10")),
    (Decimal, 1.5, Decimal("1.5")),
    (Decimal, "x", REFUSED),
    (Fraction, "1/3", Fraction(1, 3)),
    (UUID, "00000000-0000-0000-0000-000000000007", UUID(int=7)),
    (UUID, "7", REFUSED),
    (Path, "/a/b", Path("/a/b")),
    (IPv4Address, "10.0.0.1", IPv4Address("10.0.0.1")),
    (IPv4Address, "10.0.0", REFUSED),
    (typing_extensions.LiteralString, "a", "a"),
    # dates and times
    (date, "2024-01-31", DAY),
    (date, "2024-13-01", REFUSED),
    (date, "2024-01-31T10:00:00", REFUSED),
    (datetime, "2024-01-31T10:00:00Z", datetime(2024, 1, 31, 10, tzinfo=UTC)),
    (datetime, "2024-01-31T10:00:00.5+00:00", datetime(2024, 1, 31, 10, 0, 0, 500_000, UTC)),
    (datetime, "2024-01-31T10:00:00.000+0000", datetime(2024, 1, 31, 10, tzinfo=UTC)),
    (datetime, "2024-01-31T10:00:00.123456789Z", datetime(2024, 1, 31, 10, 0, 0, 123_456, UTC)),
    (datetime, "2024-01-31 10:00:00", datetime(2024, 1, 31, 10)),
    (datetime, "2024-01-31", datetime(2024, 1, 31)),
    (datetime, "2024-01-31T10:00:00Z or so", REFUSED),
    (datetime, 1_706_695_200_000, datetime(2024, 1, 31, 10, tzinfo=UTC)),
    (datetime, 1e300, REFUSED),
    (datetime, None, REFUSED),
    (time, "10:30", time(10, 30)),
    (time, "10:30:00.25Z", time(10, 30, 0, 250_000, UTC)),
    (time, "25:00", REFUSED),
    (timedelta, 90, timedelta(seconds=90)),
    (timedelta, 1.5, timedelta(seconds=1.5)),
    (timedelta, "nan", REFUSED),
    (timezone, "UTC+02:00", timezone(timedelta(hours=2))),
    # enums and literals
    (Color, "red", Color.RED),
    (Color, "RED", Color.RED),
    (Color, "blue", REFUSED),
    (Level, 1, Level.LOW),
    (Level, "1", REFUSED),
    (Level, True, REFUSED),
    (Rights, 3, Rights.READ | Rights.WRITE),
    (Rights, 9, REFUSED),
    (Literal["a", 1], "a", "a"),
    (Literal["a", 1], 1, 1),
    (Literal["a", 1], True, REFUSED),
    (Literal["a", 1], "b", REFUSED),
    # lists, tuples, sets
    (list[int], [1, "2"], [1, 2]),
    (list[int], ["x"], REFUSED),
    (list[int], "12", REFUSED),
    (list[int], {"a": 1}, REFUSED),
    (list, [1, "a"], [1, "a"]),
    (list[date], ["2024-01-31"], [DAY]),
    (list["int"], ["x"], REFUSED),
    (abc.Iterable[date], ["2024-01-31"], [DAY]),
    (abc.Iterable[int], ["x"], REFUSED),
    (abc.Sequence[date], ["2024-01-31"], [DAY]),
    (abc.MutableSequence[int], [1], [1]),
    (abc.Collection[int], [1], [1]),
    (abc.Collection[int], [None], REFUSED),
    (abc.Reversible[int], [1], [1]),
    (abc.Container[int], [1], [1]),
    (typing.Iterable[int], ["x"], REFUSED),
    (deque[date], ["2024-01-31"], deque([DAY])),
    (set[int], [1, 1], {1}),
    (set[str], [{}], REFUSED),
    (abc.Set[date], ["2024-01-31"], frozenset({DAY})),
    (abc.MutableSet[int], [1], {1}),
    (frozenset[date], ["2024-01-31"], frozenset({DAY})),
    (tuple[int, date], [1, "2024-01-31"], (1, DAY)),
    (tuple[int, date], [1], REFUSED),
    (tuple[int, ...], ["1", 2], (1, 2)),
    (tuple[()], [], ()),
    (tuple[()], [1], REFUSED),
    (tuple, [1], (1,)),
    (tuple, [1], (1,)),
    (tuple[int, Unpack[tuple[date, ...]]], [1, "2024-01-31", "2024-01-31"], (1, DAY, DAY)),
    (tuple[int, Unpack[tuple[date, ...]], str], [1, "x"], (1, "x")),
    (tuple[int, Unpack[tuple[date, ...]]], [1, "x"], REFUSED),
    # mappings
    (dict[str, date], {"a": "2024-01-31"}, {"a": DAY}),
    (dict[str, int], {"a": "x"}, REFUSED),
    (dict[str, int], [], REFUSED),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (dict[date, int], {"2024-01-31": 1}, {DAY: 1}),
    (dict[Color, int], {"red": 1}, {Color.RED: 1}),
    (dict[Level, int], {"1": 1}, {Level.LOW: 1}),
    (dict[Literal["a"], int], {"b": 1}, REFUSED),
    (dict[int, str], {"1": "a", "01": "b"}, REFUSED),
    (abc.Mapping[str, date], {"a": "2024-01-31"}, {"a": DAY}),
    (abc.MutableMapping[str, int], {"a": "x"}, REFUSED),
    (typing.Mapping[str, int], {"a": 1}, {"a": 1}),
    (OrderedDict[str, date], {"a": "2024-01-31"}, OrderedDict(a=DAY)),
    (defaultdict[str, list[date]], {"a": ["2024-01-31"]}, defaultdict(list, a=[DAY])),
    (Counter[str], {"a": 2}, Counter(a=2)),
    (Counter[str], {"a": "x"}, REFUSED),
    (ChainMap[str, int], {"a": 1}, ChainMap({"a": 1})),
    (MappingProxyType[str, date], {"a": "2024-01-31"}, MappingProxyType({"a": DAY})),
    # unions
    (Optional[int], None, None),
    (Optional[int], "x", REFUSED),
    (Union[int, None], 5, 5),  # noqa: UP007  the older form
    (int | date, "2024-01-31", DAY),
    (int | str, "5", "5"),
    (int | float, 5, 5),
    (bool | int, 1, 1),
    (list[int] | list[date], ["2024-01-31"], [DAY]),
    (list[float] | list[int], [1], [1]),
    (Pair[int, int] | Card, {"number": 1}, Card(1)),
    (Tree | Card, {"n": 1, "children": [{"n": 2}]}, Tree(1, [Tree(2)])),
    (int | list[date], ["x"], REFUSED),
    # classes
    (Pair[int, date], {"key": 1, "value": "2024-01-31"}, Pair(1, DAY)),
    (Pair[int, date], {"key": 1, "value": "x"}, REFUSED),
    (Pair[int, date], {"key": 1}, REFUSED),
    (Pair, {"key": 1, "value": "x"}, Pair(1, "x")),
    (Priced[date], {"key": "a", "value": "2024-01-31", "price": "1.5"}, Priced("a", DAY, Decimal("1.5"))),
    (Tree, {"n": 1, "children": [{"n": 2, "more": 1}]}, Tree(1, [Tree(2)])),
    (Tree, {"n": 1, "children": [{"n": "x"}]}, REFUSED),
    (WithInitVar, {"n": 1, "day": "2024-01-31"}, WithInitVar(1, DAY)),
    (WithInitVar, {"n": 1, "day": "x"}, REFUSED),
    (Card, {"number": 1, "day": "2024-01-31"}, Card(1)),
    (Card, {"number": "x"}, REFUSED),
    (Box[date], {"item": "2024-01-31"}, Box(DAY)),
    (Box[list[int]], {"item": ["x"]}, REFUSED),
    (Defaulted, {"item": "2024-01-31"}, Defaulted(DAY)),
    (Defaulted[int], {"item": "5"}, Defaulted(5)),
    (Row, {"id": 1, "day": "2024-01-31"}, {"id": 1, "day": DAY}),
    (Row, {"id": 1}, {"id": 1}),
    (Row, {"id": "x"}, REFUSED),
    (Row, {}, REFUSED),
    (Page[date], {"items": ["2024-01-31"]}, {"items": [DAY]}),
    (Page[int], {"items": ["x"]}, REFUSED),
    (Point, [1, 2.5], Point(1, 2.5)),
    (Point, [1], Point(1)),
    (Point, ["x", 1], REFUSED),
    (Point, [1, 2, 3], REFUSED),
    (Derived[date], {"base": "1", "own": "2024-01-31"}, Derived(1, DAY)),
    (Fixed, {"base": "1", "own": "2024-01-31"}, Fixed(1, DAY)),
    (Fixed, {"base": "x", "own": "2024-01-31"}, REFUSED),
    (AttrsDerived[date], {"base": ["2024-01-31"], "own": "2024-01-31"}, AttrsDerived([DAY], DAY)),
    (DerivedRow[date], {"base": "1", "own": "2024-01-31", "narrowed": "2"}, {"base": 1, "own": DAY, "narrowed": 2}),
    (DerivedRow[date], {"base": 1, "own": "2024-01-31", "narrowed": "x"}, REFUSED),
    # names for other types
    (UserId, 5, 5),
    (list[UserId], ["x"], REFUSED),
    (Ints, ["1"], [1]),
    (Ints, ["x"], REFUSED),
    (Twice[date], ["2024-01-31", "2024-01-31"], (DAY, DAY)),
    (Nested, {"a": {"b": 1}}, {"a": {"b": 1}}),
    (Nested, {"a": {"b": "x"}}, REFUSED),
    (Annotated[date, "documented"], "2024-01-31", DAY),
    (Annotated["date", "documented"], "2024-01-31", DAY),
    (list[Annotated["list[date]", {"un": "hashable"}]], [["2024-01-31"]], [[DAY]]),
    (Annotated["list[V]", "generic"], [1], [1]),
    (Bound, "5", 5),
    (OneOf, "2024-01-31", DAY),
    # pydantic and constraints
    (Person, {"name": "a", "born": "2024-01-31"}, Person(name="a", born=DAY)),
    (Person, {"born": "2024-01-31"}, REFUSED),
    (Small, {"N": 3}, Small(N=3)),
    (Small, {"N": 4}, REFUSED),
    (list[Person], [{"name": "a"}], [Person(name="a")]),
    (Optional[Person], {"name": 1}, REFUSED),
    (pydantic.PositiveInt, 5, 5),
    (pydantic.PositiveInt, -5, REFUSED),
    (pydantic.StrictInt, "5", REFUSED),
    (Annotated[int, pydantic.Field(le=10)], 99, REFUSED),
    (Annotated[int, annotated_types.Gt(0)], 0, REFUSED),
    (Annotated[list[date], annotated_types.MinLen(1)], ["2024-01-31"], [DAY]),
    (Annotated[list[date], annotated_types.MinLen(1)], [], REFUSED),
    (dict[Annotated[str, annotated_types.MinLen(2)], int], {"a": 1}, REFUSED),
    (CheckedCard, {"number": 1}, Card(1)),
    (CheckedCard, {"number": 1, "day": "2024-02-01"}, REFUSED),
    (pydantic.Json[list[int]], "[1]", [1]),
    (pydantic.Base64Bytes, "YQ==", b"a"),
    (pydantic.constr(strip_whitespace=True, min_length=1), " a ", "a"),
    (pydantic.constr(strip_whitespace=True, min_length=1), "  ", REFUSED),
]


#: The cases in which neither pydantic nor cattrs makes the same, and why workers do.
OURS = [
    ("a boolean is not a number, and a number is not a boolean", int, True),
    ("a boolean is not a number, and a number is not a boolean", float, True),
    ("a boolean is not a number, and a number is not a boolean", bool, 1),
    ("a boolean is not a number, and a number is not a boolean", Level, True),
    ("a boolean is not a number, and a number is not a boolean", Literal["a", 1], True),
    ("only true and false are booleans", bool, "yes"),
    ("bytes are base64 in JSON, as workers write them", bytes, "YQ=="),
    ("bytes are base64 in JSON, as workers write them", bytes, "%%"),
    ("the others do not support it", typing_extensions.LiteralString, "a"),
    ("the others do not support it", timezone, "UTC+02:00"),
    ("an Enum can also be given by the member's name", Color, "RED"),
    ("items are converted at once, and none is lost by a second loop", abc.Iterable[date], ["2024-01-31"]),
    ("the others do not support it", abc.Collection[int], [1]),
    ("the others do not support it", abc.Reversible[int], [1]),
    ("the others do not support it", abc.Container[int], [1]),
    ("the others do not support it", tuple[int, Unpack[tuple[date, ...]]], [1, "2024-01-31", "2024-01-31"]),
    ("the others do not support it", tuple[int, Unpack[tuple[date, ...]], str], [1, "x"]),
    ("no value is lost silently", dict[int, str], {"1": "a", "01": "b"}),
    (
        "a private field is named without its underscore, as in the constructor",
        Card,
        {"number": 1, "day": "2024-01-31"},
    ),
    ("a private field is named without its underscore, as in the constructor", Pair[int, int] | Card, {"number": 1}),
    ("a class and its base have their own type variables", Derived[date], {"base": "1", "own": "2024-01-31"}),
    ("a class and its base have their own type variables", Fixed, {"base": "1", "own": "2024-01-31"}),
    (
        "a class and its base have their own type variables",
        AttrsDerived[date],
        {"base": ["2024-01-31"], "own": "2024-01-31"},
    ),
    (
        "a class and its base have their own type variables",
        DerivedRow[date],
        {"base": "1", "own": "2024-01-31", "narrowed": "2"},
    ),
    ("constraints apply to attrs classes, too", CheckedCard, {"number": 1}),
]


def shown(kind, value):
    return f"{kind} <- {value!r}"


def outcome(convert, *arguments):
    """Return the type and the value of what is made, or REFUSED for an exception."""
    try:
        made = convert(*arguments)
    except Exception:  # the other libraries raise several kinds
        return REFUSED
    return type(made), made


NAMES = Namespace(globals())


def test_each_value_is_converted_or_refused_with_its_path():
    assert len(CASES) >= 120
    for kind, value, expected in CASES:
        convert = converter_for(kind, NAMES)
        if expected is REFUSED:
            with pytest.raises(TaskInputError, match="^input 'value"):
                pytest.fail(f"{shown(kind, value)} became {convert(value, 'value')!r}")
        else:
            assert outcome(convert, value, "value") == (type(expected), expected), shown(kind, value)


@pytest.mark.filterwarnings("ignore::UserWarning:pydantic")  # of ReadOnly, which it does not enforce
def test_pydantic_and_cattrs_differ_only_for_stated_reasons():
    structure = make_converter(detailed_validation=False).structure
    differences = []
    for kind, value, expected in CASES:
        wanted = REFUSED if expected is REFUSED else (type(expected), expected)
        made = [
            outcome(lambda value, kind: pydantic.TypeAdapter(kind).validate_json(json.dumps(value)), value, kind),
            outcome(structure, value, kind),
        ]
        if wanted not in made:
            differences.append(shown(kind, value))
    ours = {shown(kind, value) for _, kind, value in OURS}
    if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 10):
        assert sorted(differences) == sorted(ours)
    else:  # older versions of both support less
        assert len(differences) < len(CASES) / 4


def test_unsupported_annotations_are_refused_when_they_are_compiled():
    class Plain:
        def __init__(self, n: int): ...

    cases = {
        Plain: "register it with conductor.register_type()",
        list[Plain]: "Plain: this class cannot be created from JSON",
        Pair[int, Plain]: "Pair[int, Plain].value: Plain",
        dict[str, Plain]: "Plain",
        Optional[Plain]: "Plain",
        abc.Callable[[int], int]: "Callable",
        abc.Generator[int, None, None]: "Generator",
        type[int]: "type[int]",
        complex: "complex",
        Enum: "no members",
        typing_extensions.Never: "no JSON value is of this type",
        typing_extensions.Self: "no JSON value is of this type",
        Unpack[tuple[int, str]]: "only tuple[...] and **kwargs can be unpacked",
        "Missing": "'Missing' cannot be resolved (NameError: name 'Missing' is not defined); import",
        Optional[ForwardRef("Missing")]: "'Optional[Missing]' cannot be resolved",
        list[ForwardRef("Missing")]: "'Missing'",
    }
    for kind, message in cases.items():
        with pytest.raises(UnsupportedAnnotationError) as caught:
            converter_for(kind)
        assert message in str(caught.value), (kind, str(caught.value))


def test_a_path_leads_into_each_kind_of_container():
    cases = [
        (list[Tree], [{"n": 1, "children": [{"n": "x"}]}], "value[0].children[0].n"),
        (dict[str, tuple[int, int]], {"a": [1, "x"]}, "value.a[1]"),
        (Optional[Pair[int, list[int]]], {"key": 1, "value": [1, "x"]}, "value.value[1]"),
        (int | list[Pair[int, int]], [{"key": 1, "value": "x"}], "value[0].value"),
        (Box[Row], {"item": {}}, "value.item.id"),
        (Point, [1, "x"], "value[1]"),
        (list[Person], [{"name": "a", "born": "x"}], "value[0].born"),
        (list[Person], [{}], "value[0].name"),
        (Annotated[list[Person], annotated_types.MinLen(1)], [{"name": 1}], "value[0].name"),
        (Nested, {"a": {"b": "x"}}, "value.a.b"),
        (Twice[list[int]], [[1], ["x"]], "value[1][0]"),
    ]
    for kind, value, path in cases:
        with pytest.raises(TaskInputError) as caught:
            converter_for(kind)(value, "value")
        assert caught.value.parameter == path, (kind, caught.value.message)


def test_registered_types_convert_both_ways_wherever_they_appear():
    class Money:
        def __init__(self, cents):
            self.cents = cents

        def __eq__(self, other):
            return isinstance(other, Money) and self.cents == other.cents

        __hash__ = None

    class Euro(Money):
        pass

    register_type(Money, from_json=lambda value: Money(round(float(value) * 100)), to_json=lambda one: one.cents / 100)
    assert to_jsonable({"a": [Money(150)]}) == {"a": [1.5]}
    for kind, value, expected in (
        (Money, 1.5, Money(150)),
        (list[Money], ["1.5"], [Money(150)]),
        (Pair[str, Money], {"key": "a", "value": 1.5}, Pair("a", Money(150))),
        (Money | None, None, None),
    ):
        assert converter_for(kind)(value, "value") == expected
    with pytest.raises(TaskInputError, match=r"input 'value\[1\]' must be .*Money, got str 'x'"):
        converter_for(list[Money])([1, "x"], "value")
    with pytest.raises(UnsupportedAnnotationError, match="Euro"):
        converter_for(Euro)
    with pytest.raises(TypeError, match="takes a class"):
        register_type("Money", from_json=str)


def test_a_registered_converter_replaces_the_one_for_a_known_type():
    class Stamp(datetime):
        pass

    @dataclass
    class Plain:
        n: int

    register_type(Stamp, from_json=lambda value: Stamp.fromtimestamp(value, UTC))
    register_type(Plain, from_json=lambda value: Plain(value))
    assert converter_for(Stamp)(0, "value") == datetime(1970, 1, 1, tzinfo=UTC)
    assert converter_for(Plain)("five", "value") == Plain("five")


PEP_695 = """
import dataclasses
from datetime import date
from typing import NamedTuple, NotRequired, ReadOnly, TypedDict
import attrs

type Ints = list[int]
type Tree = dict[str, Tree] | int
type Twice[X] = tuple[X, X]
type Many[X] = list[Twice[X]]
type Late = LateClass | None

@dataclasses.dataclass
class Page[X]:
    items: list[X]
    following: "Page[X] | None" = None

@dataclasses.dataclass
class Part[Y](Page[Y]):
    extra: Twice[Y] | None = None

@attrs.define
class Box[X]:
    item: X

class Row[X](TypedDict):
    item: X
    more: NotRequired[ReadOnly[list[X]]]

class Point[X](NamedTuple):
    x: X

@dataclasses.dataclass
class LateClass:
    n: int

def function[X: int](value: X, more: list[X]): return value, more
def one_of[X: (int, date)](value: X): return value

class Service:
    type Days = list[date]
    def method(self, value: Days, more: "Days"): return value, more

def make():
    type Locals = list[Local]
    @dataclasses.dataclass
    class Local:
        n: int
    def inner(value: Locals): return value
    return inner, Local
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax of PEP 695 needs Python 3.12")
@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_the_syntax_of_pep_695_is_understood(future):
    source = (
        PEP_695
        if sys.version_info >= (3, 13)
        else PEP_695.replace("ReadOnly[list[X]]", "list[X]").replace("NotRequired, ReadOnly,", "NotRequired,")
    )
    module = types.ModuleType("pep_695")
    sys.modules["pep_695"] = module
    try:
        exec(compile(future + source, "pep_695.py", "exec"), vars(module))
        _check_pep_695(module)
    finally:
        del sys.modules["pep_695"]


def _check_pep_695(m):
    cases = [
        (m.Ints, ["1"], [1]),
        (m.Ints, ["x"], "value[0]"),
        (m.Tree, {"a": {"b": 1}}, {"a": {"b": 1}}),
        (m.Tree, {"a": {"b": "x"}}, "value.a.b"),
        (m.Twice[date], ["2024-01-31", "2024-01-31"], (DAY, DAY)),
        (m.Many[int], [["1", 2]], [(1, 2)]),
        (m.Many[int], [["1", "x"]], "value[0][1]"),
        (m.Late, {"n": 1}, m.LateClass(1)),
        (m.Late, None, None),
        (m.Page[date], {"items": ["2024-01-31"]}, m.Page([DAY])),
        (m.Page[date], {"items": [], "following": {"items": ["x"]}}, "value.following.items[0]"),
        (m.Part[int], {"items": ["1"], "extra": [1, "2"]}, m.Part([1], None, (1, 2))),
        (m.Part[int], {"items": [], "extra": [1, "x"]}, "value.extra[1]"),
        (m.Box[m.Twice[int]], {"item": [1, "2"]}, m.Box((1, 2))),
        (m.Row[date], {"item": "2024-01-31", "more": ["2024-01-31"]}, {"item": DAY, "more": [DAY]}),
        (m.Row[date], {"item": "2024-01-31", "more": ["x"]}, "value.more[0]"),
        (m.Point[date], ["2024-01-31"], m.Point(DAY)),
    ]
    for kind, value, expected in cases:
        if isinstance(expected, str):
            with pytest.raises(TaskInputError) as caught:
                converter_for(kind)(value, "value")
            assert caught.value.parameter == expected, (kind, value)
        else:
            assert converter_for(kind)(value, "value") == expected, (kind, value)
    inner, local = m.make()
    calls = [
        (m.function, {"value": "1", "more": ["2"]}, (1, [2])),
        (m.function, {"value": 1, "more": ["x"]}, "more[0]"),
        (m.one_of, {"value": "2024-01-31"}, DAY),
        (m.Service().method, {"value": ["2024-01-31"], "more": []}, ([DAY], [])),
        (m.Service().method, {"value": [], "more": ["x"]}, "more[0]"),
    ]
    for function, given, expected in calls:
        arguments = compile_arguments(function)
        if isinstance(expected, str):
            with pytest.raises(TaskInputError) as caught:
                arguments(Task(input_data=given))
            assert caught.value.parameter == expected, function
        else:
            positional, named = arguments(Task(input_data=given))
            assert function(*positional, **named) == expected, function
    with contextlib.suppress(WorkerRegistrationError):  # with strings, local names are gone once make() has returned
        _, named = compile_arguments(inner)(Task(input_data={"value": [{"n": "1"}]}))
        assert named == {"value": [local(1)]}
