"""JDBC: SQL statements against SQLite databases, which integrations name."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Any

Json = dict[str, Any]

#: Prefix of the address of a SQLite database.
_PREFIX = "jdbc:sqlite:"
#: Keys of an integration that can have the address.
_ADDRESSES = ("datasourceURL", "jdbcUrl", "url", "endpoint")
#: Rows that a statement returns at most.
_MAX_ROWS = 10_000
#: Seconds that a statement may take, and the steps of SQLite's machine between two looks at the clock.
_MAX_SECONDS, _STEPS = 30.0, 10_000


class SqlError(Exception):
    """A statement failed; the message is the reason.

    Attributes:
        output: The output of the task.
    """

    def __init__(self, reason: str, output: Json | None = None) -> None:
        super().__init__(reason)
        self.output: Json = output or {}


def run_sql(settings: Json, given: Json) -> Json:
    """Run the statement of a JDBC task.

    Args:
        settings: The integration with the address of the database: ``jdbc:sqlite:/path``.
        given: The input of the task.

    Returns:
        The output: the rows of a SELECT in ``result``, otherwise the number of changed rows in ``update_count``.

    Raises:
        SqlError: The database is not SQLite, the statement failed, or it changed another number of rows than expected.
    """
    address = next((str(settings[key]) for key in _ADDRESSES if settings.get(key)), "")
    if not address.startswith(_PREFIX):
        raise SqlError("The embedded server runs JDBC tasks on SQLite only: the address must begin with jdbc:sqlite:")
    statement, parameters = given.get("statement"), given.get("parameters") or []
    if not isinstance(statement, str) or not statement.strip():
        raise SqlError("The JDBC task has no statement")
    if not isinstance(parameters, list):
        raise SqlError("The parameters of a JDBC task must be a list")
    try:
        with closing(sqlite3.connect(address.removeprefix(_PREFIX), timeout=5, isolation_level=None)) as database:
            until = time.monotonic() + _MAX_SECONDS
            database.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
            database.set_authorizer(_authorize)
            database.row_factory = sqlite3.Row
            database.execute("BEGIN")
            cursor = database.execute(statement, parameters)
            if given.get("type") == "SELECT":
                output: Json = {"result": [dict(row) for row in cursor.fetchmany(_MAX_ROWS)]}
            else:
                output = {"update_count": max(cursor.rowcount, 0)}
                _check_count(given, output)
            database.execute("COMMIT")
            return output
    except (sqlite3.Error, sqlite3.Warning, TypeError, OverflowError) as error:
        raise SqlError(f"The statement failed: {error}") from None


def _authorize(action: int, *_: Any) -> int:
    """Refuse statements that reach other files: ATTACH, and VACUUM INTO, which uses it."""
    return sqlite3.SQLITE_DENY if action in {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH} else sqlite3.SQLITE_OK


def _check_count(given: Json, output: Json) -> None:
    for name in ("expectedUpdateCount", "expectedOutputCount"):
        expected, count = given.get(name), output["update_count"]
        if expected is not None and str(expected) != str(count):
            raise SqlError(f"Update count {count} does not match with expected update count {expected}", output)
