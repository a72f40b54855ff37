"""Each example of workers and of workflows as code runs on the embedded server.

On the real one, tests/e2e says how each ends.
"""

import importlib
from pathlib import Path

import pytest

from conductor import ConductorClient, server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(
    f"{folder}.{path.stem}"
    for folder in ("workers", "workflows")
    for path in (ROOT / "examples" / folder).glob("[a-z]*.py")
)

ENDS = {
    "workers.configured": ["small 0.png", "small 1.png"],
    "workers.defined": (4, "EXPONENTIAL_BACKOFF", True),
    "workers.discovered": (["discovered_pay", "discovered_price"], "20.00 paid"),
    "workers.in_context": ({"rows": 4, "asked": 3}, ["attempt 1 of export"]),
    "workers.observed": (
        ["observed_divide done", *["observed_divide failed: ZeroDivisionError"] * 2],
        3,
        3,
    ),
    "workers.shell": "2",
    "workers.typed": (
        {"due": "2030-01-31", "booked": "13.50"},
        "NonRetryableError: an invoice needs lines",
    ),
}


@pytest.fixture(scope="module")
def client():
    with server.start() as embedded, ConductorClient(server_url=embedded.url) as client:
        yield client


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(client, monkeypatch, name):
    monkeypatch.syspath_prepend(str(ROOT))
    said = importlib.import_module(f"examples.{name}").main(client)
    assert said == ENDS[name] if name in ENDS else said


def test_each_example_of_workers_ends_as_its_file_says():
    assert set(ENDS) == {name for name in EXAMPLES if name.startswith("workers.")}
