"""What only Orkes Conductor has, asked of the open-source server: an error that says so, and never a bare 404."""

import pytest
from operations import only_of_orkes

from conductor.errors import UnsupportedByServerError

ONLY_ORKES = only_of_orkes()
BODIES = {"json": {}, "text": "value", "bytes": b"bytes"}


def test_there_is_something_to_ask():
    assert len(ONLY_ORKES) > 100


@pytest.mark.parametrize("key", ONLY_ORKES)
def test_an_operation_of_orkes_is_unsupported_and_named(client, key):
    operation = ONLY_ORKES[key]
    path = dict.fromkeys(operation.parameters, "test_nothing_of_this_name")
    body = None if operation.method in {"GET", "DELETE"} else BODIES[operation.sends]

    with pytest.raises(UnsupportedByServerError, match="Orkes Conductor") as caught:
        client.transport.request(operation, path, body=body)

    assert str(operation) in str(caught.value)
    assert caught.value.operation == str(operation)
    assert operation.advice in str(caught.value)
