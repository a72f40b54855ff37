import json
import shlex
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from conductor._internal import installation
from conductor._internal.installation import install_command

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGINS = [  # direct_url.json of the installed package, and the command
    ({"url": "file:///src/my%20sdk", "dir_info": {"editable": True}}, ["-e", "/src/my sdk[cli]"]),
    ({"url": "file:///src/sdk", "dir_info": {}}, ["conductor-sdk[cli] @ file:///src/sdk"]),
    (
        {"url": "file:///w/conductor_sdk-1.whl", "archive_info": {}},
        ["conductor-sdk[cli] @ file:///w/conductor_sdk-1.whl"],
    ),
    (
        {"url": "https://git.example.com/sdk.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
        [f"conductor-sdk[cli] @ git+https://git.example.com/sdk.git@{COMMIT}"],
    ),
    (None, ["conductor-sdk[cli]"]),
    ("damaged", ["conductor-sdk[cli]"]),
    ({}, ["conductor-sdk[cli]"]),
]


@pytest.fixture
def installed_from(monkeypatch):
    def change(text):
        monkeypatch.setattr(
            metadata, "distribution", lambda name: SimpleNamespace(read_text={"direct_url.json": text}.get)
        )

    return change


def test_install_command_repeats_where_the_package_came_from(installed_from):
    for origin, words in ORIGINS:
        installed_from(json.dumps(origin) if isinstance(origin, dict) else origin)
        assert shlex.split(install_command("cli", platform="linux")) == ["pip", "install", *words], origin


def test_install_command_is_quoted_for_the_windows_console(installed_from):
    installed_from(json.dumps({"url": "file:///src/sdk", "dir_info": {}}))
    assert install_command("cli", platform="win32") == 'pip install "conductor-sdk[cli] @ file:///src/sdk"'


def test_install_command_names_the_source_folder_if_nothing_is_installed(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    root = Path(installation.__file__).parents[2]
    assert shlex.split(install_command("server", platform="linux")) == ["pip", "install", f"{root}[server]"]
    assert (root / "setup.cfg").is_file()


def test_no_other_module_spells_out_how_to_install():
    for path in (Path(installation.__file__).parents[1]).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "installation.py" or "pip install" not in text, path
