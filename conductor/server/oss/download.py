"""The server's jar: fetched once, verified, and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from conductor.errors import ServerStartError

__all__ = ["VERSION", "Progress", "cache_folder", "get_jar", "sha256_of"]

VERSION = "3.32.3"
GROUP, ARTIFACT, CLASSIFIER = "org.conductoross", "conductor-server", "boot"

# Of the published boot jars. The SHA-1 that the repository publishes beside this jar is
# 06bd2746cba9a238101970e09c9b3e73916a77e0, and the file with the SHA-256 below has it.
_SHA256 = {"3.32.3": "6b1615a5beb82bbbfa05219d0f1b84440aa8c0bef1371662803ef5588d7d507b"}

_BLOCK = 1024 * 1024
_BAR = 30


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """``CONDUCTOR_CACHE_DIR``, or ``conductor-sdk`` in the user's cache folder."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get("CONDUCTOR_CACHE_DIR"):
        return Path(chosen)
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "conductor-sdk"


def get_jar(
    folder: Path | None = None, version: str = VERSION, fetch: Callable[[Path, str], Path] | None = None
) -> Path:
    """The verified jar, fetched when it is not in the cache.

    Raises:
        ServerStartError: It cannot be had, or its checksum is another one.
    """
    if version not in _SHA256:
        raise ServerStartError(f"The checksum of server version {version} is not known; known: {', '.join(_SHA256)}.")
    folder = folder or cache_folder()
    jar = folder / f"{ARTIFACT}-{version}-{CLASSIFIER}.jar"
    if jar.exists():
        if _is_verified(jar, version):
            return jar
        _verify(jar, version)
        return jar
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as temporary:
        try:
            fetched = (fetch or _fetch)(Path(temporary), version)
        except ServerStartError:
            raise
        except Exception as error:
            raise ServerStartError(
                f"The server's jar ({ARTIFACT} {version}) could not be fetched: {error}. Check the network, or put the "
                f"file at {jar}."
            ) from error
        staged = Path(temporary) / "verified.jar"
        shutil.move(fetched, staged)
        _verify(staged, version, told_as=jar)
        staged.replace(jar)  # at once, so that another process sees all of it or nothing
    _mark(jar)
    return jar


def sha256_of(path: Path) -> str:
    """The file's SHA-256, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _verify(path: Path, version: str, told_as: Path | None = None) -> None:
    if sha256_of(path) == _SHA256[version]:
        _mark(path)
        return
    path.unlink()
    raise ServerStartError(
        f"{told_as or path} is not the published jar of server {version}: its SHA-256 is another one. It was removed; "
        "try again, and if it happens again something on the way changes the file."
    )


def _marker(jar: Path) -> Path:
    return jar.with_suffix(".verified")


def _state(jar: Path) -> str:
    stat = jar.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _mark(jar: Path) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written is verified each time
        _marker(jar).write_text(_state(jar))


def _is_verified(jar: Path, _version: str) -> bool:
    try:
        return _marker(jar).read_text() == _state(jar)
    except OSError:
        return False


def _fetch(folder: Path, version: str) -> Path:
    """Fetch with jgo, a Maven resolver in Python."""
    try:
        maven = importlib.import_module("jgo.maven")
        resolver = maven.PythonResolver(progress_callback=_shown)
    except ImportError:
        raise ServerStartError(
            "Fetching the server's jar needs the package jgo: pip install 'conductor-sdk[oss]'"
        ) from None
    context = maven.MavenContext(repo_cache=folder, resolver=resolver, timeout=60)
    artifact = context.project(GROUP, ARTIFACT).at_version(version).artifact(classifier=CLASSIFIER, packaging="jar")
    return Path(artifact.resolve())


@contextmanager
def _shown(name: str, total: int) -> Iterator[Callable[[int], None]]:
    progress = Progress(name, total, sys.stderr)
    yield progress.add
    progress.close()


class Progress:
    """A bar on a terminal; elsewhere a line for every tenth.

    Args:
        name: What is fetched.
        total: Its size in bytes.
        out: Where to write.
    """

    def __init__(self, name: str, total: int, out: TextIO) -> None:
        self._name = name
        self._total = total
        self._out = out
        self._done = 0
        self._tenth = -1
        self._shown_at = 0.0
        self._is_terminal = out.isatty()

    def add(self, count: int) -> None:
        """Note that ``count`` further bytes are there."""
        self._done += count
        if self._is_terminal:
            if time.monotonic() - self._shown_at > 0.1 or self._done >= self._total:  # noqa: PLR2004
                self._shown_at = time.monotonic()
                self._out.write(f"\r{self._text()}")
                self._out.flush()
        elif (tenth := self._done * 10 // self._total) > self._tenth:
            self._tenth = tenth
            self._out.write(f"{self._text()}\n")
            self._out.flush()

    def _text(self) -> str:
        share = min(1.0, self._done / self._total)
        bar = ("#" * int(share * _BAR)).ljust(_BAR, ".") + " " if self._is_terminal else ""
        return f"{self._name} {bar}{share:4.0%} of {self._total / 1e6:.0f} MB"

    def close(self) -> None:
        """End the line."""
        if self._is_terminal:
            self._out.write("\n")
