"""Every Python block of the README and of docs/howto/oss-server.md runs, and every make target exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
HOWTO = (ROOT / "docs" / "howto" / "oss-server.md").read_text()  # its blocks start the real server as well
BLOCKS = re.findall(r"^```python\n(.*?)^```", README + HOWTO, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block{n}" for n in range(len(BLOCKS))])
def test_a_block_of_the_readme_runs(code, server_url):
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "CONDUCTOR_SERVER_URL": server_url},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_there_are_blocks_to_run():
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_every_make_target_of_the_readme_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"CONDUCTOR_[A-Z_]+", README))))
def test_every_variable_of_the_readme_is_known_to_the_code(variable):
    code = "".join(path.read_text() for path in (ROOT / "conductor").rglob("*.py"))
    assert variable in code


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_every_link_of_the_readme_exists(path):
    assert (ROOT / path).exists()
