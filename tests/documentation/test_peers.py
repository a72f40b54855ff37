"""The page about the other SDKs' examples has every file of the stored lists: the commit, then its paths."""

import collections
import re
from pathlib import Path

import pytest
from blocks import DOCS, ROOT

PEERS = Path(__file__).parent / "peers"
SECTIONS = {"python-sdk": "## conductor-python", "javascript-sdk": "## The JavaScript SDK"}
AGENTS = "examples/agents/"
PAGE = (DOCS / "howto" / "other-sdk-examples.md").read_text(encoding="utf-8")


def stored(peer):
    commit, *paths = (PEERS / f"{peer}.txt").read_text(encoding="utf-8").split()
    return commit, paths


def section(peer):
    return re.split(r"^## ", PAGE.partition(SECTIONS[peer])[2], flags=re.MULTILINE)[0]


def rows(peer):
    return [row.groups() for row in re.finditer(r"^\| (`.+?) \| (.+) \|$", section(peer), re.MULTILINE)]


@pytest.mark.parametrize("peer", SECTIONS)
def test_the_page_names_the_commit_of_the_list(peer):
    assert f"as of commit `{stored(peer)[0][:12]}`" in section(peer)


@pytest.mark.parametrize("peer", SECTIONS)
def test_every_example_has_one_row_and_no_other_has_one(peer):
    named = [path for there, _ in rows(peer) for path in re.findall(r"`([^`]+)`", there)]
    files = [path for path in named if not f"{path}/".startswith(AGENTS)]
    assert sorted(files) == sorted(path for path in stored(peer)[1] if not path.startswith(AGENTS))


@pytest.mark.parametrize("peer", SECTIONS)
def test_every_folder_of_agents_has_its_count(peer):
    there = collections.Counter(path.rpartition("/")[0] for path in stored(peer)[1] if path.startswith(AGENTS))
    said = {name.strip("`"): int(count) for name, count in rows(peer) if f"{name.strip('`')}/".startswith(AGENTS)}
    assert said == there


@pytest.mark.parametrize("peer", SECTIONS)
def test_the_counterparts_are_there_and_each_row_says_something(peer):
    for there, here in rows(peer):
        assert here.strip(), there
        for path in re.findall(r"`((?:examples|tests)/[^`]+)`", here):
            assert (ROOT / path).exists(), path
