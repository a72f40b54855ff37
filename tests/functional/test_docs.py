"""The examples of docs/ are run in their order, and what they print and draw is what stands there."""

import contextlib
import io
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = ["drawing.md", "test-data.md"]


def run(page, folder):
    """Run the Python blocks of a page in one namespace; pairs of what each printed and what the page says it does."""
    (folder / "examples").symlink_to(ROOT / "examples")
    before, namespace, pairs, printed = os.getcwd(), {"__name__": page}, [], None
    os.chdir(folder)
    try:
        for number, (language, code) in enumerate(BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))):
            if language == "python":
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(code, f"{page}, block {number}", "exec"), namespace)
                printed = out.getvalue()
            else:
                pairs.append((printed, code))
    finally:
        os.chdir(before)
    return pairs


@pytest.mark.parametrize("page", PAGES)
def test_a_page_prints_what_it_says(page, tmp_path):
    pairs = run(page, tmp_path)
    assert pairs
    for printed, said in pairs:
        assert printed == said


def test_the_pictures_are_those_that_the_page_draws(tmp_path):
    run("drawing.md", tmp_path)
    images = ROOT / "docs" / "images"
    for name in ("order.svg", "order-run.svg"):
        assert (tmp_path / name).read_text() == (images / name).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (ROOT / "docs" / link).exists()
