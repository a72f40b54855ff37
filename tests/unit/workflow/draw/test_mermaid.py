import re

import pytest

from conductor.diagram import draw
from conductor.diagram.draw import _SHAPES, escaped
from conductor.diagram.graph import Kind
from conductor.models import WorkflowDef, WorkflowTask


def test_a_definition_is_a_flow_chart_of_its_steps(blocks):
    assert (
        draw(blocks).mermaid()
        == """\
---
title: "kitchen v2"
---
flowchart TD
  start(["start"])
  n1["fetch<br/>HTTP · POST http://shop/api"]
  n2{"route<br/>SWITCH · ${workflow.input.level}"}
  n3("pack<br/>pack_goods")
  n4(["stop<br/>TERMINATE"])
  n5[/"split<br/>FORK_JOIN"\\]
  n6("left")
  n7[\\"right<br/>WAIT · until signaled"\\]
  n8("late")
  n9[\\"both<br/>JOIN"/]
  subgraph n10s[" "]
    n10{{"again<br/>DO_WHILE<br/>while $.again['iteration'] #60; 3"}}
    n11("try_it")
  end
  n12[/"each<br/>FORK_JOIN_DYNAMIC<br/>for each of ${x.output.y}"\\]
  n13[\\"each_join<br/>JOIN"/]
  subgraph n14s[" "]
    n14[["inner<br/>SUB_WORKFLOW · small"]]
    n15("deep")
  end
  finish(["end"])
  start --> n1
  n1 --> n2
  n2 -->|"gold"| n3
  n2 -->|"none"| n4
  n3 --> n5
  n2 -->|"default"| n5
  n5 --> n6
  n5 --> n7
  n5 --> n8
  n6 --> n9
  n7 --> n9
  n8 -.->|"not awaited"| n9
  n9 --> n10
  n10 --> n11
  n11 -. again .-> n10
  n11 --> n12
  n12 --> n13
  n13 --> n14
  n14 --> n15
  n15 --> finish
"""
    )


def test_an_execution_colors_steps_and_dots_paths_not_taken(execution):
    lines = [line.strip() for line in draw(execution).mermaid().splitlines()]
    assert 'n1["fetch<br/>HTTP · POST http://shop/api<br/>✓ COMPLETED 1.5 s, 1 retry"]:::good' in lines
    assert 'n4(["stop<br/>TERMINATE"]):::off' in lines
    assert 'finish(["end<br/>FAILED 1 min 15 s"]):::bad' in lines
    assert {'n2 -->|"gold"| n3', 'n2 -.->|"none"| n4', 'n2 -.->|"default"| n5', "n3 --> n5"} <= set(lines)
    assert any(line.startswith("classDef bad fill:#") for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('say "hi"', "say #34;hi#34;"),
        ("a #1; b", "a #35;1; b"),
        ("<b>&amp;</b>", "#60;b#62;#38;amp;#60;/b#62;"),
        ("%%{init}%%", "#37;#37;{init}#37;#37;"),
        ("`md`", "#96;md#96;"),
        ("1. first", "1#46; first"),
        ("- item", "#45; item"),
        ("back\\slash", "back#92;slash"),
    ],
)
def test_special_characters_of_mermaid_are_escaped(text, shown):
    assert escaped(text) == shown


def test_names_stay_inside_their_quotes():
    hostile = '"]; click n1 "javascript:x"\nend\n%% --> <script>'
    task = WorkflowTask(hostile, hostile, type="SWITCH", decision_cases={hostile: [WorkflowTask("a", "a")]})
    text = draw(WorkflowDef(hostile, [task])).mermaid()
    body = text.split("flowchart TD\n", 1)[1]
    assert "<script" not in body
    assert all(line.count('"') in {0, 2} for line in body.splitlines())
    assert re.fullmatch(r'---\ntitle: ".*"\n---\n', text.split("flowchart", 1)[0])


def test_every_kind_of_step_has_a_shape():
    assert set(_SHAPES) == set(Kind)


def test_no_edge_leads_from_a_terminate():
    steps = [WorkflowTask("t", "t", type="TERMINATE"), WorkflowTask("a", "a")]
    assert "n1 -->" not in draw(WorkflowDef("w", steps)).mermaid()


def test_two_hundred_steps_stay_below_the_limits_of_mermaid():
    fork = WorkflowTask("f", "f", type="FORK_JOIN", fork_tasks=[[WorkflowTask(f"s{n}", f"s{n}")] for n in range(200)])
    text = draw(WorkflowDef("w", [fork, WorkflowTask("j", "j", type="JOIN", join_on=["s1"])])).mermaid()
    assert len(text) < 50_000
    assert sum("->" in line for line in text.splitlines()) < 500
