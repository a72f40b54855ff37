"""Requests made from the open-source server's OpenAPI document: none may end in an unhandled exception."""

import json
import logging
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

import conductor.server

DOCUMENT = Path(__file__).parents[2] / "contract/documents/conductor-oss-3.32.3-openapi.json"
BODILESS = ("/api/secrets/{key}", 404)  # an unknown secret, as on the real server
NOT_SERVED = ("/api/agent/", "/api/a2a/", "/context.js")

schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text()))
operations = [one.ok() for one in schema.get_all_operations()]
served = [one for one in operations if not one.path.startswith(NOT_SERVED)]


@pytest.fixture(scope="module")
def shared():
    with conductor.server.start() as one:
        yield one


@pytest.mark.parametrize("operation", served, ids=lambda one: one.label)
def test_no_request_ends_in_an_unhandled_exception(operation, shared, caplog):
    @settings(
        max_examples=5,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case):
        answer = case.call(base_url=shared.address, timeout=20)
        if answer.status_code >= 400 and (operation.path, answer.status_code) != BODILESS:
            error = answer.json()
            assert error["status"] == answer.status_code, answer.text
            assert error["message"], answer.text

    with caplog.at_level(logging.ERROR):
        send()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
