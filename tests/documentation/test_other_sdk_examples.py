"""The page about the examples of other SDKs has every file of the stored lists (the commit, then its paths)."""

import collections
import re
from pathlib import Path

import pytest
from blocks import DOCS, ROOT

LISTS = Path(__file__).parent / "other_sdks"
SECTIONS = {"python-sdk": "## conductor-python", "javascript-sdk": "## The JavaScript SDK"}
AGENTS = "examples/agents/"
PAGE = (DOCS / "howto" / "other-sdk-examples.md").read_text(encoding="utf-8")


def stored(sdk):
    commit, *paths = (LISTS / f"{sdk}.txt").read_text(encoding="utf-8").split()
    return commit, paths


def section(sdk):
    return re.split(r"^## ", PAGE.partition(SECTIONS[sdk])[2], flags=re.MULTILINE)[0]


def rows(sdk):
    return [row.groups() for row in re.finditer(r"^\| (`.+?) \| (.+) \|$", section(sdk), re.MULTILINE)]


@pytest.mark.parametrize("sdk", SECTIONS)
def test_the_page_names_the_commit_of_the_list(sdk):
    assert f"as of commit `{stored(sdk)[0][:12]}`" in section(sdk)


@pytest.mark.parametrize("sdk", SECTIONS)
def test_every_example_has_exactly_one_row(sdk):
    named = [path for there, _ in rows(sdk) for path in re.findall(r"`([^`]+)`", there)]
    files = [path for path in named if not f"{path}/".startswith(AGENTS)]
    assert sorted(files) == sorted(path for path in stored(sdk)[1] if not path.startswith(AGENTS))


@pytest.mark.parametrize("sdk", SECTIONS)
def test_folders_of_agents_have_the_number_of_their_files(sdk):
    there = collections.Counter(path.rpartition("/")[0] for path in stored(sdk)[1] if path.startswith(AGENTS))
    said = {name.strip("`"): int(count) for name, count in rows(sdk) if f"{name.strip('`')}/".startswith(AGENTS)}
    assert said == there


@pytest.mark.parametrize("sdk", SECTIONS)
def test_counterparts_exist_and_no_row_is_empty(sdk):
    for there, here in rows(sdk):
        assert here.strip(), there
        for path in re.findall(r"`((?:examples|tests)/[^`]+)`", here):
            assert (ROOT / path).exists(), path
