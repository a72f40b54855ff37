"""The examples in docstrings run."""

import importlib
import inspect
import re
from types import SimpleNamespace

import pytest
from blocks import ROOT

from conductor.webhook import sign_webhook

SECRET, BODY = "only for development", b"{}"


def request(scheme):
    """Return a request with the attributes of both frameworks."""
    headers = sign_webhook(BODY, SECRET, scheme=scheme)
    return SimpleNamespace(get_data=lambda: BODY, body=BODY, headers=headers)


EXAMPLES = {  # for each line of an example, a function that returns the names that the line uses
    "conductor.webhook": [lambda s=s: {"request": request(s), "SECRET": SECRET} for s in ("github", "stripe")],
    "conductor.testing.generators": [dict, dict],
}
DRAWN = "conductor.errors"  # not code but a tree, which tests/unit/test_errors.py compares with the classes


def modules_with_examples():
    for path in (ROOT / "conductor").rglob("*.py"):
        if re.search(r"::\n\n    \S", path.read_text(encoding="utf-8")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_every_docstring_with_an_example_is_listed():
    assert set(modules_with_examples()) == {*EXAMPLES, DRAWN}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_in_a_docstring_runs(name):
    module = importlib.import_module(name)
    _, _, example = inspect.getdoc(module).partition("::\n")
    names = vars(module).copy()
    for line, around in zip(inspect.cleandoc(example).splitlines(), EXAMPLES[name], strict=True):
        exec(line, {**names, **around()}, names)
