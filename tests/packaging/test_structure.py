"""Rules of the source that no linter checks; ``make structure`` measures the rest."""

import ast
import importlib.util
import re
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


def test_every_numeric_constant_has_a_comment_with_unit_and_reason():
    places = [
        place
        for path, text in sources().items()
        for place in structure.undocumented_numbers(path.relative_to(ROOT), text)
    ]
    assert places == []


def test_a_numeric_constant_without_a_comment_is_found():
    for assignment, count in (
        ("_SIZE = 5", 1),
        ("_SIZE: int = -5", 1),
        ("SIZE = 5 * 1024", 1),
        ("_WAIT = timedelta(seconds=5)", 1),
        ("_FIRST, _LAST = 0.2, 5.0", 1),
        ("_IS_ON = True", 0),
        ("_NAME = 'a'", 0),
        ("number = 0", 0),
        ("Alias = dict[str, int]", 0),
    ):
        for above, found in (("x = 1", count), ("# it is five", count), ("#: Seconds; enough for a test.", 0)):
            text = f"{above}\n{assignment}\n"
            assert len(list(structure.undocumented_numbers(Path("module.py"), text))) == found, text


SQL = re.compile(
    r"\s*(SELECT\b.*\bFROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA) ", re.DOTALL
)


def test_all_sql_of_the_server_is_in_its_store():
    found = {
        path.relative_to(ROOT / "conductor" / "server").parts[0]
        for path, text in sources().items()
        if path.is_relative_to(ROOT / "conductor" / "server")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    }
    assert found == {"store"}


def test_modules_are_imported_by_a_string_only_in_facades():
    users = {
        path.relative_to(ROOT / "conductor").as_posix()
        for path, text in sources().items()
        if 'import_module("conductor' in text or 'import_module(f"conductor' in text
    }
    assert users <= {"__init__.py", "models/__init__.py", "server/__init__.py", "testing/__init__.py"}


def test_names_of_tests_have_at_most_70_characters():
    names = [
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert names
    assert [name for name in names if len(name) > 70] == []
