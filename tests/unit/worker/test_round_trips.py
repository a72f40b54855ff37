"""For any supported type: a value that is written as JSON and read with its annotation is the same value again."""

import dataclasses
import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union
from uuid import UUID

import attrs
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import NotRequired, Required, TypeAliasType, TypedDict

from conductor.errors import TaskInputError
from conductor.models.codec import dumps, loads, to_jsonable
from conductor.worker.conversion import converter_for

K = TypeVar("K")
V = TypeVar("V")


class Color(Enum):
    RED = "red"
    DARK = "RED"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Rights(Flag):
    READ = 1
    WRITE = 2


class Mixed(Enum):
    TEXT = "1"
    NUMBER = 1
    DAY = date(2024, 1, 31)
    PAIR = (1, 2)


class Name(str):
    __slots__ = ()


class Count(int):
    pass


@dataclass
class Pair(Generic[K, V]):
    key: K
    value: V


@attrs.define
class Box(Generic[V]):
    _item: V
    label: str = attrs.field(default="", kw_only=True)


class Row(TypedDict, Generic[V]):
    item: V


@frozen(repr=False)
class Kind:
    """A type, its values, which JSON value its values become, and whether they can be keys or members of a set."""

    annotation: Any
    values: st.SearchStrategy
    json: str
    is_hashable: bool = True
    is_key: bool = False

    def __repr__(self):
        return self.annotation.__name__ if isinstance(self.annotation, type) else str(self.annotation)


def string(annotation, values, **more):
    return Kind(annotation, values, "string", is_key=True, **more)


AWARE = st.builds(lambda offset: timezone(timedelta(minutes=offset)), st.integers(-23 * 60 - 59, 23 * 60 + 59))
#: Up to this length, the seconds of a timedelta are a float that is exact to the microsecond.
LONGEST = timedelta(seconds=2**31)
SCALARS = [
    string(str, st.text(max_size=8)),
    Kind(bytes, st.binary(max_size=8), "string"),
    string(date, st.dates()),
    string(time, st.times(timezones=st.none() | AWARE)),
    string(datetime, st.datetimes().map(lambda value: value.replace(fold=0))),  # JSON has no fold
    string(datetime, st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=AWARE)),
    string(Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    string(Fraction, st.fractions()),
    string(UUID, st.uuids()),
    string(PurePosixPath, st.just(PurePosixPath("/a/b"))),
    string(Path, st.just(Path("a/b"))),
    string(IPv4Address, st.ip_addresses(v=4)),
    string(IPv6Address, st.ip_addresses(v=6)),
    string(IPv4Network, st.just(IPv4Network("10.0.0.0/8"))),
    string(IPv4Interface, st.just(IPv4Interface("10.0.0.1/8"))),
    string(timezone, AWARE),
    string(Name, st.text(max_size=4).map(Name)),
    string(Color, st.sampled_from(Color)),
    string(Literal["a", "b"], st.sampled_from(["a", "b"])),
    Kind(int, st.integers(), "number", is_key=True),
    Kind(Count, st.integers().map(Count), "number", is_key=True),
    Kind(float, st.floats(allow_nan=False, allow_infinity=False), "number", is_key=True),
    Kind(timedelta, st.timedeltas(-LONGEST, LONGEST), "number"),
    Kind(Level, st.sampled_from(Level), "number", is_key=True),
    Kind(Rights, st.sampled_from([Rights(0), Rights.READ, Rights.READ | Rights.WRITE]), "number"),
    Kind(bool, st.booleans(), "boolean"),
    Kind(None, st.none(), "null"),
    Kind(Mixed, st.sampled_from(Mixed), "several"),
    Kind(Literal[1, "1", True, Level.HIGH], st.sampled_from([1, "1", True, Level.HIGH]), "several"),
    Kind(NewType("UserId", int), st.integers(), "number", is_key=True),
    Kind(Annotated[str, "documented"], st.text(max_size=3), "string"),
    Kind(TypeAliasType("Numbers", list[int]), st.lists(st.integers(), max_size=3), "array", is_hashable=False),
]
numbers = itertools.count()


def arrays(inner):
    """Lists, tuples and sets of ``inner``."""

    def of(kind):
        several = st.lists(kind.values, max_size=3)
        made = [
            *((form[kind.annotation], several) for form in (list, Sequence, MutableSequence, Collection, Iterable)),
            (deque[kind.annotation], several.map(deque)),
            (tuple[kind.annotation, ...], several.map(tuple)),
        ]
        if kind.is_hashable:
            sets = st.sets(kind.values, max_size=3)
            made += [(set[kind.annotation], sets), (AbstractSet[kind.annotation], sets.map(frozenset))]
            made += [(frozenset[kind.annotation], sets.map(frozenset))]
        return st.sampled_from([Kind(one, values, "array", is_hashable=False) for one, values in made])

    return inner.flatmap(of)


def tuples(inner):
    def of(kinds):
        annotation = tuple[tuple(kind.annotation for kind in kinds)] if kinds else tuple[()]
        values = st.tuples(*(kind.values for kind in kinds))
        return Kind(annotation, values, "array", is_hashable=all(kind.is_hashable for kind in kinds))

    return st.lists(inner, max_size=3).map(of)


def mappings(inner):
    keys = st.sampled_from([kind for kind in SCALARS if kind.is_key])

    def of(pair):
        key, kind = pair
        values = st.dictionaries(key.values, kind.values, max_size=3)
        forms = [(form[key.annotation, kind.annotation], values) for form in (dict, Mapping, MutableMapping)]
        forms.append((OrderedDict[key.annotation, kind.annotation], values.map(OrderedDict)))
        return st.sampled_from([Kind(one, made, "object", is_hashable=False) for one, made in forms])

    return st.tuples(keys, inner).flatmap(of)


def classes(inner):
    """Classes of each family with fields of ``inner``, made at run time."""

    def of(kinds):
        name, fields = f"Made{next(numbers)}", [(f"f{i}", kind) for i, kind in enumerate(kinds)]
        types = {field: kind.annotation for field, kind in fields}
        values = st.fixed_dictionaries({field: kind.values for field, kind in fields})
        data = dataclasses.make_dataclass(name, types.items())
        private = attrs.make_class(f"{name}Attrs", {f"_{field}": attrs.field(type=one) for field, one in types.items()})
        row = TypedDict(f"{name}Row", {field: NotRequired[one] for field, one in types.items()} | {"id": Required[int]})
        named = NamedTuple(f"{name}Tuple", types.items())
        some = st.fixed_dictionaries({"id": st.integers()}, optional={field: kind.values for field, kind in fields})
        made = [
            Kind(data, values.map(lambda given: data(**given)), "object", is_hashable=False),
            Kind(private, values.map(lambda given: private(**given)), "object", is_hashable=False),
            Kind(row, some, "object", is_hashable=False),
            Kind(named, values.map(lambda given: named(**given)), "array", is_hashable=False),
        ]
        return st.sampled_from(made)

    return st.lists(inner, min_size=1, max_size=3).flatmap(of)


def generics(inner):
    def of(pair):
        key, value = pair
        both = Pair[key.annotation, value.annotation]
        made = [
            Kind(both, st.builds(Pair, key.values, value.values), "object", is_hashable=False),
            Kind(Box[value.annotation], st.builds(Box, value.values, label=st.text(max_size=2)), "object", False),
            Kind(Row[value.annotation], st.fixed_dictionaries({"item": value.values}), "object", False),
            Kind(Box[both], st.builds(Box, st.builds(Pair, key.values, value.values)), "object", False),
        ]
        return st.sampled_from(made)

    return st.tuples(inner, inner).flatmap(of)


def unions(inner):
    """Unions whose members become different JSON values."""

    def of(kinds):
        kinds = [kind for kind in kinds if kind.json != "several"]
        if len(kinds) < 2:
            return None
        return Kind(
            Union[tuple(kind.annotation for kind in kinds)],  # noqa: UP007  X | Y does not take a tuple
            st.one_of([kind.values for kind in kinds]),
            "several",
            is_hashable=all(kind.is_hashable for kind in kinds),
        )

    return st.lists(inner, min_size=2, max_size=4, unique_by=lambda kind: kind.json).map(of).filter(bool)


def optionals(inner):
    def of(kind):
        return Kind(Optional[kind.annotation], st.none() | kind.values, "several", is_hashable=kind.is_hashable)

    return inner.map(of)


KINDS = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        arrays(inner), tuples(inner), mappings(inner), classes(inner), generics(inner), unions(inner), optionals(inner)
    ),
    max_leaves=6,
)


def is_same(one, other):
    """Compare deeply; unlike for ``==``, 1, 1.0 and True differ, and so do a list and a tuple."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        pairs = zip(sorted(one.items(), key=repr), sorted(other.items(), key=repr), strict=False)
        return len(one) == len(other) and all(is_same(a, c) and is_same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, set | frozenset):
        return one == other and {type(each) for each in one} == {type(each) for each in other}
    if attrs.has(type(one)) or dataclasses.is_dataclass(one):
        fields = attrs.fields(type(one)) if attrs.has(type(one)) else dataclasses.fields(one)
        return all(is_same(getattr(one, each.name), getattr(other, each.name)) for each in fields)
    return one == other


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data(), KINDS)
def test_values_of_any_type_survive_json(data, kind):
    value = data.draw(kind.values)
    read = converter_for(kind.annotation)(loads(dumps(to_jsonable(value))), "value")
    assert is_same(read, value), (kind.annotation, value, read)


@settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    KINDS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_any_json_value_is_converted_or_refused_with_its_path(kind, value):
    convert = converter_for(kind.annotation)
    message = "input 'value"
    try:
        convert(value, "value")
    except TaskInputError as error:
        message = error.message
    assert re.match(r"input ['\"]value", message), message
