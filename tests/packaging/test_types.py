"""Type checkers accept what users write, and report each mistake in tests/typing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "words",
    [["basedpyright", "--pythonpath", sys.executable], ["mypy", "--strict", "tests/typing"]],
    ids=lambda words: words[0],
)
def test_typical_programs_pass_and_each_mistake_is_reported(words):
    checker = Path(sys.executable).with_name(words[0])
    done = subprocess.run([checker, *words[1:]], capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
