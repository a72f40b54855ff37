"""Run pytest, and repeat up to three failed tests alone, as CPython's own test suite does.

Tests of threads, processes and time share the cores with others that run at the same time. A test that fails among
them and passes alone is reported as flaky and does not fail the run; a test that fails again does. A test that is
reported more than once has to be fixed.

    python tools/run_tests.py -q -n 2 tests/unit
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: Failed tests to repeat at most; more failures at a time are not a coincidence.
MOST_REPEATED = 3
#: pytest's exit status if tests failed, and nothing else did.
TESTS_FAILED = 1


def main(arguments: list[str]) -> int:
    """Return the exit status of pytest."""
    with tempfile.TemporaryDirectory() as cache:
        run = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}"]
        status = subprocess.run([*run, *arguments], check=False).returncode
        if status != TESTS_FAILED:
            return status
        noted = Path(cache, "v", "cache", "lastfailed")
        failed = sorted(json.loads(noted.read_text())) if noted.exists() else []
        if not 0 < len(failed) <= MOST_REPEATED:
            return status
        print(f"\nRepeating {len(failed)} failed test(s) alone: {', '.join(failed)}", flush=True)
        repeat = [*run, *arguments, "-n", "0", "--last-failed", "--last-failed-no-failures", "none"]
        status = subprocess.run(repeat, check=False).returncode
        if status == 0:
            print(f"\nFLAKY: failed among others and passed alone: {', '.join(failed)}", flush=True)
        return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
