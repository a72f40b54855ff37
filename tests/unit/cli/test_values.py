"""Arguments of the command line as values, and values as output."""

import io
import json
import sys
from datetime import datetime, timedelta, timezone

import click
import pytest
from cases import each

from conductor.cli.definitions import Pulled, _FileNames
from conductor.cli.exits import status_of
from conductor.cli.output import relative_time, show_json
from conductor.cli.values import json_object, merged, seconds, text_pairs, value_pairs
from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    WorkflowFailedError,
    WorkflowTimeoutError,
)
from conductor.models import Workflow

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@each(
    ("word", "value"),
    [("30", 30), ("90s", 90), ("1.5m", 90), ("250ms", 0.25), ("2h", 7200), (" 1D ", 86400), ("0", 0)],
)
def test_durations_have_units(word, value):
    assert seconds(word) == value


@each("word", ["", "s", "-5", "5 minutes", "1e3", "inf", "nan", "5w"])
def test_an_invalid_duration_names_the_valid_forms(word):
    with pytest.raises(click.BadParameter, match=r"invalid duration: .* \(use 30, 30s, 5m, 2h or 1d\)"):
        seconds(word)


@each(
    ("pair", "value"),
    [
        ("a=1", {"a": 1}),
        ("a=text", {"a": "text"}),
        ('a="1"', {"a": "1"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=null", {"a": None}),
        ('a={"b": [1]}', {"a": {"b": [1]}}),
    ],
)
def test_a_pair_has_a_json_value_or_a_string(pair, value):
    assert value_pairs([pair]) == value


@each("pair", ["a", "=1", ""])
def test_a_word_without_a_name_or_an_equals_sign_is_refused(pair):
    with pytest.raises(click.BadParameter, match="is not NAME=VALUE"):
        text_pairs([pair])


def test_the_last_of_equal_names_wins_and_pairs_win_over_the_object():
    assert merged({"a": 1, "b": 2}, ["b=3", "b=4"]) == {"a": 1, "b": 4}
    assert text_pairs(["a=1"]) == {"a": "1"}


def test_an_object_is_read_from_a_file_of_json_or_yaml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "a.yaml").write_text("a: 1\n")

    assert json_object("@a.json") == json_object("@a.yaml") == json_object('{"a": 1}') == {"a": 1}


@each("word", ["{", "[]", "1", "null", "@missing.json", "[" * 100_000, "{a: 1}"])
def test_what_is_not_an_object_is_refused(word):
    with pytest.raises(click.BadParameter):
        json_object(word)


@each(
    ("moment", "ends"),
    [
        (NOW, "(0 s ago)"),
        (NOW - timedelta(seconds=59), "(59 s ago)"),
        (NOW - timedelta(minutes=5, seconds=59), "(5 min ago)"),
        (NOW - timedelta(hours=25), "(1 d ago)"),
        (NOW + timedelta(hours=3), "(in 3 h)"),
    ],
)
def test_a_moment_is_shown_with_its_distance_from_now(moment, ends):
    assert relative_time(moment, NOW).endswith(ends)


def test_no_moment_is_an_empty_string():
    assert relative_time(None) == ""


@each(
    ("error", "status"),
    [
        (WorkflowFailedError("x", workflow=Workflow()), 1),
        (ConfigurationError("x"), 2),
        (NotFoundError("x", status=404), 2),
        (APIConnectionError("x"), 3),
        (APITimeoutError("x"), 3),
        (ServerError("x", status=500), 3),
        (RateLimitError("x", status=429), 3),
        (UnexpectedResponseError("x"), 3),
        (WorkflowTimeoutError("x", workflow_id="w", workflow=Workflow()), 4),
    ],
)
def test_errors_have_the_documented_statuses(error, status):
    assert status_of(error) == status


def test_json_is_valid_in_every_encoding_of_standard_output(monkeypatch):
    value = {"name": "caf\u00e9 \u4e2d \U0001f600"}
    for encoding, is_escaped in [("utf-8", False), ("UTF8", False), ("cp1252", True), ("cp437", True), ("ascii", True)]:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
        monkeypatch.setattr(sys, "stdout", stream)
        show_json(value)
        stream.flush()
        monkeypatch.undo()
        assert json.loads(raw.getvalue()) == value
        assert raw.getvalue().isascii() is is_escaped


def test_names_of_files_are_valid_on_every_system():
    for given, name in [
        ("con", "_con"),
        ("NUL", "_NUL"),
        ("com1.x", "_com1.x"),
        ("console", "console"),
        ("a:b/c", "a_b_c"),
    ]:
        assert _FileNames(as_module=False)(given) == name
    names = _FileNames(as_module=False)
    assert names("order") == "order"
    assert names("Order").casefold() != "order"


def test_definitions_are_written_with_the_same_line_ends_on_every_system(tmp_path):
    file = Pulled(tmp_path / "folder" / "a.json", '{\n  "name": "caf\u00e9"\n}\n')
    file.write()
    assert file.path.read_bytes() == file.text.encode()
    assert file.state == "same"
