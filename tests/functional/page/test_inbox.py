"""The inbox of human tasks on the page of the Orkes edition, in a real browser."""

import json

import pytest
from page_api import EVIL

from conductor import ConductorClient, Workflow, server
from conductor.workflow import assignment, human

FORM = {
    "name": "form",
    "version": 1,
    "jsonSchema": {
        "properties": {
            "approved": {"type": "boolean"},
            "amount": {"type": "number"},
            "kind": {"enum": ["small", EVIL]},
            "note": {"type": "string", "title": EVIL, "description": EVIL},
            "address": {"properties": {"city": {"type": "string"}}, "required": ["city"]},
            "more": {"type": "array"},
        },
        "required": ["kind"],
    },
    "templateUI": {
        "type": "VerticalLayout",
        "elements": [
            {"type": "Label", "text": EVIL},
            {
                "type": "HorizontalLayout",
                "elements": [
                    {"type": "Control", "scope": "#/properties/approved", "label": "Approve"},
                    {"type": "Control", "scope": "#/properties/amount", "options": {"readonly": True}},
                ],
            },
            {"type": "Control", "scope": "#/properties/kind"},
            {"type": "Control", "scope": "#/properties/note", "options": {"multi": True}},
            {
                "type": "Group",
                "label": EVIL,
                "elements": [{"type": "Control", "scope": "#/properties/address/properties/city"}],
            },
            {"type": "Control", "scope": "#/properties/more"},
        ],
    },
}
IS_COMPLETED = "document.querySelector('main .status').textContent === 'COMPLETED'"


@pytest.fixture
def orkes():
    with server.start(edition="orkes") as embedded, ConductorClient(embedded.url) as client:
        client.human_templates.save(FORM)
        yield client


@pytest.fixture
def open_page(orkes, browser):
    tabs = []

    def open_tab(address):
        tabs.append(browser.open())
        tabs[-1].go(orkes.settings.server_url.removesuffix("api") + address)
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        assert tab.run("window.evil") is None, "text of the server was run as markup"
        assert tab.problems() == []


def start(client, inputs=None, **options):
    flow = Workflow("asked")
    flow >> human(inputs or {}, ref="ask", **options)
    flow.register(client, overwrite=True)
    return flow.start(client, {})


def fill(tab, name, value):
    field = f"document.querySelector({json.dumps(f'form [name={json.dumps(name)}]')})"
    tab.until(field)
    tab.run(f"{field}.value = {json.dumps(value)}")


def test_a_task_is_claimed_and_completed_with_its_form(orkes, open_page):
    assignments = [assignment("managers", "EXTERNAL_GROUP")]
    inputs = {"amount": 7, "address": {"city": "Oslo"}}
    workflow_id = start(orkes, inputs, display_name=EVIL, form="form", assignments=assignments)
    tab = open_page("#/inbox")
    tab.shows("managers (external group)")
    tab.click(EVIL, "td a")
    tab.click("Claim for\u2026")
    fill_dialog = "document.querySelector('dialog input')"
    tab.until(fill_dialog)
    tab.run(f"{fill_dialog}.value = 'zoe'")
    tab.click("Claim", "dialog button")
    tab.shows("EXTERNAL_USER:zoe")

    assert tab.run("document.querySelector('form [name=amount]').readOnly") is True
    labels = tab.run("[...document.querySelectorAll('form label > span:first-of-type')].map((one) => one.textContent)")
    assert labels == ["Approve", "amount", "kind (required)", EVIL, "city", "more"]
    tab.run("document.querySelector('form [name=approved]').click()")
    fill(tab, "more", "[1, ")
    tab.click("Save draft")
    tab.shows("more is not JSON")
    fill(tab, "more", "[1, 2]")
    fill(tab, "note", "looks fine")
    tab.click("Save draft")
    tab.shows("Saved.")
    tab.click("Complete")  # a required field is empty: the browser does not send it
    assert orkes.workflows.get(workflow_id).status == "RUNNING"
    fill(tab, "kind", "1")
    tab.click("Complete")
    tab.until(IS_COMPLETED)

    run = orkes.workflows.get(workflow_id)
    assert run.status == "COMPLETED"
    assert run.output == {
        "approved": True, "amount": 7, "kind": EVIL, "note": "looks fine", "address": {"city": "Oslo"}, "more": [1, 2],
    }  # fmt: skip


def test_a_task_without_a_form_has_a_field_for_each_input(orkes, open_page):
    workflow_id = start(orkes, {"comment": "", "approved": False, "__proto__": "x", "items": [{"id": 1}]})
    tab = open_page("#/inbox")
    tab.click("ask", "td a")
    tab.click("Claim")
    tab.shows("CONDUCTOR_USER:admin@localhost")
    fill(tab, "comment", "as you like")
    tab.click("Complete")
    tab.until(IS_COMPLETED)
    output = {"comment": "as you like", "approved": False, "items": [{"id": 1}]}
    assert orkes.workflows.get(workflow_id).output == output


def test_what_the_server_refuses_stays_in_the_form(orkes, open_page):
    start(orkes, form="form", assignments=[assignment("ann", "CONDUCTOR_USER"), assignment("bob")])
    tab = open_page("#/inbox")
    tab.click("ask", "td a")
    fill(tab, "kind", "0")
    fill(tab, "more", '{"no": "array"}')
    fill(tab, "address.city", "Oslo")
    tab.click("Complete")
    tab.shows("does not match the form")
    assert tab.run("document.querySelector('form [name=more]').value") == '{"no": "array"}'
    tab.click("Claim instead of ann")
    tab.shows("CONDUCTOR_USER:admin@localhost")
    tab.click("Release")
    tab.click("Skip\u2026")
    tab.click("Skip", "dialog button")
    tab.shows("bob (external user)")


def test_only_the_orkes_edition_has_an_inbox(orkes, open_page, browser):
    start(orkes)
    tab = open_page("#/executions")
    tab.click("Inbox", "nav a")
    tab.until("document.querySelector('td a[href^=\"#/inbox/\"]')")
    with server.start() as plain:
        other = browser.open()
        other.go(plain.address)
        other.shows("server 3.32.3")
        assert other.run("[...document.querySelectorAll('nav a')].map((one) => one.textContent)") == [
            "Executions", "Definitions", "Queues and workers", "Schedules", "Events", "Secrets",
        ]  # fmt: skip
