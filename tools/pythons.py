"""Find the interpreters of this machine that the package supports: one for each version that setup.cfg names.

Prints a line with version and path for each, or with a version as argument only its path. `make test-pythons` uses it.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"

#: Run by each candidate. An interpreter without one of these modules, as some Linux distributions split it, cannot run
#: the tests; a shim of pyenv without a version prints the path of the interpreter that it stands for, or fails.
PROBE = "import ensurepip, sqlite3, ssl, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable, sep='\\n')"

#: Seconds for a candidate to answer; a working one takes less than one.
PROBE_TIMEOUT = 20


def supported(setup: str) -> list[str]:
    """Return the versions of the classifiers, such as 3.10, in their order."""
    return re.findall(r"^\s*Programming Language :: Python :: (3\.\d+)$", setup, re.MULTILINE)


def candidates(version: str, path: Iterable[str], pyenv: Path) -> Iterator[Path]:
    """Yield what may be an interpreter of a version: from the folders of PATH, then from those of pyenv."""
    suffix = ".exe" if os.name == "nt" else ""
    for folder in path:
        yield Path(folder) / f"python{version}{suffix}"
    for folder in sorted(pyenv.glob(f"versions/{version}.*")):
        yield folder / ("python.exe" if suffix else f"bin/python{version}")


def probe(candidate: Path) -> tuple[str, str] | None:
    """Return the version and the path that an interpreter prints, or None for one that does not work."""
    try:
        found = subprocess.run(  # an interpreter of this machine
            [candidate, "-c", PROBE], capture_output=True, text=True, check=False, timeout=PROBE_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version, _, path = found.stdout.strip().partition("\n")
    return (version, path) if found.returncode == 0 else None


def find(versions: Iterable[str], path: Iterable[str], pyenv: Path) -> dict[str, str]:
    """Return the first working interpreter of each version that there is one of."""
    folders = [folder for folder in path if folder]
    found = {}
    for version in versions:
        for candidate in candidates(version, folders, pyenv):
            answer = probe(candidate) if candidate.is_file() else None
            if answer is not None and answer[0] == version:
                found[version] = answer[1]
                break
    return found


def main() -> None:
    """Print what is found, and fail if it is too little."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", nargs="?", help="print only the path of this version")
    parser.add_argument("--at-least", type=int, default=1, metavar="N", help="fail if fewer versions are found")
    options = parser.parse_args()
    versions = [options.version] if options.version else supported(SETUP.read_text(encoding="utf-8"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = find(versions, os.environ.get("PATH", "").split(os.pathsep), pyenv)
    for version, path in found.items():
        print(path if options.version else f"{version} {path}")
    if len(found) < options.at_least:
        missing = ", ".join(version for version in versions if version not in found)
        sys.exit(f"found {len(found)} of the {options.at_least} Pythons that are needed; not found: {missing}")


if __name__ == "__main__":
    main()
