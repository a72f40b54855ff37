"""The round trip of many definitions by hand (bench/corpus.py), here on those of the examples and one in a text."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def corpus(folder):
    command = [sys.executable, ROOT / "bench" / "corpus.py", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_definitions_of_a_folder_are_found_without_loss(tmp_path):
    example = (ROOT / "examples" / "order_processing" / "workflows.json").read_text(encoding="utf-8")
    (tmp_path / "order.json").write_text(example, encoding="utf-8")
    inner = {"name": "inner", "tasks": [{"type": "NOOP"}]}
    outer = {"name": "outer", "tasks": [{"taskReferenceName": "s", "subWorkflowParam": {"workflowDefinition": inner}}]}
    (tmp_path / "page.md").write_text(f"A {{{{ brace }}}}, and\n{json.dumps(outer)}\n", encoding="utf-8")

    done = corpus(tmp_path)

    count = len(json.loads(example)) + 2
    assert done.returncode == 0, done.stderr
    assert f"| definitions (all different), in files | {count}, in 2 |" in done.stdout
    assert f"| `to_python`, run, gives the same definition | {count} |" in done.stdout


def test_a_folder_without_definitions_is_said(tmp_path):
    done = corpus(tmp_path)
    assert (done.returncode, done.stderr) == (1, "There are no definitions.\n")
