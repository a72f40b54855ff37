"""All that the open-source server has was asked of it by the tests of this folder, and it did it."""

from pathlib import Path

import pytest
from operations import declared

from conductor.transport.operation import Edition

NO_PARTS = "its own file storage takes no parts"
NOT_HERE = {
    # why the server refuses it, whatever is asked
    "POST /api/queue/update/{workflowId}/{taskRefName}/{status}": "needs a queue of SQS, AMQP, NATS or Kafka",
    "POST /api/queue/update/{workflowId}/task/{taskId}/{status}": "needs a queue of SQS, AMQP, NATS or Kafka",
    "PUT /api/secrets/{key}": "its own store of secrets is read-only",
    "DELETE /api/secrets/{key}": "its own store of secrets is read-only",
    "POST /api/files/{workflowId}/{fileId}/multipart": NO_PARTS,
    "GET /api/files/{workflowId}/{fileId}/multipart/{uploadId}/part/{partNumber}": NO_PARTS,
    "POST /api/files/{workflowId}/{fileId}/multipart/{uploadId}/complete": NO_PARTS,
}


@pytest.fixture
def asked(request, statuses):
    """The statuses of all answers by operation; of a whole run, with the server that has everything switched on."""
    ran = {item.path for item in request.session.items}
    config = request.config
    if (
        config.option.keyword
        or any("::" in one for one in config.args)
        or not ran >= set(Path(__file__).parent.glob("test_*.py"))
    ):
        pytest.skip("only a part of the tests on the real server runs")
    request.getfixturevalue("full_server_url")  # without it this is skipped as well
    return statuses


def test_every_operation_of_the_server_was_at_work(asked):
    """Named are the operations that the server never answered with a success."""
    here = {key: one for key, one in declared().items() if one.edition is not Edition.ORKES}
    answered = {key: {status for status in asked[one.method, one.path] if status} for key, one in here.items()}
    assert len(here) > 120

    did_it = {key for key, statuses in answered.items() if any(status < 400 for status in statuses)}
    assert set(here) - did_it - set(NOT_HERE) == set()
    assert {key for key in NOT_HERE if not answered[key]} == set()  # these were asked, too
    assert did_it & set(NOT_HERE) == set()
