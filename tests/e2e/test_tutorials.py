"""Tutorials that promise to work on both servers run on the open-source one; tests/documentation runs the embedded."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["fan-out", "human-approval"])
def test_a_tutorial_runs_on_the_open_source_server(page, server_url, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "documentation"))
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server_url)
    from blocks import run_page

    run_page(ROOT / "docs" / "tutorials" / f"{page}.md", tmp_path)
