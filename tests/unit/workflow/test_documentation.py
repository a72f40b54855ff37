"""The blocks of docs/howto/workflows.md run in their order, those apart that need a server, and it names every builder.

What they print is compared with the page in tests/documentation.
"""

import re
from pathlib import Path

import pytest

from conductor import Workflow
from conductor.workflow import __all__ as builders

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "howto" / "workflows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def names():
    names = {"__name__": "documentation"}
    for block in BLOCKS:
        if "ConductorClient()" not in block:
            exec(compile(block, "shop.py", "exec"), names)
    return names


def test_the_blocks_run(names):
    built = {name: value for name, value in names.items() if isinstance(value, Workflow)}
    assert {"order", "report", "shipping", "polling", "wrong"} <= set(built)
    assert [p for name in ("order", "report", "shipping", "polling") for p in built[name].validate()] == []


def test_every_builder_is_named():
    steps = {"ForkStep", "LoopStep", "Step", "SwitchStep"}
    apart = {*steps, "ModelOptions", "Options", "Problem", "Ref", "Workflow", "assignment", "trigger"}
    for name in set(builders) - apart:
        family = name.startswith(("llm_", "generate_")) or name.endswith(("agent", "agent_card"))
        assert family or name == "mcp_remote" or f"`{name}" in TEXT, name
