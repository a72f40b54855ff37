"""The command that adds an extra to this installation of the package.

The package is not published to an index, so ``pip install conductor-sdk[cli]`` would fail. The command repeats where
the installed package came from instead: a checkout, a wheel or a URL (PEP 610).
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["DISTRIBUTION", "install_command", "missing_package"]

#: Name of the distribution in package metadata.
DISTRIBUTION = "conductor-sdk"


def install_command(extra: str, *, platform: str = sys.platform) -> str:
    """Return the shell command that installs an extra where this package is installed.

    Args:
        extra: The name of the extra, such as ``cli``.
        platform: The system, as ``sys.platform`` names it; decides how arguments are quoted.
    """
    from importlib import metadata  # costs 20 ms, and only errors need it
    from subprocess import list2cmdline  # as above

    try:
        installed = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # imported from a folder on sys.path, not installed
        words = [f"{Path(__file__).parents[2]}[{extra}]"]
    else:
        words = _requirement(installed, extra)
    arguments = ["pip", "install", *words]
    return list2cmdline(arguments) if platform == "win32" else shlex.join(arguments)


def missing_package(error: ModuleNotFoundError, user: str, extra: str) -> ModuleNotFoundError:
    """Return the error for a package that is not installed, with the extra that installs it.

    Args:
        error: The error of the import.
        user: The module that needs the package.
        extra: The name of the extra.
    """
    message = f"{user} needs the package {error.name}. Install the extra {extra}: {install_command(extra)}"
    return ModuleNotFoundError(message, name=error.name, path=error.path)


def _requirement(installed: Distribution, extra: str) -> list[str]:
    from urllib.request import url2pathname  # as above

    try:
        origin = json.loads(installed.read_text("direct_url.json") or "{}")
        url = str(origin["url"])
    except (ValueError, KeyError, TypeError):  # installed by name, from an index or a folder of wheels
        return [f"{DISTRIBUTION}[{extra}]"]
    if origin.get("dir_info", {}).get("editable"):
        return ["-e", f"{url2pathname(urlsplit(url).path)}[{extra}]"]
    version_control = origin.get("vcs_info")
    if version_control:
        url = f"{version_control['vcs']}+{url}@{version_control['commit_id']}"
    return [f"{DISTRIBUTION}[{extra}] @ {url}"]
