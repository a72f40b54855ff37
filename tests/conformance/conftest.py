"""Each scenario runs on the embedded and on the real server; the real one's outcomes are fetched side by side."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import kit  # noqa: E402
import scenarios  # noqa: E402, F401

_AT_ONCE = 12  # the real server is slow, and most of a scenario is waiting


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def real_url_of(request):
    """The address of the real server for a scenario."""
    return lambda name: request.getfixturevalue("full_server_url" if kit.KINDS[name] == "full" else "server_url")


@pytest.fixture(scope="session")
def real_outcomes(real_url_of, request):
    """The outcome of each chosen scenario on the real server, as a future."""
    chosen = [item.callspec.params["name"] for item in request.session.items if item.fspath.basename == HERE_FILE]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = {name: pool.submit(kit.outcome_or_error, real_url_of(name), name) for name in chosen}
        yield futures
        for future in futures.values():
            future.cancel()


HERE_FILE = "test_conformance.py"


@pytest.fixture(scope="session")
def embedded_url_of():
    """The address of the embedded server for a scenario."""
    import conductor.server

    stores = {"secrets": {"API_KEY": "s3cret"}, "environment": {"REGION": "eu-1"}}
    with (
        conductor.server.start(secrets={}, environment={}) as plain,
        conductor.server.start(**stores) as full,
        conductor.server.start(secrets={}, environment={}, strict=True) as strict,
    ):
        servers = {"plain": plain, "full": full, "strict": strict}
        yield lambda name: servers[kit.KINDS[name]].url
