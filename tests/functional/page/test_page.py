"""The web page in a real browser, on fixed documents full of markup that must not be run."""

import pytest
from page_api import DEFINITION, EVIL, RUN, task

#: The first line of each box of the diagram.
TITLES = "[...document.querySelectorAll('svg.diagram > g')].map((one) => one.querySelector('text').textContent)"


def test_executions_are_listed(show):
    tab = show()

    tab.until("document.querySelectorAll('tbody tr').length === 25")
    assert EVIL in tab.text()
    assert "1\u201325 of 60" in tab.text()
    assert "server 3.32.3" in tab.text()


def test_filters_and_pages_are_sent_as_a_query(show, api):
    tab = show("#/executions?type=order&status=FAILED&text=needle")
    tab.click("Older")
    tab.shows("26\u201350 of 60")

    searches = [parameters for _, path, parameters in api.asked if path == "/workflow/search"]
    assert searches[0]["query"] == ["workflowType='order' AND status='FAILED'"]
    assert searches[0]["freeText"] == ["needle"]
    assert searches[-1]["start"] == ["25"]


def test_a_filter_that_is_entered_is_kept_in_the_address(show, api):
    tab = show()
    tab.until("document.querySelector('select[name=status]')")
    tab.run("document.querySelector('select[name=status]').value = 'FAILED'")
    tab.run("document.querySelector('form').dispatchEvent(new Event('change'))")

    tab.until("location.hash === '#/executions?status=FAILED'")


def test_a_task_opens_from_the_diagram_of_an_execution(show):
    tab = show("#/executions/w-1")
    tab.until("document.querySelector('svg.diagram')")

    assert sorted(tab.run(TITLES)) == sorted(
        ["start", "charge", "choose", "approve", "stop", "both", "pack", "mail", "together", "rounds", "round", "end"]
    )
    assert "1 retry" in tab.run("document.querySelector('g.good[aria-label^=charge]').textContent")

    tab.run("document.querySelector('g[aria-label^=charge]').dispatchEvent(new MouseEvent('click'))")
    tab.shows("2 COMPLETED")
    tab.until(f"document.querySelector('aside pre:last-of-type') && document.body.innerText.includes({EVIL!r})")
    tab.click("1 FAILED")
    tab.until("document.querySelector('aside .reason')")
    assert tab.run("location.hash") == "#/executions/w-1?tab=diagram&task=t-1"


def test_of_hundreds_of_branches_failed_ones_are_drawn_first(show, api):
    fork = {"name": "fan", "taskReferenceName": "fan", "type": "FORK_JOIN_DYNAMIC"}
    tasks = [task(1, "fan", "COMPLETED", taskType="FORK", inputData={"forkedTasks": [f"b{n}" for n in range(300)]})]
    tasks += [task(n + 2, f"b{n}", "FAILED" if n == 222 else "COMPLETED") for n in range(300)]
    api.documents["/workflow/w-1"] = {**RUN, "tasks": tasks, "workflowDefinition": {**DEFINITION, "tasks": [fork]}}
    tab = show("#/executions/w-1")
    tab.until("document.querySelector('svg.diagram')")

    assert tab.run(TITLES) == ["start", "fan", *(f"b{n}" for n in range(11)), "b222", "288 more branches", "end"]


def test_boxes_of_a_diagram_do_not_overlap(show):
    tab = show("#/executions/w-1")
    tab.until("document.querySelector('svg.diagram')")
    boxes = tab.run(
        "[...document.querySelectorAll('svg.diagram > g > path')].map((one) => one.getBoundingClientRect())"
        ".map((box) => [box.left, box.top, box.right, box.bottom])"
    )

    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize(
    ("tab_name", "selector", "count"),
    [("timeline", ".timeline .name", 4), ("tasks", "tbody tr", 4), ("data", "pre", 4), ("source", "pre", 1)],
)
def test_the_other_views_of_an_execution(show, tab_name, selector, count):
    tab = show(f"#/executions/w-1?tab={tab_name}")

    tab.until(f"document.querySelectorAll('main {selector}').length === {count}")


def test_an_execution_is_paused_and_terminated(show, api):
    tab = show("#/executions/w-1")
    tab.click("Pause")
    tab.shows("Paused")
    tab.click("Terminate")
    tab.until("document.querySelector('dialog input')")
    tab.run("document.querySelector('dialog input').value = 'enough & more'")
    tab.click("Terminate", "dialog button")
    tab.shows("Terminated")

    assert api.told == [("PUT", "/workflow/w-1/pause", None), ("DELETE", "/workflow/w-1?reason=enough+%26+more", None)]


def test_a_failed_execution_is_retried(show, api):
    api.documents["/workflow/w-1"] = {**RUN, "status": "FAILED", "endTime": 2000, "reasonForIncompletion": EVIL}
    tab = show("#/executions/w-1")
    tab.click("Retry")
    tab.shows("Retried")

    assert api.told == [("POST", "/workflow/w-1/retry", None)]


def test_errors_of_the_server_are_shown(show, api):
    api.answer = lambda method, path: (409, {"message": f"No: {EVIL}"}) if method == "PUT" else None
    tab = show("#/executions/w-1")
    tab.click("Pause")

    tab.shows(f"No: {EVIL}")


def test_a_waiting_task_is_completed(show, api, wait_until):
    tab = show("#/executions/w-1?task=t-4")
    tab.click("Complete…")
    tab.until("document.querySelector('dialog textarea')")
    tab.run("document.querySelector('dialog textarea').value = '{\"approved\": true}'")
    tab.click("Complete", "dialog button")
    wait_until(lambda: api.told)

    method, path, body = api.told[0]
    assert (method, path) == ("POST", "/tasks")
    assert (body["workflowInstanceId"], body["taskId"], body["status"], body["outputData"]) == (
        "w-1",
        "t-4",
        "COMPLETED",
        {"approved": True},
    )


def test_a_workflow_is_started_from_its_definition(show, api):
    tab = show("#/definitions/workflow/order/2")
    tab.click("Start…")
    tab.until("document.querySelector('dialog textarea').value.includes('amount')")
    tab.run("document.querySelector('dialog textarea').value = 'no json'")
    tab.click("Start", "dialog button")
    tab.shows("Input is not JSON")
    tab.run("document.querySelector('dialog textarea').value = '{\"amount\": 7}'")
    tab.click("Start", "dialog button")
    tab.until("location.hash.startsWith('#/executions/w-1')")

    assert api.told == [("POST", "/workflow", {"name": "order", "version": 2, "input": {"amount": 7}})]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("#/definitions", ["order", EVIL, "3 FIXED, 1 s"]),
        ("#/definitions/workflow/order/2", [EVIL, "amount"]),
        ("#/queues", ["charge", "no recent poll", "1 queue is empty", EVIL]),
        ("#/schedules", ["nightly", "0 0 3 * * *", EVIL]),
        ("#/schedules/nightly", ["Next times", "FAILED", EVIL]),
    ],
)
def test_the_other_sections(show, address, expected):
    tab = show(address)

    for text in expected:
        tab.shows(text)


def test_a_schedule_is_paused(show, api, wait_until):
    tab = show("#/schedules/nightly")
    tab.click("Pause")
    wait_until(lambda: api.told)

    assert api.told == [("PUT", "/scheduler/schedules/nightly/pause", None)]


def test_missing_features_of_a_server_are_not_errors(show, api):
    for path in ["/tasks/queue/all", "/tasks/queue/polldata/all", "/scheduler/schedules", "/version"]:
        del api.documents[path]

    show("#/queues").shows("Nothing waits.")
    show("#/schedules").shows("No schedules.")


def test_the_page_asks_for_a_key_if_the_server_requires_one(show, api):
    def answer(method, path):
        if path == "/token":
            return 200, {"token": "tok"}
        return None if api.headers.get("X-Authorization") == "tok" else (401, {"message": "no token"})

    api.answer = answer
    tab = show("#/queues")
    tab.until("document.querySelector('dialog input[type=password]')")
    tab.run("document.querySelectorAll('dialog input').forEach((one, i) => { one.value = ['id', 'secret'][i] })")
    tab.click("Sign in", "dialog button")
    tab.shows("no recent poll")

    assert [body for _, path, body in api.told if path == "/token"] == [{"keyId": "id", "keySecret": "secret"}]


def test_an_unknown_execution_is_reported(show):
    show("#/executions/nope").shows("There is no /workflow/nope")


@pytest.mark.parametrize(
    ("address", "dark"),
    [
        ("", True),
        ("#/executions/w-1", False),
        ("#/executions/w-1?tab=timeline&task=t-2", True),
        ("#/definitions", False),
        ("#/queues", True),
        ("#/schedules", False),
    ],
)
def test_the_page_fits_a_phone(show, address, dark):
    tab = show(address, width=390, height=844, dark=dark)
    tab.until("document.querySelector('main h1, main table')")

    assert tab.run("document.documentElement.scrollWidth") <= 390
    background = tab.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(18, 22, 29)" if dark else "rgb(246, 247, 249)")
