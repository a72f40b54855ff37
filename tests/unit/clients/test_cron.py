"""Cron expressions: what Spring's scheduler runs, and what it does not."""

import pytest

from conductor.clients.cron import check_cron
from conductor.errors import ConfigurationError


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 9 * * MON-FRI",
        "*/10 * * * * *",
        "0 0/15 8-18 * * ?",
        "0 0 0 1 1 *",
        "0 0 12 L * ?",
        "0 0 12 LW * ?",
        "0 0 12 L-3 * ?",
        "0 0 12 15W * ?",
        "0 0 12 ? * 5#2",
        "0 0 12 ? * MON#1",
        "0 0 12 ? * FRIL",
        "0 0 12 * jan,Jul sun",
        "0 0 12 * * MON-SUN",
        "0 0 12 * * SUN-SAT",
        "0 5,10,50-59 * * * *",
        "@daily",
    ],
)
def test_what_can_run_passes(expression):
    assert check_cron(expression) == expression


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("*/5 * * * *", "has 5 fields and not 6. Put the second in front: '0 */5 * * * *'"),
        ("", "has 0 fields"),
        ("0 0 9 * * MON-FRI 2026", "has 7 fields"),
        ("60 * * * * *", "'60' is no seconds: that is 0 to 59"),
        ("0 0 24 * * *", "'24' is no hours"),
        ("0 0 0 0 * *", "'0' is no day of month: that is 1 to 31"),
        ("0 0 0 1 13 *", "'13' is no month: that is 1 to 12, or JAN to DEC"),
        ("0 0 0 * * MONDAY", "'MONDAY' is no day of week"),
        ("0 0 0 * * 8", "'8' is no day of week"),
        ("0 30-10 * * * *", "the range '30-10' of its minutes runs backwards"),
        ("0 */0 * * * *", "the step of '*/0'"),
        ("0 ? * * * *", "'?' is no minutes"),
        ("every day at nine o'clock in", "is no seconds"),
        ("0 0 0 * * FRI#6", "'FRI#6' is no day of week"),
    ],
)
def test_what_would_never_run_is_refused_with_its_field(expression, reason):
    with pytest.raises(ConfigurationError) as caught:
        check_cron(expression)

    assert reason in str(caught.value)
    assert caught.value.variable == "cron_expression"
