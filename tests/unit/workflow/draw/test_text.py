import re

import pytest

from conductor.diagram import draw
from conductor.models import Workflow, WorkflowDef, WorkflowTask


def test_the_tree_shows_the_blocks_and_what_each_step_does(blocks):
    assert (
        draw(blocks).text(color=False)
        == """\
kitchen v2
├─ ⇄ fetch  HTTP · POST http://shop/api
├─ ◇ route  SWITCH · ${workflow.input.level}
│  ├╴gold
│  │  └─ ▪ pack  pack_goods
│  ├╴none
│  │  └─ ■ stop  TERMINATE
│  └╴default
├─ ⋔ split  FORK_JOIN
│  ├╴branch 1
│  │  └─ ▪ left
│  ├╴branch 2
│  │  └─ ◷ right  WAIT · until signaled
│  └╴branch 3 (not awaited)
│     └─ ▪ late
├─ ⋈ both  JOIN
├─ ↻ again  DO_WHILE · while $.again['iteration'] < 3
│  └─ ▪ try_it
├─ ⋔ each  FORK_JOIN_DYNAMIC · for each of ${x.output.y}
├─ ⋈ each_join  JOIN
└─ ▣ inner  SUB_WORKFLOW · small
   └─ ▪ deep
"""
    )


def test_the_tree_of_an_execution_shows_statuses_times_and_reasons(execution):
    lines = draw(execution).text(color=False).splitlines()
    assert lines[0] == "kitchen v2  ✗ FAILED 1 min 15 s"
    assert "✓ COMPLETED 1.5 s, 1 retry" in lines[1]
    assert any(line.endswith("▪ try_it  ✓ COMPLETED 3.0 s, 2 iterations, 1 retry") for line in lines)
    assert any("two" in line and line.endswith("✗ FAILED 1.0 s: two is <odd>") for line in lines)


def test_colors_do_not_change_the_text(execution):
    diagram = draw(execution)
    coloured = diagram.text(color=True)
    assert "\x1b[31m✗ FAILED" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == diagram.text(color=False)


def test_colors_are_omitted_without_a_terminal(execution):
    assert "\x1b" not in draw(execution).text()


@pytest.mark.parametrize("variable", ["1", ""])
def test_no_color_turns_colors_off(execution, monkeypatch, variable):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", variable)
    assert ("\x1b" in draw(execution).text()) is (not variable)


def test_control_characters_of_names_are_removed():
    hostile = "\x1b[2Jname\r\n\u202eevil\x07"
    shown = draw(WorkflowDef(hostile, [WorkflowTask(hostile, hostile)])).text(color=False)
    assert shown == "[2Jname evil\n└─ ▪ [2Jname evil\n"


def test_long_details_are_shortened():
    task = WorkflowTask("a", "a", type="INLINE", input_parameters={"expression": "x" * 5000})
    assert max(map(len, draw(WorkflowDef("w", [task])).text(color=False).splitlines())) < 100


def test_an_execution_without_tasks_is_drawn():
    assert draw(Workflow(status="RUNNING")).text(color=False) == "workflow  … RUNNING\n"


def test_str_returns_the_tree(blocks):
    diagram = draw(blocks)
    assert str(diagram) == diagram.text(color=False)
    assert repr(diagram) == "Diagram('kitchen', 15 steps)"
