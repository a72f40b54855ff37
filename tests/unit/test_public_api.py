"""The public API: what the documented modules export, compared with the checked-in list."""

import importlib
from pathlib import Path

LIST = Path(__file__).with_name("public_api.txt")
MODULES = (
    "conductor",
    "conductor.errors",
    "conductor.models",
    "conductor.server",
    "conductor.settings",
    "conductor.testing",
    "conductor.webhook",
    "conductor.workflow",
)


def exported():
    return [f"{name}.{each}" for name in MODULES for each in sorted(importlib.import_module(name).__all__)]


def test_exported_names_equal_the_checked_in_list():
    assert exported() == LIST.read_text(encoding="utf-8").split()


def test_every_exported_name_exists():
    for name in MODULES:
        module = importlib.import_module(name)
        assert [each for each in module.__all__ if not hasattr(module, each)] == []
