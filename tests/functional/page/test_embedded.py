"""The page of the embedded server itself."""

import http.client
from urllib.parse import urlsplit

import pytest

from conductor import server
from conductor.clients.client import ConductorClient

DEFINITION = {
    "name": "order",
    "version": 1,
    "tasks": [
        {"name": "note", "taskReferenceName": "note", "type": "NOOP"},
        {"name": "ok", "taskReferenceName": "ok", "type": "HUMAN"},
    ],
}


@pytest.fixture
def client():
    with server.start() as embedded, ConductorClient(server_url=embedded.url) as client:
        client.metadata.register_workflow(DEFINITION)
        yield client


def test_an_execution_is_started_and_completed_on_the_page(client, browser):
    tab = browser.open()
    tab.go(client.settings.server_url.removesuffix("api") + "#/definitions/workflow/order/1")
    tab.click("Start\u2026")
    tab.click("Start", "dialog button")
    tab.until("document.querySelector('g.active[aria-label^=ok]')")
    tab.run("document.querySelector('g.active[aria-label^=ok]').dispatchEvent(new MouseEvent('click'))")
    tab.click("Complete\u2026")
    tab.click("Complete", "dialog button")
    tab.until("document.querySelector('g.good[aria-label^=ok]')")
    tab.shows("COMPLETED")

    assert tab.problems() == []


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.test"}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_pages_of_other_origins_cannot_use_the_server(client, headers):
    connection = http.client.HTTPConnection(urlsplit(client.settings.server_url).netloc, timeout=10)
    connection.request("POST", "/api/workflow/order", "{}", {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    connection.close()

    assert response.status == 403


def test_a_server_with_keys_is_used_after_signing_in(browser):
    with server.start(keys={"id": "secret"}) as embedded:
        connection = http.client.HTTPConnection(urlsplit(embedded.url).netloc, timeout=10)
        connection.request("POST", "/page/diagram", "{}")
        assert connection.getresponse().status == 401
        connection.close()
        tab = browser.open()
        tab.go(embedded.address + "/#/definitions")
        tab.until("document.querySelector('dialog input[type=password]')")
        tab.run("document.querySelectorAll('dialog input').forEach((one, i) => { one.value = ['id', 'secret'][i] })")
        tab.click("Sign in", "dialog button")

        tab.shows("No workflow is defined.")
