"""Durations: seconds, ``timedelta`` objects and strings, read in one place."""

import math
from datetime import timedelta

import pytest

from conductor import ConfigurationError, Workflow
from conductor._internal.durations import (
    exponential_backoff,
    parse_duration,
    timedelta_to_seconds,
    to_seconds,
    to_whole_seconds,
)
from conductor.workflow import get_signed_jwt, http_poll, simple, wait

HALF_A_SECOND = timedelta(milliseconds=500)


def test_seconds_of_numbers_and_timedeltas():
    for given, seconds in [(0, 0), (1.5, 1.5), (HALF_A_SECOND, 0.5), (timedelta(days=2), 172800)]:
        assert to_seconds(given) == seconds
        assert to_whole_seconds(given) == math.ceil(seconds)
    assert to_seconds(timedelta(seconds=-2), allow_negative=True) == -2


def test_what_is_not_a_duration_is_refused_by_the_name_of_its_argument():
    for given in (True, "5", None, math.nan, math.inf, -math.inf):
        for allow_negative in (False, True):
            with pytest.raises(ConfigurationError, match=r"^pause is .*; it must be a number of seconds.*timedelta\.$"):
                to_seconds(given, "pause", allow_negative=allow_negative)
    for given in (-1, timedelta(seconds=-1)):
        with pytest.raises(ConfigurationError, match=r"a number of seconds, 0 or more, or a timedelta"):
            to_seconds(given, "pause")


def test_strings_have_a_unit_or_are_seconds():
    for text, seconds in [("90", 90), ("90s", 90), (" 15M ", 900), ("2h", 7200), ("3d", 259200), ("0.5m", 30)]:
        assert parse_duration(text) == seconds
    for text in ("", "m", "-1", "1w", "1 2", "\uff11"):
        with pytest.raises(ConfigurationError, match="invalid pause"):
            parse_duration(text, "pause")


def test_seconds_are_rounded_up_so_that_a_short_time_is_not_zero():
    assert timedelta_to_seconds(HALF_A_SECOND) == 1
    assert timedelta_to_seconds("${workflow.input.pause}") == "${workflow.input.pause}"
    assert Workflow("w", timeout=HALF_A_SECOND).to_def().timeout_seconds == 1
    assert simple("x", ref="r", start_delay=HALF_A_SECOND).fields["startDelay"] == 1
    assert wait(HALF_A_SECOND).fields["inputParameters"]["duration"] == "1 seconds"
    polling = http_poll("http://x", "true", interval=HALF_A_SECOND).fields["inputParameters"]["http_request"]
    assert polling["pollingInterval"] == 1
    token = get_signed_jwt(subject="s", issuer="i", audience="a", private_key="k", ttl=HALF_A_SECOND)
    assert token.fields["inputParameters"]["ttlInSecond"] == 1


def test_delays_double_with_each_failure_up_to_the_longest():
    assert [exponential_backoff(failures, 0.5, 3.0) for failures in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert exponential_backoff(10**9, 1.0, 30.0) == 30.0
    assert exponential_backoff(4, 1.0) == 8.0
