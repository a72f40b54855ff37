"""The how-to's own code is run."""

import re
import subprocess
import sys
from pathlib import Path

HOWTO = Path(__file__).parents[3] / "docs" / "howto-testing.md"


def test_the_code_of_the_howto_passes(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "test_howto.py").write_text("\n\n".join(blocks), encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
