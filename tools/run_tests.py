"""Run pytest, and repeat up to three failed tests alone, as CPython's own test suite does.

Tests of threads, processes and time share two cores with others that run at the same time. One that fails among them
and passes alone is reported as unsteady, and does not fail the run; one that fails again does. Whoever sees a test
reported more than once makes it steady.

    python tools/run_tests.py -q -n 2 tests/unit
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: More failures than that are no coincidence.
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
            print(f"\nUNSTEADY: failed among others and passed alone: {', '.join(failed)}", flush=True)
        return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
