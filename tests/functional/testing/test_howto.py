"""The code of the testing pages is run with pytest."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def run_pytest(folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_code_of_the_howto_passes(tmp_path):
    text = (DOCS / "howto" / "testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    source = "\n\n".join(blocks)
    (tmp_path / "test_howto.py").write_text(source, encoding="utf-8")

    assert f"{source.count('def test_')} passed" in run_pytest(tmp_path)


def test_the_files_of_the_tutorial_pass(tmp_path):
    text = (DOCS / "tutorials" / "testing.md").read_text(encoding="utf-8")
    for name, code in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")

    assert "5 passed" in run_pytest(tmp_path)
