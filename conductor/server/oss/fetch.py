"""Two ways to the published jar: jgo, a Maven resolver in Python, and ``mvn``. Both know the repository themselves."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from pathlib import Path

__all__ = ["ARTIFACT", "fetch_with_jgo", "fetch_with_mvn", "file_name"]

_GROUP, ARTIFACT, _CLASSIFIER = "org.conductoross", "conductor-server", "boot"
_TIMEOUT = 60  # seconds without a byte


def file_name(version: str) -> str:
    """The jar's name, as published."""
    return f"{ARTIFACT}-{version}-{_CLASSIFIER}.jar"


def fetch_with_jgo(folder: Path, version: str) -> Path | None:
    """Fetch the jar to somewhere below the folder; None when jgo is not installed."""
    try:
        maven = importlib.import_module("jgo.maven")
    except ImportError:
        return None
    context = maven.MavenContext(repo_cache=folder, timeout=_TIMEOUT)
    artifact = context.project(_GROUP, ARTIFACT).at_version(version).artifact(classifier=_CLASSIFIER, packaging="jar")
    return Path(artifact.resolve())


def fetch_with_mvn(folder: Path, version: str) -> Path | None:
    """Fetch the jar to somewhere below the folder; None when there is no ``mvn``. The user's mirrors are used."""
    mvn = shutil.which("mvn")
    if mvn is None:
        return None
    command = [
        mvn,
        "-q",
        "-B",
        f"-Dmaven.repo.local={folder}",  # so that its growth can be watched, and no second copy stays in ~/.m2
        "dependency:get",
        f"-Dartifact={_GROUP}:{ARTIFACT}:{version}:jar:{_CLASSIFIER}",
        "-Dtransitive=false",
    ]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if ran.returncode != 0:
        lines = (ran.stdout + ran.stderr).splitlines()
        raise RuntimeError(next((line for line in lines if "ERROR" in line), f"exit status {ran.returncode}"))
    return next(folder.rglob(file_name(version)))
