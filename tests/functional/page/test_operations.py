"""What the page does with a server: operations on executions, definitions, schedules, events, and the clock."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from conductor import ConductorClient, TaskDef, Workflow, server
from conductor.workflow import human, simple, wait

CHARGE = {"retry_count": 3, "retry_delay_seconds": 60, "timeout_seconds": 600, "response_timeout_seconds": 120}


@pytest.fixture(scope="module")
def embedded():
    with server.start(secrets={"KEY": "hidden-value"}, environment={"REGION": "eu"}) as one:
        yield one


@pytest.fixture(scope="module")
def client(embedded):
    with ConductorClient(server_url=embedded.url) as one:
        one.metadata.register_task(TaskDef("charge", owner_email="a@example.com", poll_timeout_seconds=900, **CHARGE))
        one.metadata.register_task(TaskDef("ship", owner_email="a@example.com", concurrent_exec_limit=1))
        yield one


@pytest.fixture
def open_page(embedded, browser):
    tabs = []

    def open_tab(address, **options):
        tabs.append(browser.open(**options))
        tabs[-1].go(f"{embedded.address}/{address}")
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        assert tab.problems() == []
        assert [address for address in tab.addresses() if not address.startswith(embedded.address)] == []


def register(client, name, *steps, version=1, **options):
    flow = Workflow(name, version, **options)
    for step in steps:
        flow >> step
    flow.register(client, overwrite=True)
    return flow


def fill(tab, selector, value):
    field = f"document.querySelector({json.dumps(selector)})"
    tab.until(field)
    tab.run(f"{field}.value = {json.dumps(value)}")


def test_open_tasks_say_why_they_wait_and_when_they_time_out(client, open_page):
    flow = register(
        client, "why", [simple("charge", ref="charge"), human(ref="ask"), wait(3600, ref="nap")], timeout=7200
    )
    run = flow.start(client, {})
    tab = open_page(f"#/executions/{run}")
    tab.shows("no worker has ever polled charge")
    for text in ("poll timeout in", "waits for a person", "waits 59 min", "timeout of the workflow"):
        tab.shows(text)
    polled = client.tasks.poll("charge", worker_id="w-7", domain=None)
    tab.shows("held by worker w-7")
    tab.shows("response timeout in")
    client.tasks.update(workflow_id=run, task_id=polled.task_id, status="FAILED", reason="no money")
    tab.shows("retry 1 of 3 in")
    tab.shows("polled by w-7")
    tab.click("Timeline")
    tab.shows("poll timeout in")


def test_queues_say_why_their_tasks_wait(client, open_page):
    flow = register(client, "shipping", simple("ship", ref="ship"))
    runs = [flow.start(client, {}, task_to_domain={"ship": "eu"}) for _ in range(2)]
    client.tasks.poll("ship", worker_id="w", domain="eu")
    tab = open_page("#/queues")
    tab.shows("limit of 1 concurrent tasks; 1 are running")
    client.workflows.terminate(runs[0])
    client.workflows.terminate(runs[1])


def test_an_ended_execution_runs_again_from_a_task_with_another_input(client, open_page):
    flow = register(client, "again", simple("pay", {"amount": 1}, ref="pay"), human(ref="confirm"))
    run = flow.start(client, {})
    task = client.tasks.poll("pay")
    client.tasks.update(workflow_id=run, task_id=task.task_id, status="FAILED_WITH_TERMINAL_ERROR", reason="broken")
    tab = open_page(f"#/executions/{run}?task={task.task_id}")
    tab.click("Retry with other input\u2026")
    fill(tab, "dialog textarea", '{"amount": 2}')
    tab.click("Run", "dialog button")
    tab.shows("RUNNING")
    again = client.tasks.poll("pay")
    assert again.input_data["amount"] == 2
    client.workflows.terminate(run)
    tab.click("Restart with the latest definition")
    tab.until("document.querySelector('main .status').textContent === 'RUNNING'")
    client.workflows.terminate(run)


def test_several_executions_are_terminated_at_once(client, open_page):
    flow = register(client, "many", human(ref="ask"))
    runs = [flow.start(client, {}) for _ in range(3)]
    tab = open_page("#/executions?type=many", width=400)
    tab.until("document.querySelectorAll('tbody input[type=checkbox]').length === 3")
    tab.run("document.querySelectorAll('tbody input[type=checkbox]').forEach((one, at) => at && one.click())")
    tab.shows("2 selected")
    tab.click("Terminate\u2026")
    fill(tab, "dialog input", "enough")
    tab.click("Terminate", "dialog button")
    tab.shows("Terminate: 2 of 2 executions")
    states = sorted(client.workflows.get(one).status for one in runs)
    assert states == ["RUNNING", "TERMINATED", "TERMINATED"]


def test_500_executions_are_listed_sorted_and_turned(client, open_page):
    register(client, "bulk", human(ref="ask"))
    client.workflows.start_many([{"name": "bulk", "correlationId": f"c{n:03}"} for n in range(500)])
    for width in (1280, 400):
        tab = open_page("#/executions?type=bulk", width=width)
        tab.shows("1\u201325 of 500")
        tab.click("Older")
        tab.shows("26\u201350 of 500")
        assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    tab = open_page("#/executions?type=bulk")
    tab.click("Started \u2193")
    tab.until("location.hash.includes('startTime%3AASC') && document.querySelector('[aria-sort=ascending]')")


def test_a_definition_is_edited_saved_as_a_version_and_compared(client, open_page):
    register(client, "edited", human(ref="ask"))
    tab = open_page("#/definitions/workflow/edited/1?tab=edit")
    fill(tab, "textarea", "{ no json")
    tab.click("Save version 1")
    tab.shows("This is not JSON")
    changed = {**client.metadata.get_workflow("edited", 1).to_dict(), "description": "second one"}
    fill(tab, "textarea", json.dumps(changed))
    tab.click("Save as version 2")
    tab.until("location.hash === '#/definitions/workflow/edited/2'")
    assert client.metadata.get_workflow("edited", 2).description == "second one"
    tab.shows("second one")
    tab.click("Compare versions")
    tab.until("[...document.querySelectorAll('.difference ins')].some((one) => one.textContent.includes('second one'))")
    fill_invalid = {**changed, "tasks": [{"name": "x", "type": "SIMPLE"}]}
    tab.click("Edit")
    fill(tab, "textarea", json.dumps(fill_invalid))
    tab.click("Save version 2")
    tab.until("!document.querySelector('main .reason').hidden")
    assert len(client.metadata.get_workflow("edited", 2).tasks) == 1


def test_a_schedule_runs_now(client, open_page):
    register(client, "nightly", human(ref="ask"))
    client.schedules.save(
        {"name": "night", "cronExpression": "0 0 3 * * *", "startWorkflowRequest": {"name": "nightly"}}
    )
    tab = open_page("#/schedules")
    tab.until("document.querySelector('td[data-label=\"Next run\"] time').dateTime.endsWith('T03:00:00.000Z')")
    tab.click("Run now")
    tab.until("location.hash.startsWith('#/executions/')")
    [run] = client.workflows.search(workflow_type="nightly").results
    assert set(client.workflows.get(run.workflow_id).input) == {"_scheduledTime", "_executedTime"}


def test_next_times_of_a_schedule_are_those_of_its_zone(client, open_page):
    register(client, "zoned", human(ref="ask"))
    schedule = {"name": "zoned", "cronExpression": "0 30 4 * * *", "zoneId": "Asia/Kolkata"}  # 5:30 ahead of UTC
    client.schedules.save({**schedule, "startWorkflowRequest": {"name": "zoned"}})
    tab = open_page("#/schedules/zoned")
    tab.until("document.querySelectorAll('main li time').length === 5")
    times = tab.run("[...document.querySelectorAll('main li time')].map((one) => one.dateTime.slice(11))")
    assert times == ["23:00:00.000Z"] * 5


def test_an_event_handler_is_created_deactivated_and_deleted(client, open_page):
    handler = {"name": "on_order", "event": "conductor:order:done", "active": True}
    handler["actions"] = [{"action": "start_workflow", "start_workflow": {"name": "order"}}]
    tab = open_page("#/events/new")
    fill(tab, "textarea", json.dumps(handler))
    tab.click("Save")
    tab.shows("conductor:order:done")
    tab.click("Events")
    tab.click("Deactivate")
    tab.shows("inactive")
    assert [one.active for one in client.events.list_handlers()] == [False]
    tab.click("on_order", "td a")
    tab.click("Delete\u2026")
    tab.click("Delete", "dialog button")
    tab.shows("No event handler is registered.")


def test_names_of_secrets_are_shown_without_their_values(client, open_page):
    tab = open_page("#/names")
    tab.shows("${workflow.secrets.KEY}")
    tab.shows("${workflow.env.REGION}")
    assert "hidden-value" not in tab.text()


def test_the_clock_moves_to_the_next_timer_and_by_a_span(client, open_page, embedded):
    flow = register(client, "sleep", wait(86400, ref="day"))
    run = flow.start(client, {})
    before = embedded.clock.now_ms()
    tab = open_page(f"#/executions/{run}")
    tab.click("clock")
    fill(tab, "dialog input", "3d")
    tab.click("Move", "dialog button")
    tab.until("document.querySelector('main .status').textContent === 'COMPLETED'", 60)
    assert embedded.clock.now_ms() >= before + 3 * 86_400_000
    assert tab.run("document.getElementById('clock').textContent").startswith("clock +")


def test_an_invalid_move_of_the_clock_is_refused(client, embedded):
    for body, status in (({"seconds": -1}, 400), ({"seconds": "1"}, 400), ({}, 400), ({"seconds": True}, 400)):
        connection = http.client.HTTPConnection(urlsplit(embedded.url).netloc, timeout=30)
        connection.request("POST", "/page/clock", json.dumps(body), {"Content-Type": "application/json"})
        assert connection.getresponse().status == status
        connection.close()


def test_a_server_with_keys_moves_its_clock_only_with_a_token():
    with server.start(keys={"id": "secret"}) as one:
        connection = http.client.HTTPConnection(urlsplit(one.url).netloc, timeout=30)
        connection.request("POST", "/page/clock", '{"seconds": 9}')
        assert connection.getresponse().status == 401
        connection.close()
