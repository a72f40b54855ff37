import sys
from pathlib import Path

import pytest

import conductor.server
from conductor.worker.worker import default_registry

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "docs")]


@pytest.fixture
def server(monkeypatch):
    """An embedded server that the environment names, and a registry without the workers of other pages."""
    monkeypatch.setattr(default_registry, "_workers", {})
    with conductor.server.start(secrets={"EXAMPLE_TOKEN": "s"}, environment={"EXAMPLE_REGION": "eu-west"}) as one:
        monkeypatch.setenv("CONDUCTOR_SERVER_URL", one.url)
        yield one


@pytest.fixture
def orkes_server(monkeypatch):
    """An embedded server of the Orkes edition, as ``server`` is one of the default edition."""
    monkeypatch.setattr(default_registry, "_workers", {})
    with conductor.server.start(edition="orkes") as one:
        monkeypatch.setenv("CONDUCTOR_SERVER_URL", one.url)
        yield one
