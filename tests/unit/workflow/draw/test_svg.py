import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conductor.diagram import draw
from conductor.diagram.colors import PALETTES
from conductor.diagram.graph import Kind
from conductor.diagram.layout import layout
from conductor.diagram.reader import graph_of
from conductor.diagram.svg import outline
from conductor.models import TaskType, Workflow, WorkflowDef, WorkflowTask
from conductor.testing.generators import do_while_task, example_workflow, example_workflow_run, simple_task, switch_task
from conductor.testing.strategies import workflow_definitions

SVG = "{http://www.w3.org/2000/svg}"


def simple(ref):
    return WorkflowTask(ref, ref)


def large():
    """209 steps of every sort of block."""
    steps = []
    for n in range(110):
        ref = f"step_{n:03}"
        if n % 10 == 3:
            cases = {"a": [simple(f"{ref}a")], "b": [simple(f"{ref}b")]}
            stop = [WorkflowTask(f"{ref}t", f"{ref}t", type="TERMINATE")]
            steps.append(WorkflowTask(ref, ref, type="SWITCH", decision_cases=cases, default_case=stop))
        elif n % 10 == 5:
            branches = [[simple(f"{ref}x"), simple(f"{ref}y")], [simple(f"{ref}z")]]
            steps.append(WorkflowTask(ref, ref, type="FORK_JOIN", fork_tasks=branches))
            steps.append(WorkflowTask(f"{ref}j", f"{ref}j", type="JOIN", join_on=[f"{ref}y", f"{ref}z"]))
        elif n % 10 == 7:
            body = [simple(f"{ref}l"), simple(f"{ref}m")]
            steps.append(WorkflowTask(ref, ref, type="DO_WHILE", loop_condition="true", loop_over=body))
        else:
            steps.append(simple(ref))
    return WorkflowDef("large", steps)


def in_a_row():
    return WorkflowDef("row", [simple(f"s{n}") for n in range(200)])


def in_a_loop():
    """A loop over 99 steps, a case of 99 and one step more."""
    body = [simple(f"a{n}") for n in range(99)]
    case = {"x": [simple(f"b{n}") for n in range(99)], "y": []}
    steps = [
        WorkflowTask("loop", "loop", type="DO_WHILE", loop_over=body),
        WorkflowTask("s", "s", type="SWITCH", decision_cases=case),
    ]
    return WorkflowDef("inside", [*steps, simple("z")])


def side_by_side():
    fork = WorkflowTask("f", "f", type="FORK_JOIN", fork_tasks=[[simple(f"s{n}")] for n in range(200)])
    return WorkflowDef("wide", [fork, WorkflowTask("j", "j", type="JOIN", join_on=[f"s{n}" for n in range(200)])])


def apart(box, other, gap):
    is_clear = other.x >= box.x + box.width + gap or box.x >= other.x + other.width + gap
    return is_clear or other.y >= box.y + box.height + gap or box.y >= other.y + other.height + gap


def holds(frame, box):
    right, bottom = frame.x + frame.width, frame.y + frame.height
    return frame.x <= box.x <= box.x + box.width <= right and frame.y <= box.y <= box.y + box.height <= bottom


def check_layout(subject):
    """No box overlaps another or the edge, and no frame or line crosses a box."""
    piece = layout(graph_of(subject))
    boxes = piece.boxes
    for n, box in enumerate(boxes):
        assert -0.5 <= box.x <= box.x + box.width <= piece.width + 0.5
        assert -0.5 <= box.y <= box.y + box.height <= piece.height + 0.5
        assert all(apart(box, other, 14) for other in boxes[n + 1 :])
    for frame in piece.frames:
        assert any(holds(frame, box) for box in boxes)
        assert all(holds(frame, box) or apart(frame, box, 8) for box in boxes)
    for line in piece.lines:
        for (ax, ay), (bx, by) in zip(line.points, line.points[1:], strict=False):
            assert ax == pytest.approx(bx) or ay == pytest.approx(by), line
            low_x, high_x, low_y, high_y = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
            for box in boxes:
                is_clear = high_x <= box.x + 1 or low_x >= box.x + box.width - 1
                assert is_clear or high_y <= box.y + 1 or low_y >= box.y + box.height - 1, (line, box)


def labels(diagram):
    root = ET.fromstring(diagram.svg())
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def test_every_step_is_drawn_with_its_detail(blocks):
    shown = labels(draw(blocks))
    for step in graph_of(blocks).walk():
        assert step.ref in shown
    assert {"kitchen v2", "start", "end", "gold", "default", "HTTP · POST http://shop/api"} <= set(shown)


def test_an_execution_shows_its_statuses(execution):
    shown = labels(draw(execution))
    statuses = {"✓ COMPLETED 1.5 s, 1 retry", "✓ COMPLETED 3.0 s, 2 iterations, 1 retry", "✗ FAILED 1 min 15 s"}
    assert statuses <= set(shown)
    tips = [element.text for element in ET.fromstring(draw(execution).svg()).iter(f"{SVG}title")]
    assert any("two is <odd>" in tip for tip in tips)


def test_the_path_of_an_execution_has_no_gap(execution):
    """Every step that was reached has a taken line into its top, and no other has."""
    check_way(execution)
    inner = switch_task("inner", {"x": [simple_task("deep"), simple_task("later")]}, on="x")
    outer = switch_task("outer", {"x": [simple_task("first"), do_while_task("loop", [inner])]}, on="x")
    check_way(example_workflow_run(example_workflow(outer, simple_task("last")), status="FAILED", stops_at="deep"))


def check_way(run):
    piece = layout(graph_of(run))
    reached = [box for box in piece.boxes if box.tone.value not in {"off", "plain"} and box.lines[0] != "end"]
    ends = [line.points[-1] for line in piece.lines if line.taken]
    for box in reached:
        at = (box.x + box.width / 2, box.y)
        framed = any(frame.x < at[0] < frame.x + frame.width and frame.y == at[1] - 16 for frame in piece.frames)
        assert framed or any(end == pytest.approx(at) for end in ends), box.lines
    assert not any(
        end == pytest.approx((box.x + box.width / 2, box.y))
        for box in piece.boxes
        if box.tone.value == "off"
        for end in ends
    )


def test_boxes_do_not_overlap(blocks, execution):
    check_layout(blocks)
    check_layout(execution)


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(workflow_definitions(max_tasks=5), st.sampled_from(["COMPLETED", "FAILED"]))
def test_boxes_do_not_overlap_in_any_workflow(definition, status):
    check_layout(definition)
    check_layout(example_workflow_run(definition, status=status))


@pytest.mark.parametrize("make", [large, in_a_row, in_a_loop, side_by_side])
def test_two_hundred_steps_are_drawn_in_under_a_second(make):
    definition = make()
    began = time.perf_counter()
    diagram = draw(definition)
    root = ET.fromstring(diagram.svg())
    assert diagram.mermaid()
    assert diagram.text(color=True)
    assert time.perf_counter() - began < 1
    assert len(list(graph_of(definition).walk())) >= 200
    assert max(int(root.get("width")), int(root.get("height"))) < 4000
    check_layout(definition)


def test_an_outline_is_drawn_for_every_task_type():
    definition = WorkflowDef("all", [WorkflowTask(kind.value, kind.value, type=kind.value) for kind in TaskType])
    boxes = layout(graph_of(definition)).boxes
    assert {box.kind for box in boxes} == set(Kind) - {Kind.MORE}
    assert all(outline(box).startswith("M") for box in boxes)
    check_layout(definition)


def test_names_are_escaped():
    hostile = "</text><script>alert(1)</script>&lt; \"'\x00\x1b\ud800 ]]>"
    cases = {hostile: [simple(hostile)]}
    definition = WorkflowDef(hostile, [WorkflowTask(hostile, hostile, type="SWITCH", decision_cases=cases)])
    root = ET.fromstring(draw(definition).svg())
    assert {element.tag for element in root.iter()} == {
        SVG + tag for tag in ("svg", "title", "style", "rect", "text", "path", "g")
    }
    assert any("</text><script>" in label for label in labels(draw(definition)))


def test_two_diagrams_on_a_page_do_not_share_styles(blocks, execution):
    keys = [ET.fromstring(draw(subject).svg()).get("id") for subject in (blocks, execution)]
    assert keys[0] != keys[1]
    style = ET.fromstring(draw(blocks).svg()).find(f"{SVG}style").text
    rules = style.removeprefix("@media (prefers-color-scheme: dark){").removesuffix("}").split("}")
    assert all(rule.startswith(f"#{keys[0]} ") for rule in rules if rule)


def test_the_same_workflow_is_drawn_the_same(blocks):
    assert draw(blocks).svg() == draw(blocks).svg()


def luminance(color):
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("tone", list(PALETTES))
def test_text_has_enough_contrast_on_light_and_dark_pages(tone, page):
    fill, _, text = getattr(PALETTES[tone], page)
    bright, dim = sorted([luminance(fill), luminance(text)], reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("a.svg", "<svg "),
        ("a.SVG", "<svg "),
        ("a.html", "<!doctype html>"),
        ("a.mmd", "---\ntitle"),
        ("a.txt", "kitchen"),
    ],
)
def test_the_file_extension_determines_the_format(blocks, tmp_path, name, begin):
    draw(blocks).save(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begin)


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_an_unknown_file_extension_is_refused(blocks, tmp_path, name):
    with pytest.raises(ValueError, match=r"\.svg, \.html"):
        draw(blocks).save(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_notebooks_show_the_svg(blocks):
    shown = draw(blocks)._repr_html_()
    assert blocks._repr_html_() == shown
    assert draw(blocks).svg() in shown
    assert shown.startswith("<div ")


def test_definitions_and_executions_draw_themselves(blocks, execution):
    assert blocks.draw().svg() == draw(blocks).svg()
    assert execution.draw([blocks]).text() == draw(execution, [blocks]).text()
    assert execution._repr_html_() == draw(execution)._repr_html_()
    assert Workflow(workflow_id="i")._repr_html_() is None  # of which nothing was read but its id


def test_an_empty_workflow_is_a_start_and_an_end():
    assert labels(draw(WorkflowDef("none"))) == ["none", "start", "end"]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "FORK_JOIN"},
        {"type": "FORK_JOIN", "fork_tasks": [[], None, 3]},
        {"type": "FORK_JOIN", "fork_tasks": 3},
        {"type": "SWITCH"},
        {"type": "SWITCH", "decision_cases": {"": None, "b": "text"}},
        {"type": "DO_WHILE"},
        {"type": "DO_WHILE", "loop_over": [None, "x", simple("a")]},
        {"type": "SUB_WORKFLOW"},
        {"type": "SUB_WORKFLOW", "sub_workflow_param": {"name": "x"}},
        {"type": "JOIN", "join_on": 3},
        {"type": "HTTP", "input_parameters": {"http_request": "${x}"}},
        {"type": "HTTP", "input_parameters": ["x"]},
        {"type": "WHAT_IS_THIS"},
        {"type": ""},
        {"name": None, "task_reference_name": None},
    ],
)
def test_a_malformed_definition_is_drawn(fields):
    task = WorkflowTask(**{"name": "odd", "task_reference_name": "odd", **fields})
    fork = WorkflowTask("f", "f", type="FORK_JOIN", fork_tasks=[[simple("a")]])
    diagram = draw(WorkflowDef("w", [fork, task]))
    assert diagram.mermaid()
    assert diagram.text(color=True)
    ET.fromstring(diagram.svg())
