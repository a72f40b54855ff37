"""Is any workflow definition of the engine's own repository lost on its way through this SDK?

    git clone --depth 1 --branch v3.32.3 https://github.com/conductor-oss/conductor
    python bench/corpus.py conductor      a table in Markdown; ends with status 1 when something is lost
    python bench/corpus.py conductor --server http://localhost:8080/api      and what that server says of each

Each definition in the documentation, tests and examples is read, whole JSON files and JSON inside other text alike,
goes through ``from_def`` and back, through the model and back, and through ``to_python``: the source is run and what it
made is compared. Each is validated and drawn as well, which must not fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from conductor import Workflow

TEXTS = {
    ".json", ".jsonc", ".md", ".mdx", ".html", ".java", ".kt", ".groovy", ".js", ".ts", ".tsx", ".py", ".ipynb", ".sh",
    ".yaml", ".yml",
}  # fmt: skip
DECODER = json.JSONDecoder()


def values_in(path: Path) -> Iterator[Any]:
    """The JSON of a file: the whole of it, or each object in its text."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".json":
        try:
            yield json.loads(text)
        except ValueError:
            pass
        else:
            return
    if '"tasks"' not in text:
        return
    start = text.find("{")
    while start >= 0:
        try:
            value, end = DECODER.raw_decode(text, start)
        except ValueError:
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def definitions_in(value: Any) -> Iterator[dict[str, Any]]:
    """The definitions inside a value, those of sub-workflows too."""
    if isinstance(value, dict):
        if is_definition(value):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from definitions_in(item)


def is_definition(value: dict[str, Any]) -> bool:
    """Whether it is a definition, also an unfinished one, and not an execution."""
    tasks = value.get("tasks")
    return (
        isinstance(value.get("name"), str)
        and "workflowId" not in value
        and isinstance(tasks, list)
        and bool(tasks)
        and all(isinstance(task, dict) and task.keys() & {"taskReferenceName", "type"} for task in tasks)
        and not any("taskId" in task for task in tasks)
    )


def corpus(checkout: Path) -> dict[str, Path]:
    """Each definition that differs from the others, as JSON, with the file where it was found first."""
    found: dict[str, Path] = {}
    for path in sorted(checkout.rglob("*")):
        if path.suffix in TEXTS and path.is_file() and ".git" not in path.parts:
            for value in values_in(path):
                for definition in definitions_in(value):
                    found.setdefault(json.dumps(definition), path)
    return found


def without_null(value: Any) -> Any:
    """A definition without fields that are null, which a model does not keep apart from missing ones."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def by_wire_form(text: str) -> bool:
    """From the wire form and back: the same text, in the same order."""
    return json.dumps(Workflow.from_def(json.loads(text)).to_dict()) == text


def by_model(text: str) -> bool:
    """Through the model and back."""
    definition = json.loads(text)
    return bool(without_null(Workflow.from_def(definition).to_def().to_dict()) == without_null(definition))


def by_source(text: str) -> bool:
    """Through the source: what it makes is the same definition."""
    names: dict[str, Any] = {}
    source = Workflow.from_def(json.loads(text)).to_python()
    exec(compile(source, "corpus", "exec"), names)  # noqa: S102  made here, of builder calls only
    return bool(names["workflow"].to_dict() == json.loads(text))


def by_sight(text: str) -> bool:
    """Validated and drawn in each form."""
    workflow = Workflow.from_def(json.loads(text))
    workflow.validate()
    picture = workflow.draw()
    return all(form() for form in (picture.svg, picture.mermaid, picture.text))


CHECKS: dict[str, Callable[[str], bool]] = {
    "`from_def` and `to_dict` give the same JSON, in the same order": by_wire_form,
    "`from_def` and `to_def` give a model with the same content (null counts as missing)": by_model,
    "`to_python`, run, gives the same definition": by_source,
    "validated and drawn in each form": by_sight,
}


def holds(check: Callable[[str], bool], text: str, path: Path) -> bool:
    """Whether a definition passes; why not is said."""
    try:
        why = "" if check(text) else "it differs"
    except Exception as error:  # whatever it is, it is counted and told
        why = f"{type(error).__name__}: {error}"[:200]
    if why:
        print(f"{path}: {json.loads(text)['name']}: {check.__doc__} {why}", file=sys.stderr)
    return not why


def is_refused(server: str, text: str) -> bool:
    """Whether a server finds a definition invalid."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/metadata/workflow/validate", text.encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310  the address is the caller's
            return False
    except urllib.error.HTTPError as error:
        error.close()
        return True


def verdicts(server: str, found: dict[str, Path]) -> dict[str, int]:
    """What the server and ``validate`` say, counted; what we take and the server does not is named."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for text, path in found.items():
        workflow = Workflow.from_def(json.loads(text))
        verdict = is_refused(server, text), any(problem.is_error for problem in workflow.validate())
        counts[verdict] += 1
        if verdict == (True, False):
            print(f"{path}: {workflow.name}: refused by the server alone", file=sys.stderr)
    return {
        "refused by the server's `POST /metadata/workflow/validate`, and by `validate()`": counts[True, True],
        "refused by the server alone": counts[True, False],
        "accepted by the server, refused by `validate()`": counts[False, True],
    }


def types_in(found: dict[str, Path]) -> Counter[str]:
    """How many tasks of each type there are."""
    workflows = (Workflow.from_def(json.loads(text)) for text in found)
    return Counter(step.type for workflow in workflows for step in workflow.walk())


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", type=Path, help="a checkout of conductor-oss/conductor")
    parser.add_argument("--server", help="the address of a server that is asked as well")
    given = parser.parse_args()
    found = corpus(given.checkout)
    if not found:
        print("There are no definitions.", file=sys.stderr)
        return 1
    types = types_in(found)
    sources = [Workflow.from_def(json.loads(text)).to_python() for text in found]
    rows = {
        "definitions (all different), in files": f"{len(found)}, in {len(set(found.values()))}",
        "tasks, of types": f"{sum(types.values())}, of {len(types)}",
        "tasks that are written with `raw`": str(sum(source.count("raw(") for source in sources)),
    }
    passed = {name: sum(holds(check, text, path) for text, path in found.items()) for name, check in CHECKS.items()}
    print("| | |\n|---|---|")
    for name, said in {**rows, **passed, **(verdicts(given.server, found) if given.server else {})}.items():
        print(f"| {name} | {said} |")
    return 0 if all(count == len(found) for count in passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
