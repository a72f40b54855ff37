"""The round trip of many definitions by hand (bench/corpus.py), here on those of the examples and one in a text."""

import json
import subprocess
import sys
from pathlib import Path

import conductor.server

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


def test_each_definition_runs_on_both_servers(tmp_path):
    """Here both are embedded servers; the second copies faults of the open-source server, such as maps in scripts."""
    script = {"evaluatorType": "javascript", "expression": "JSON.stringify($.m)", "m": {"a": 1}}
    definitions = {
        "plain": [{"name": "work", "taskReferenceName": "w", "type": "SIMPLE"}, {"name": "h", "taskReferenceName": "h",
                  "type": "HTTP", "inputParameters": {"http_request": {"uri": "https://no.example", "method": "GET"}}}],
        "script": [{"name": "i", "taskReferenceName": "i", "type": "INLINE", "inputParameters": script}],
        "model": [{"name": "m", "taskReferenceName": "m", "type": "LLM_CHAT_COMPLETE"}],
    }  # fmt: skip
    for name, tasks in definitions.items():
        definition = {"name": name, "tasks": tasks, "description": "for ${workflow.input.n}"}
        (tmp_path / f"{name}.json").write_text(json.dumps(definition))
    with conductor.server.start(strict=True) as other:
        command = [sys.executable, ROOT / "bench" / "corpus_runs.py", tmp_path, "--server", other.url]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    for line in (
        "| definitions, all different | 3 |",
        "| COMPLETED on the open-source server | 2 |",
        "| same acceptance, status, tasks and output | 1 |",
        "| different output | 1 |",
    ):
        assert line in shown, line
