"""axe-core, which checks pages for accessibility: from its registry, with npm, once."""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "axe-core@4.10.3"
INTEGRITY = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
_ATTEMPTS = 3
_TIMEOUT = 60  # s

_SCRIPT = """axe.run(document, {resultTypes: ['violations'], OPTIONS}).then((found) => found.violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 120)}: ${node.failureSummary}`)))"""
#: The violations of any rule, each as one readable line.
VIOLATIONS = _SCRIPT.replace("OPTIONS", "")
#: The violations that depend on the theme.
CONTRAST_VIOLATIONS = _SCRIPT.replace("OPTIONS", "runOnly: ['color-contrast', 'link-in-text-block']")


class AxeUnavailableError(Exception):
    """The package is not in the folder and cannot be downloaded."""


def axe_script(folder):
    """The script, from the package in the folder. Its hash is checked each time, so a damaged one is replaced."""
    archive = Path(folder) / f"{PACKAGE}.tgz"
    if not archive.exists() or not _is_intact(archive.read_bytes()):
        archive.write_bytes(_downloaded())
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as package:
        return package.extractfile("package/axe.min.js").read().decode()


def _downloaded():
    npm = shutil.which("npm")
    if npm is None:
        raise AxeUnavailableError("npm is not installed")
    for _ in range(_ATTEMPTS):
        with tempfile.TemporaryDirectory() as folder:
            command = [npm, "pack", "--silent", "--ignore-scripts", PACKAGE]
            process = subprocess.run(command, cwd=folder, timeout=_TIMEOUT, capture_output=True, text=True, check=False)
            found = list(Path(folder).glob("*.tgz"))
            if process.returncode == 0 and found:
                content = found[0].read_bytes()
                assert _is_intact(content), f"{PACKAGE} is not the package that was pinned"
                return content
    raise AxeUnavailableError(f"npm pack {PACKAGE}: {process.stderr[-1000:]}")


def _is_intact(content):
    return base64.b64encode(hashlib.sha512(content).digest()).decode() == INTEGRITY
