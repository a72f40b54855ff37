"""What all sections of the page have: the banner, the keyboard, the theme, and drawings that are zoomed."""

import json

import pytest
from page_api import DEFINITION, RUN, task

FRAME = "document.querySelector('.viewport')"
SCALE = "parseInt(document.querySelector('.scale').textContent)"


def press(tab, key):
    event = f"new KeyboardEvent('keydown', {{ key: {json.dumps(key)}, bubbles: true, cancelable: true }})"
    tab.run(f"(document.activeElement ?? document.body).dispatchEvent({event})")


def test_a_banner_says_that_the_server_is_away_until_it_is_back(show, api):
    tab = show()
    tab.until("document.querySelectorAll('tbody tr').length === 25")
    api.answer = lambda method, path: (502, {"message": "away"})
    tab.until("!document.getElementById('banner').hidden", 30)
    assert "The server does not answer" in tab.text()
    assert tab.run("document.querySelectorAll('tbody tr').length") == 25  # what was read stays

    api.answer = lambda method, path: None
    tab.until("document.getElementById('banner').hidden", 30)


def test_a_failed_section_appears_when_the_server_is_back(show, api):
    api.answer = lambda method, path: (502, {"message": "away"})
    tab = show("#/definitions")
    tab.shows("This could not be shown")
    api.answer = lambda method, path: None
    tab.until("document.querySelectorAll('tbody tr').length", 30)


def test_keys_search_move_through_rows_open_sections_and_show_help(show):
    tab = show()
    tab.until("document.querySelectorAll('tbody tr').length === 25")
    row = "[...document.querySelectorAll('tbody tr')].indexOf(document.activeElement.closest('tr'))"
    rows = []
    for key in "jjjk":
        press(tab, key)
        rows.append(tab.run(row))
    assert rows == [0, 1, 2, 1]
    press(tab, "/")
    assert tab.run("document.activeElement.dataset.search") == ""
    press(tab, "j")  # a letter in a field is text
    assert tab.run(row) == -1
    tab.run("document.activeElement.blur()")
    press(tab, "?")
    tab.until("document.querySelector('dialog[open] dl.keys')")
    tab.click("Close", "dialog button")
    tab.until("!document.querySelector('dialog')")
    press(tab, "g")
    press(tab, "q")
    tab.shows("Waiting tasks")
    press(tab, "/")  # there is nothing to search here: the list of executions opens
    tab.until("document.activeElement.dataset.search === ''")


def test_the_theme_is_chosen_and_kept(show):
    tab = show()
    ground = "getComputedStyle(document.body).backgroundColor"
    button = "document.querySelector('[aria-label^=Theme]')"
    tab.until(button)
    light = tab.run(ground)
    tab.run(f"({button}.click(), {button}.click())")
    assert tab.run(ground) != light
    tab.run("(window.isOld = true, setTimeout(() => location.reload(), 0), 0)")
    tab.until(f"!window.isOld && {button}?.title === 'Theme: dark'")
    assert tab.run(ground) != light
    tab.run(f"{button}.click()")
    assert tab.run(ground) == light


def test_a_definition_of_200_steps_is_fitted_zoomed_and_moved(show, api):
    steps = [{"name": f"step_{n}", "taskReferenceName": f"step_{n}", "type": "SIMPLE"} for n in range(200)]
    api.documents["/metadata/workflow/order"] = {**DEFINITION, "tasks": steps}
    tab = show("#/definitions/workflow/order")
    tab.until(SCALE)
    tab.click("Fit")
    fitted = tab.run(f"[{FRAME}.scrollHeight <= {FRAME}.clientHeight + 2, {SCALE}]")
    assert fitted[0]
    assert fitted[1] < 30
    tab.click("1:1")
    assert tab.run(SCALE) == 100
    tab.run(f"{FRAME}.focus()")
    press(tab, "+")
    assert tab.run(SCALE) == 125
    press(tab, "0")
    assert tab.run(SCALE) == fitted[1]
    tab.click("1:1")
    top = tab.run(f"{FRAME}.scrollTop")
    tab.run(f"{FRAME}.dispatchEvent(new PointerEvent('pointerdown', {{ clientX: 200, clientY: 300, bubbles: true }}))")
    tab.run("dispatchEvent(new PointerEvent('pointermove', { clientX: 200, clientY: 200 }))")
    tab.run("dispatchEvent(new PointerEvent('pointerup', {}))")
    assert tab.run(f"{FRAME}.scrollTop") == top + 100


@pytest.mark.parametrize("width", [400, 1280])
def test_a_fork_of_30_shows_its_boxes_and_keeps_the_zoom(show, api, width):
    names = [f"b{n}" for n in range(30)]
    fork = {"name": "fan", "taskReferenceName": "fan", "type": "FORK_JOIN", "forkTasks": [[{**step(n)}] for n in names]}
    tasks = [task(1, "fan", "COMPLETED", taskType="FORK")]
    tasks += [task(n + 2, name, "IN_PROGRESS" if n == 9 else "COMPLETED") for n, name in enumerate(names)]
    api.documents["/workflow/w-1"] = {**RUN, "tasks": tasks, "workflowDefinition": {**DEFINITION, "tasks": [fork]}}
    tab = show("#/executions/w-1", width=width)
    tab.until(SCALE)
    visible = (
        "(() => { const f = document.querySelector('.viewport').getBoundingClientRect();"
        " const b = document.querySelector('g[aria-label^=b9]').getBoundingClientRect();"
        " return b.left >= f.left && b.right <= f.right && b.top >= f.top && b.bottom <= f.bottom })()"
    )
    tab.until(visible)  # the open task is in the middle
    tab.click("Fit")
    scale = tab.run(SCALE)
    assert tab.run(f"{FRAME}.scrollWidth <= {FRAME}.clientWidth + 1")
    api.documents["/workflow/w-1"] = {**api.documents["/workflow/w-1"], "priority": 7}
    tab.until("document.querySelector('.facts').textContent.includes('Priority')")
    assert tab.until(SCALE) == scale


def step(name):
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE"}
