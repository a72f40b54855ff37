"""Convert epoch milliseconds, which is how servers write times."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

__all__ = ["from_epoch_ms"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def from_epoch_ms(milliseconds: float) -> datetime:
    """Return epoch milliseconds as an aware datetime in UTC.

    ``datetime.fromtimestamp`` does not accept times before 1970 or after 3000 on Windows, and rounds through a float.

    Raises:
        OverflowError: The time is not in the years 1 to 9999.
        ValueError: The value is NaN.
    """
    return _EPOCH + timedelta(milliseconds=milliseconds)
