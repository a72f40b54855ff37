"""Each example of workflows as code runs on the embedded server; on the real one, tests/e2e says how each ends."""

import importlib
from pathlib import Path

import pytest

from conductor import ConductorClient, server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples" / "workflows").glob("[a-z]*.py"))


@pytest.fixture(scope="module")
def client():
    with server.start() as embedded, ConductorClient(server_url=embedded.url) as client:
        yield client


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(client, monkeypatch, name):
    monkeypatch.syspath_prepend(str(ROOT))
    assert importlib.import_module(f"examples.workflows.{name}").main(client)
