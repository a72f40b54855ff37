"""Cron expressions against what the preview of the real server 3.32.3 said to each (`cron.json`)."""

import json
from pathlib import Path

import pytest

from conductor.clients.schedules import check_cron
from conductor.errors import ConfigurationError

SAID = json.loads(Path(__file__).with_name("cron.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("expression", SAID["runs"] + SAID["seldom"])
def test_what_the_server_runs_is_taken_as_it_is(expression):
    assert check_cron(expression) == expression


@pytest.mark.parametrize("expression", SAID["never"])
def test_a_day_that_no_month_has_is_refused_although_the_server_takes_it(expression):
    with pytest.raises(ConfigurationError, match="no month that it names has such a day"):
        check_cron(expression)


@pytest.mark.parametrize("expression", SAID["refused"])
def test_what_the_server_would_store_and_never_run_is_refused(expression):
    with pytest.raises(ConfigurationError, match="never run it") as caught:
        check_cron(expression)
    assert "six fields" in caught.value.allowed


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 9 * * *", r"it has 5 fields and not 6. Put the second in front: '0 0 9 \* \* \*'"),
        ("0 60 * * * *", "'60' is no minute: that is 0 to 59"),
        ("0 0 0 * JANUARY *", "'JANUARY' is no month"),
        ("0 0 0 * 13 *", "'13' is no month: that is 1 to 12, or JAN to DEC"),
        ("0 0 17-9 * * *", "the range '17-9' of its hour runs backwards"),
        ("0 0 0 * * FRI-MON", "the range 'FRI-MON' of its day of week runs backwards"),
        ("*/0 * * * * *", r"the step of '\*/0' in its second is no whole number above 0"),
        ("0 0 0 * * MON#6", "'MON#6' is no day of week"),
        ("", "it has 0 fields"),
        (None, "it has 0 fields"),
    ],
)
def test_the_error_says_which_field_and_why(expression, reason):
    with pytest.raises(ConfigurationError, match=reason):
        check_cron(expression)
