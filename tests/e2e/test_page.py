"""The web page in front of the real server."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from conductor.server.ui.serve import PageServer, Upstream


@pytest.fixture
def ask(server_url):
    with PageServer(Upstream(server_url)) as page:

        def send(method, target):
            connection = http.client.HTTPConnection(urlsplit(page.url).netloc, timeout=30)
            connection.request(method, target)
            response = connection.getresponse()
            status, content = response.status, response.read()
            connection.close()
            return status, json.loads(content) if content[:1] in {b"{", b"["} else content.decode()

        yield send


@pytest.mark.parametrize(
    "target",
    [
        "/api/workflow/search?start=0&size=25&sort=startTime:DESC&freeText=*",
        "/api/workflow/search?start=0&size=25&sort=startTime:DESC&freeText=*&query=workflowType%3D'x*'%20AND%20status%3D'FAILED'",
        "/api/metadata/workflow",
        "/api/metadata/workflow/names-and-versions",
        "/api/metadata/taskdefs",
        "/api/tasks/queue/all",
        "/api/tasks/queue/polldata/all",
        "/api/scheduler/schedules",
        "/api/scheduler/nextFewSchedules?cronExpression=0%200%203%20*%20*%20*&limit=5",
        "/api/scheduler/search/executions?start=0&size=25&sort=startTime:DESC&query=scheduleName%20IN%20(x)",
        "/api/version",
    ],
)
def test_the_real_server_has_what_the_page_asks_for(ask, target):
    status, _ = ask("GET", target)

    assert status == 200


def test_the_reason_of_a_refusal_comes_through(ask):
    status, body = ask("GET", "/api/workflow/no-such-execution")

    assert status == 404
    assert body["message"] == "No such workflow found by id: no-such-execution"
