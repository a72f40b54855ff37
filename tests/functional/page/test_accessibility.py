"""Every view, in both themes and at both widths, for screen readers (axe-core) and for the keyboard alone."""

import json

import pytest
from page_axe import CONTRAST_VIOLATIONS, VIOLATIONS

from conductor import ConductorClient, TaskDef, Workflow, server
from conductor.server.ui.serve import PageServer, Upstream
from conductor.workflow import human, simple, wait

WIDTHS = (1280, 400)
FORM = {
    "name": "form",
    "version": 1,
    "jsonSchema": {
        "properties": {
            "approved": {"type": "boolean"},
            "kind": {"enum": ["a", "b"]},
            "note": {"type": "string", "description": "for the customer"},
            "more": {"type": "object"},
        },
        "required": ["kind"],
    },
    "templateUI": {},
}


def populate(client):
    """Executions of each kind, definitions in two versions, a schedule and an event handler; returns two executions."""
    limits = {"retry_count": 3, "retry_delay_seconds": 600, "response_timeout_seconds": 120}
    client.metadata.register_task(TaskDef("charge", owner_email="a@example.com", poll_timeout_seconds=900, **limits))
    flow = Workflow("order", timeout=7200, description="An order that waits")
    flow >> [simple("charge", ref="charge"), human(ref="ask"), wait(3600, ref="nap")]
    flow.register(client)
    newer = Workflow("order", 2)
    newer >> human(ref="ask")
    newer.register(client)
    runs = [flow.start(client, {"amount": 5}, correlation_id=f"c-{n}") for n in range(3)]
    for status, reason in (("FAILED", "no money"), ("FAILED_WITH_TERMINAL_ERROR", "no card")):
        task = client.tasks.poll("charge", worker_id="w-7")
        client.tasks.update(workflow_id=task.workflow_instance_id, task_id=task.task_id, status=status, reason=reason)
    client.workflows.pause(runs[2])
    start = {"name": "order"}
    client.schedules.save({"name": "night", "cronExpression": "0 0 3 * * *", "startWorkflowRequest": start})
    actions = [{"action": "start_workflow", "start_workflow": start}]
    client.events.create_handler(
        {"name": "on_order", "event": "conductor:order:done", "active": True, "actions": actions}
    )
    statuses = {client.workflows.get(run).status: run for run in runs}
    return statuses["RUNNING"], statuses["FAILED"]


@pytest.fixture(scope="module")
def embedded():
    with (
        server.start(secrets={"KEY": "hidden"}, environment={"REGION": "eu"}) as one,
        ConductorClient(one.url) as client,
    ):
        yield one, *populate(client)


@pytest.fixture(scope="module")
def orkes():
    with server.start(edition="orkes") as one, ConductorClient(one.url) as client:
        client.human_templates.save(FORM)
        flow = Workflow("asked")
        flow >> human({"amount": 7}, ref="ask", form="form")
        flow.register(client)
        flow.start(client, {})
        yield one, client.human_tasks.search().results[0].task_id


class Audit:
    """What axe-core finds on the views that are shown, by view, width and theme."""

    def __init__(self, tab, axe, address):
        self._tab, self._axe, self._address, self.found = tab, axe, address, {}
        self._open("#/executions")

    def _open(self, address):
        self._tab.go(f"{self._address}/{address}")
        self._tab.until("document.querySelector('main h1')")
        self._tab.run(f"{self._axe};0")

    def view(self, address, selector):
        if self._tab.run("location.hash") != address:
            self._tab.run("(window.isShown = false, addEventListener('shown', () => { window.isShown = true }), 0)")
            self._tab.run(f"location.hash = {json.dumps(address)}")
            self._tab.until("window.isShown")
        self._tab.until(f"document.querySelector({json.dumps(selector)})")
        self.check(address)

    def check(self, name):
        for width in WIDTHS:
            for theme in ("light", "dark"):
                self._tab.emulate(width, is_dark=theme == "dark")
                if violations := self._tab.run(VIOLATIONS if theme == "light" else CONTRAST_VIOLATIONS):
                    self.found[name, width, theme] = violations
            assert self._tab.run("document.documentElement.scrollWidth <= innerWidth"), name

    def dialog(self, button):
        """Open the dialog of a button, check it, and close it."""
        self._tab.click(button)
        self._tab.until("document.querySelector('dialog[open]')")
        self.check(button)
        self._tab.press("Escape")
        self._tab.until("!document.querySelector('dialog')")


def test_views_of_the_open_source_edition_pass_axe(browser, axe, embedded):
    one, running, failed = embedded
    audit = Audit(tab := browser.open(), axe, one.address)
    audit.view("#/executions", "main tbody tr")
    tab.run("document.querySelector('tbody input').click()")
    audit.check("selected")
    for button in ("Terminate\u2026", "Start a workflow", "?", "clock"):
        audit.dialog(button)
    for name in ("timeline", "tasks", "data", "source", "diagram"):
        audit.view(f"#/executions/{running}?tab={name}", f"#tab-{name}[aria-selected=true]")
    audit.dialog("Terminate")
    audit.view(f"#/executions/{failed}", "svg g[data-task-id]")
    tab.run("document.querySelector('g.bad[data-task-id]').dispatchEvent(new MouseEvent('click'))")
    tab.until("document.querySelector('aside h2')")
    audit.check("task")
    audit.dialog("Run again from here\u2026")
    audit.view("#/definitions", "main tbody tr")
    for name in ("diagram", "edit", "compare", "source"):
        audit.view(f"#/definitions/workflow/order/2?tab={name}", f"#tab-{name}[aria-selected=true]")
    audit.view("#/definitions/task/charge", "textarea")
    audit.view("#/queues", "main tbody tr")
    audit.view("#/schedules", "main tbody tr")
    audit.view("#/schedules/night", "main pre")
    audit.view("#/events", "main tbody tr")
    audit.view("#/events/on_order", "textarea")
    audit.view("#/names", "main tbody tr")
    audit.view("#/executions/nope", "main .reason")

    assert audit.found == {}
    assert tab.problems() == []


def test_views_of_the_orkes_edition_pass_axe(browser, axe, orkes):
    one, task_id = orkes
    audit = Audit(tab := browser.open(), axe, one.address)
    audit.view("#/inbox", "main tbody tr")
    audit.view(f"#/inbox/{task_id}", "main form [name=kind]")
    audit.dialog("Claim for\u2026")
    audit.view("#/schedules", "main h1")
    seen = "document.querySelector('nav a:last-child').getBoundingClientRect().right <= innerWidth"
    tab.emulate(1280)
    assert tab.run(seen), "a section is outside of the window"
    tab.emulate(400)
    tab.run("(location.hash = '#/names', 0)")
    tab.until(f"document.querySelector('h1').textContent.startsWith('Secrets') && {seen}")
    tab.click("?")
    tab.until("document.querySelector('dialog[open]')")
    tab.run("(location.hash = '#/inbox', 0)")  # as Back does
    tab.until("!document.querySelector('dialog') && document.activeElement.textContent === 'Inbox'")

    assert audit.found == {}
    assert tab.problems() == []


def test_the_page_in_front_of_another_server_passes_axe(browser, axe, embedded):
    one = embedded[0]
    with PageServer(upstream := Upstream(one.url)) as page:
        audit = Audit(tab := browser.open(), axe, page.url.rstrip("/"))
        audit.view("#/executions", "main tbody tr")
        upstream.url = "http://127.0.0.1:9/api"  # nothing listens there
        tab.click("Search")
        tab.until("!document.getElementById('banner').hidden", 30)
        audit.check("banner")

    assert audit.found == {}


FOCUSED = "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"


def tab_to(tab, name, limit=60):
    """Press Tab until the element of that name has the focus, which has to be visible at each step."""
    for _ in range(limit):
        tab.press("Tab")
        seen = tab.run(
            "(() => { const one = document.activeElement; const box = one.getBoundingClientRect();"
            " const style = getComputedStyle(one.matches('g') ? one.querySelector('path') : one);"
            " return one === document.body || (box.width > 0 && box.top < innerHeight && box.bottom > 0"
            " && (style.outlineStyle !== 'none' || parseFloat(style.strokeWidth) > 3)) })()"
        )
        assert seen, tab.run("document.activeElement.outerHTML.slice(0, 200)")
        if tab.run(FOCUSED) == name:
            return
    raise AssertionError(f"{name} is not reached with Tab")


def test_an_execution_is_handled_with_the_keyboard_alone(browser, embedded):
    one, running, _ = embedded
    tab = browser.open()
    tab.go(f"{one.address}/#/executions/{running}")
    tab.until("document.querySelector('svg g[data-task-id]')")
    tab_to(tab, "Skip to the content", 1)
    tab.press("Enter")
    assert tab.run(FOCUSED) == "order"
    tab_to(tab, "Terminate")
    tab.press("Enter")
    tab.until("document.querySelector('dialog[open] input') === document.activeElement")
    for _ in range(6):  # Tab stays in the dialog, and passes the browser's own controls
        tab.press("Tab")
        assert tab.run("document.activeElement === document.body || document.activeElement.closest('dialog') !== null")
    tab.press("Escape")
    tab.until(f"!document.querySelector('dialog') && {FOCUSED} === 'Terminate'")
    tab_to(tab, "Diagram")
    for key, name in (
        ("ArrowRight", "Timeline"),
        ("End", "JSON"),
        ("ArrowRight", "Diagram"),
        ("ArrowRight", "Timeline"),
    ):
        tab.press(key)
        tab.until(
            f"{FOCUSED} === {json.dumps(name)} && document.activeElement.getAttribute('aria-selected') === 'true'"
        )
    tab_to(tab, "ask, IN_PROGRESS")
    tab.press("Enter")
    tab.until(f"document.activeElement.closest('aside') && {FOCUSED} === 'ask'")
    tab_to(tab, "Complete\u2026")
    tab.press("Enter")
    tab.until("document.querySelector('dialog[open]')")
    tab.press("Escape")
    tab.until(f"!document.querySelector('dialog') && {FOCUSED} === 'Complete\u2026'")
    tab.press("Escape")
    tab.until(f"!document.querySelector('aside') && {FOCUSED} === 'ask, IN_PROGRESS'")


def test_refreshes_and_filters_keep_the_focus(browser, embedded):
    one, running, failed = embedded
    tab = browser.open()
    tab.go(f"{one.address}/#/executions")
    tab.until("document.querySelectorAll('main tbody tr').length >= 3")
    tab.run(
        f"(document.querySelector('a[href*=\"{failed}\"]').focus(), window.old = document.querySelector('tbody'), 0)"
    )
    tab.until("!window.old.isConnected", 30)  # the list was read again
    assert tab.run("document.activeElement.hash") == f"#/executions/{failed}"
    tab.run("(document.querySelector('[name=status]').focus(), 0)")
    tab.press("F")  # chooses FAILED
    tab.until("location.hash.includes('status=FAILED') && document.activeElement.name === 'status'")
    tab.run("(location.hash = '#/queues', 0)")
    tab.until("document.activeElement.textContent === 'Queues and workers'")
    assert tab.run("document.title") == "Queues and workers \u00b7 Conductor"
    tab.run(f"(location.hash = '#/executions/{running}', 0)")
    tab.until("document.title === 'order \u00b7 Executions \u00b7 Conductor'")


def test_what_happens_is_announced(browser, embedded):
    one, _, failed = embedded
    with ConductorClient(one.url) as client:
        flow = Workflow("asked")
        flow >> human(ref="ask")
        flow.register(client)
        run = flow.start(client, {})
        tab = browser.open()
        tab.go(f"{one.address}/#/executions/{run}")
        tab.until("document.querySelector('main h1')")
        client.workflows.terminate(run)
    tab.until("document.querySelector('[aria-live=polite].unseen').textContent === 'asked is TERMINATED'", 30)
    tab.go(f"{one.address}/#/executions/{failed}")
    tab.click("Start again\u2026")
    tab.until("document.querySelector('dialog input')")
    tab.run("document.querySelector('dialog input').value = 'missing'")
    tab.click("Start", "dialog button")
    tab.until("document.querySelector('[role=alert].notice').textContent.includes('missing')")
    tab.run("document.querySelector('[aria-label=Dismiss]').click()")
    tab.until("!document.querySelector('.notice')")
