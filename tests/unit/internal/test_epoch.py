"""Epoch milliseconds as datetimes: the same on every operating system."""

from datetime import datetime, timezone

import pytest

from conductor._internal.epoch import from_epoch_ms
from conductor.models.codec import to_datetime
from conductor.worker.scalars import parse_datetime

UTC = timezone.utc


def test_times_before_1970_and_after_3000_are_converted():
    for given, moment in [
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1.5, datetime(1970, 1, 1, 0, 0, 0, 1500, UTC)),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123000, UTC)),
        (253_402_300_799_999, datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)),
    ]:
        assert from_epoch_ms(given) == moment
        assert parse_datetime(given) == moment
        assert to_datetime(given) == (moment if given else None)


def test_a_time_that_no_datetime_has_is_refused():
    for given, error in [
        (253_402_300_800_000, OverflowError),
        (float("inf"), OverflowError),
        (float("nan"), ValueError),
    ]:
        with pytest.raises(error):
            from_epoch_ms(given)
