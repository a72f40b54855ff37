"""Expressions have the values that the OSS server 3.32.3 returned (`expressions.json`: document, strings, values)."""

import json
import time
from copy import deepcopy
from pathlib import Path

import pytest
from cases import each

from conductor.server.engine.expressions.java_text import Matches, java_text
from conductor.server.engine.expressions.jsonpath import PAUSE, PathError, TooManyStepsError, parse
from conductor.server.engine.expressions.jsonpath_filters import MATCHER, match_here
from conductor.server.engine.expressions.references import (
    TextTooLongError,
    expressions_in,
    substitute,
    substitute_secrets,
)

RECORDED = json.loads(Path(__file__).with_name("expressions.json").read_text(encoding="utf-8"))
SCOPE = RECORDED["scope"]


def as_json(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@each(("text", "answer"), RECORDED["cases"])
def test_expressions_have_the_values_of_the_oss_server(text, answer):
    assert as_json(substitute(text, SCOPE)) == as_json(answer)


def test_expressions_in_maps_and_lists_are_replaced_but_not_in_keys():
    parameters, answer = RECORDED["nested"]

    assert as_json(substitute(parameters, SCOPE)) == as_json(answer)


def test_parameters_and_document_are_not_modified():
    parameters, scope = deepcopy(RECORDED["nested"][0]), deepcopy(SCOPE)

    substitute(parameters, scope)
    substitute("${workflow.input.list.append(6)}", scope)

    assert parameters == RECORDED["nested"][0]
    assert scope == SCOPE


def test_an_indefinite_path_gives_a_plain_list():
    assert type(substitute("${workflow.input.items[*].id}", SCOPE)) is list


def test_the_last_element_of_a_list_of_one_is_found():
    assert substitute("${workflow.input.one.last()}", {"workflow": {"input": {"one": [4]}}}) == 4


@each(("text", "answer"), [("${CPEWF_TASK_ID}", "t-1"), ("<${CPEWF_TASK_ID}>", "<t-1>")])
def test_system_names_are_not_paths(text, answer):
    assert substitute(text, SCOPE, system={"CPEWF_TASK_ID": "t-1"}) == answer


@each(
    ("text", "answer"),
    [
        ("${workflow.env.REGION}", "eu"),
        ("in ${workflow.env.REGION}", "in eu"),
        ("${workflow.env.LIMITS.max[0]}", 5),
        ("${workflow.env.LIMITS.absent}", None),
        ("${workflow.env.LIMITS.max[*]}", [5, 6]),
        ("${workflow.env.REGION.path}", None),
        ("${workflow.env.ABSENT}", None),
    ],
)
def test_environment_values_and_paths_into_them(text, answer):
    environment = {"REGION": "eu", "LIMITS": '{"max": [5, 6]}'}

    assert substitute(text, SCOPE, environment=environment) == answer


@each(
    ("value", "answer"),
    [
        ("${workflow.secrets.KEY}", "s3cret"),
        ("Bearer ${workflow.secrets.KEY}", "Bearer s3cret"),
        ("${workflow.secrets.CONF.user}", "ann"),
        ("${workflow.secrets.CONF.ports}", [1, 2]),
        ("<${workflow.secrets.CONF.ports}>", "<[1, 2]>"),
        ("${workflow.secrets.ABSENT}", None),
        ("<${workflow.secrets.ABSENT}>", "<>"),
        ({"a": ["${workflow.secrets.KEY}", 1, None]}, {"a": ["s3cret", 1, None]}),
        ("${workflow.input.text}", "${workflow.input.text}"),
    ],
)
def test_secrets_are_replaced_separately(value, answer):
    secrets = {"KEY": "s3cret", "CONF": '{"user": "ann", "ports": [1, 2]}'}

    assert substitute(value, SCOPE) == (value if value != "${workflow.input.text}" else "hello")
    assert substitute_secrets(value, secrets) == answer


def test_only_outermost_expressions_are_listed():
    assert expressions_in("a ${b.c} $${d} ${e[${f}]} ${") == ["b.c", "e[${f}]"]


@each("text", ["a.", "a b", "a[", "a[?(]", "a[?(@.x ~ 1)]", "a[x]", "a['b'", "a[::]", "a.b(", "$x", "a...b"])
def test_an_invalid_path_is_an_error(text):
    with pytest.raises((PathError, ValueError)):
        parse(text)


def test_matches_of_an_indefinite_path_are_written_as_json():
    found = Matches(["a/b\"\n\t\\ ü é € \u2028 \u0001 <&'"])

    assert java_text(found) == '["a\\/b\\"\\n\\t\\\\ ü é \\u20AC \\u2028 \\u0001 <&\'"]'


@each(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-1.5, "-1.5"),
        (9999999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (-123456789.125, "-1.23456789125E8"),
        (0.00099, "9.9E-4"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_doubles_are_written_as_java_does(value, text):
    assert java_text(value) == text


def test_a_path_takes_a_bounded_number_of_steps():
    deep = leaf = {}
    for _ in range(60):
        leaf["a"] = {}
        leaf = leaf["a"]
    wide = [[[0] * 10] * 20] * 200
    for path in ("$..*..*..*..*", "$.w..*..*", "$.w[?($..*..* == 1)]"):
        begin = time.perf_counter()
        with pytest.raises(TooManyStepsError):
            substitute(f"${{{path.removeprefix('$.')}}}", {"d": deep, "w": wide})
        assert time.perf_counter() - begin < 5
    assert len(substitute("${w..*}", {"w": wide})) == 200 + 200 * 20 + 200 * 20 * 10


def test_slow_regular_expressions_are_left_to_the_servers_matcher():
    asked = []

    def matcher(source, flags, text):
        asked.append((source, text))
        return match_here(source, flags, text)

    token = MATCHER.set(matcher)
    try:
        for pattern, found in [
            ("/b.*/", ["bc"]), ("/abc/", []), ("/(b|a)c?/i", ["a", "bc"]), ("/(a+)+/", ["a"]), (r"/(.)\1/", []),
        ]:  # fmt: skip
            assert substitute(f"${{l[?(@ =~ {pattern})]}}", {"l": ["a", "bc"]}) == found, pattern
    finally:
        MATCHER.reset(token)
    assert {source for source, _ in asked} == {"(b|a)c?", "(a+)+"}


def test_any_text_is_read_in_linear_time():
    count = 20_000
    for text in (
        "${workflow.secrets." * count,
        "${" * count,
        "${a" * count + "}" * count,
        "$${" * count,
        "${..${" * count + "}",
    ):
        begin = time.process_time()
        substitute(text, SCOPE)
        substitute_secrets(text, {"a": "1"})
        assert time.process_time() - begin < 5, text[:20]


def test_a_string_does_not_grow_beyond_the_memory():
    scope = {"workflow": {"input": {"x": "x" * 1_000_000}}}
    with pytest.raises(TextTooLongError, match="more than 67108864 characters"):
        substitute("${workflow.input.x}" * 100, scope)


def test_other_threads_have_their_turn_during_long_work():
    calls = []
    token = PAUSE.set(lambda: calls.append(1))
    try:
        substitute("${workflow.input.n}" * 50, SCOPE)
        assert len(calls) == 50
        parse("$..x").read({"l": [{"x": 1}] * 3000}, {})
        assert len(calls) > 53
    finally:
        PAUSE.reset(token)
