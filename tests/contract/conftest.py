"""The contract: what the clients send and read, held against both OpenAPI documents."""

import json
import re
import sys
from pathlib import Path

import pytest
import responses

sys.path.insert(0, str(Path(__file__).parent))

from surface.wire import SERVER, Wire

from conductor import ConductorClient
from conductor.transport.retry import RetryPolicy


@pytest.fixture
def wire():
    wire = Wire()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PUT", "DELETE"):
            mock.add_callback(method, re.compile(re.escape(SERVER) + "/.*"), callback=wire)
        yield wire


@pytest.fixture
def client():
    with ConductorClient(server_url=f"{SERVER}/api", retry=RetryPolicy.none()) as client:
        yield client


@pytest.fixture
def send(wire, client):
    """Make a call of the table; what it returns."""

    def send(one):
        for key, said in one.answers.items():
            status, body = said if isinstance(said, tuple) else (200, said)
            wire.answers[key] = (status, {"Content-Type": "application/json"}, json.dumps(body).encode())
        return one.send(client)

    return send


def pytest_terminal_summary(terminalreporter):
    """What is covered of the documents, by tag, and what is missing."""
    from surface.coverage import by_tag, in_all, missing_operations

    if not any("tests/contract" in report.nodeid for report in terminalreporter.getreports("passed")):
        return
    terminalreporter.section("contract: covered / in scope")
    terminalreporter.write_line(f"{'tag':32}{'operations':>14}{'properties':>14}")
    for part in (*by_tag(), in_all()):
        operations = f"{part.operations_covered}/{part.operations}"
        terminalreporter.write_line(
            f"{part.tag:32}{operations:>14}{f'{part.properties_covered}/{part.properties}':>14}"
        )
    for key in missing_operations():
        terminalreporter.write_line(f"missing: {key}")
