"""Calls that the server has to refuse."""

import pytest

from conductor.errors import APIError


def refused(status, call, *args, **options):
    """Make a call that fails with a status; returns the message of its error."""
    with pytest.raises(APIError) as error:
        call(*args, **options)
    assert error.value.status == status
    return str(error.value)
