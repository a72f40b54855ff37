"""Rules of the source that no linter checks; ``make structure`` measures the rest."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("structure", ROOT / "tools" / "structure.py")
structure = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(structure)


def sources():
    return {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "conductor").rglob("*.py"))}


def test_every_broad_except_has_a_comment_that_says_why():
    places = [place for path, text in sources().items() for place in structure.broad_excepts(path, text)]
    assert places == []


def test_a_broad_except_without_a_comment_is_found():
    for clause in ("except Exception:", "except BaseException as error:", "except:", "except (OSError, Exception):"):
        for comment, count in (
            ("", 1),
            ("  # noqa: BLE001", 1),
            ("  # user code", 0),
            ("  # noqa: S110  user code", 0),
        ):
            text = f"x = 1\n\ntry:\n    pass\n{clause}{comment}\n    pass\n"
            assert len(list(structure.broad_excepts(Path("module.py"), text))) == count, text


def test_modules_are_imported_by_a_string_only_in_facades():
    users = {
        path.relative_to(ROOT / "conductor").as_posix()
        for path, text in sources().items()
        if 'import_module("conductor' in text or 'import_module(f"conductor' in text
    }
    assert users <= {"__init__.py", "models/__init__.py", "server/__init__.py", "testing/__init__.py"}
