"""Cron expressions against what the preview of the real server 3.32.3 said to each (`cron.json`)."""

import json
from pathlib import Path

import pytest
from cases import each

from conductor.clients.schedules import check_cron
from conductor.errors import ConfigurationError

SAID = json.loads(Path(__file__).with_name("cron.json").read_text(encoding="utf-8"))


@each("expression", SAID["runs"] + SAID["seldom"])
def test_expressions_that_the_server_runs_are_accepted(expression):
    assert check_cron(expression) == expression


@each("expression", SAID["never"])
def test_days_that_no_month_has_are_refused(expression):
    with pytest.raises(ConfigurationError, match="no day matches"):
        check_cron(expression)


@each("expression", SAID["refused"])
def test_expressions_the_server_would_never_run_are_refused(expression):
    with pytest.raises(ConfigurationError, match="never run it") as caught:
        check_cron(expression)
    assert "six fields" in caught.value.allowed


@each(
    ("expression", "reason"),
    [
        ("0 9 * * *", r"5 fields instead of six .*Put the seconds first: '0 0 9 \* \* \*'"),
        ("0 60 * * * *", "minute: 60 is not within 0-59"),
        ("0 0 0 * JANUARY *", "month: 'JANUARY' is not a number, nor one of JAN, FEB"),
        ("0 0 0 * 13 *", "month: 13 is not within 1-12"),
        ("0 0 17-9 * * *", "hour: the range '17-9' ends before it starts"),
        ("0 0 0 * * FRI-MON", "day of week: the range 'FRI-MON' ends before it starts"),
        ("*/0 * * * * *", "second: the step '0' is not a positive integer"),
        ("0 0 0 * * MON#6", "no day matches"),
        ("", "0 fields"),
        (None, "0 fields"),
    ],
)
def test_the_error_says_which_field_and_why(expression, reason):
    with pytest.raises(ConfigurationError, match=reason):
        check_cron(expression)
