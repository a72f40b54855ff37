import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "run_tests.py"

FLAKY = """
import pathlib

def test_passes(): pass

def test_passes_when_it_is_repeated():
    flag = pathlib.Path(__file__).with_name("flag")
    was_there = flag.exists()
    flag.touch()
    assert was_there
"""


@pytest.fixture
def run(tmp_path):
    def runner(program):
        (tmp_path / "test_program.py").write_text(program)
        command = [sys.executable, str(SCRIPT), "-q", "-p", "no:randomly", "test_program.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return runner


def test_a_flaky_test_is_reported_and_does_not_fail_the_run(run):
    ended = run(FLAKY)
    assert ended.returncode == 0, ended.stdout
    assert "FLAKY" in ended.stdout
    assert "test_program.py::test_passes_when_it_is_repeated" in ended.stdout


def test_a_test_that_fails_again_fails_the_run(run):
    ended = run("def test_fails(): assert False")
    assert ended.returncode == 1
    assert "FLAKY" not in ended.stdout


def test_many_failures_and_broken_modules_are_not_repeated(run):
    many = "import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_fails(n): assert False"
    for program in (many, "import no_such_module", "def nothing(): pass"):
        ended = run(program)
        assert ended.returncode != 0, program
        assert "Repeating" not in ended.stdout
