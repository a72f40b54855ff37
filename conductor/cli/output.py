"""Output of results: tables on a terminal, tab-separated lines in a pipe, JSON on request."""

from __future__ import annotations

import codecs
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import click
from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from conductor._internal.terminal import one_line, printable
from conductor.cli.exits import Misused
from conductor.cli.session import Session
from conductor.models._base import Model
from conductor.models.codec import to_jsonable
from conductor.models.definition_diff import Ensured

__all__ = [
    "confirm",
    "local_time",
    "relative_time",
    "row_of",
    "say",
    "show_ensured",
    "show_json",
    "show_rows",
    "tracked",
    "watch_option",
    "watched",
    "write",
]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

#: Columns whose values people copy: such a value is never wrapped or cut.
_IDS = frozenset({"workflowId", "taskId", "subWorkflowId", "id"})

#: Characters between two columns.
_GAP = 2
#: Characters after which a word may be wrapped in a table.
_MAX_WORD = 24

_AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def tracked(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a progress bar on standard error if that is a terminal.

    Args:
        items: Items that take long to produce or to process.
        what: The label of the bar.
        total: The number of items; None if it is unknown.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)


def say(text: str) -> None:
    """Print a line for people on standard error, apart from the results."""
    click.echo(printable(text), err=True)


def write(text: str, *, newline: bool = True) -> None:
    """Print a result on standard output, without characters that control a terminal."""
    click.echo(printable(text), nl=newline)


def confirm(question: str) -> None:
    """Ask for confirmation on standard error.

    Raises:
        Abort: The answer is no.
        Misused: Standard input has no answer, and is not a terminal.
    """
    try:
        is_confirmed = click.confirm(question, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, EOFError) and not sys.stdin.isatty():
            message = "Nothing was deleted: standard input has no answer. To delete without a confirmation, add --yes."
            raise Misused(message) from None
        raise
    if not is_confirmed:
        raise click.Abort


def show_json(value: Any) -> None:
    """Print a value as JSON; characters that control a terminal are written as escapes of JSON."""
    is_utf8 = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name == "utf-8"
    text = json.dumps(to_jsonable(value), indent=2, ensure_ascii=not is_utf8)
    click.echo(text if text.isascii() else "".join(map(_json_char, text)))


def _json_char(char: str) -> str:
    return char if char == "\n" or printable(char) == char else json.dumps(char)[1:-1]


def show_rows(session: Session, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str = "") -> None:
    """Print rows as a table.

    Args:
        session: Selects the format; JSON has all fields of each row.
        rows: Each row's values by column.
        columns: The columns of the table, in order.
        empty: The message without rows.
    """
    rows = list(rows)
    if session.is_json:
        show_json([dict(row) for row in rows])
    elif not rows and empty:
        say(empty)
    elif sys.stdout.isatty():
        console = Console()
        console.print(_listing(rows, columns, console.width))
    else:
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(_text(row.get(column)) for column in columns))


def row_of(session: Session, one: Model, cells: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row of a list of models; in JSON it also has all fields of the model, with their wire names.

    Args:
        session: Selects the format.
        one: The model.
        cells: The values by column. Times are datetimes, which JSON has in ISO 8601 and a table in local time.
    """
    return {**cells, **one.to_dict()} if session.is_json else cells


def show_ensured(session: Session, result: Ensured) -> None:
    """Print what was created or changed, or what would be with ``--dry-run``."""
    if session.is_json:
        changes = [{"path": one.path, "before": one.before, "after": one.after} for one in result.changes]
        show_json({"name": result.name, "created": result.created, "changes": changes})
    else:
        write(str(result))


def watch_option(function: F) -> F:
    """Add ``--watch`` to a command that shows a list."""
    return click.option(
        "--watch",
        "interval",
        type=click.FloatRange(0.2),
        is_flag=False,
        flag_value=2.0,
        metavar="[SECONDS]",
        help="Show the list again every SECONDS (2) until Ctrl-C.",
    )(function)


def watched(
    session: Session,
    interval: float | None,
    rows: Callable[[], Iterable[Mapping[str, Any]]],
    columns: Sequence[str],
    *,
    empty: str = "",
) -> None:
    """Print rows once, or repeatedly.

    Args:
        session: Selects the format.
        interval: Seconds between two reads; None to print once.
        rows: Reads the rows.
        columns: The columns of the table, in order.
        empty: The message without rows.
    """
    if interval is None:
        show_rows(session, rows(), columns, empty=empty)
        return
    if session.is_json or not sys.stdout.isatty():
        while True:
            show_rows(session, rows(), columns, empty=empty)
            sys.stdout.flush()
            time.sleep(interval)
    with Live(console=Console(), auto_refresh=False, screen=False) as live:
        while True:
            found = list(rows())
            listing = _listing(found, columns, live.console.width) if found else Text(empty)
            live.update(listing, refresh=True)
            time.sleep(interval)


def _listing(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], width: int) -> Table | Group:
    """Return a table, or one block of lines for each row if a table would be wider than the terminal."""
    cells = [[_text(row.get(column)) for column in columns] for row in rows]
    used = [at for at in range(len(columns)) if not rows or any(line[at] for line in cells)]
    names = [columns[at] for at in used]
    cells = [[line[at] for at in used] for line in cells]
    narrowest = sum(_narrowest(name, [line[at] for line in cells]) + _GAP for at, name in enumerate(names)) - _GAP
    return _table(cells, names) if narrowest <= width else _blocks(cells, names)


def _narrowest(column: str, values: Sequence[str]) -> int:
    """Return the width at which a column is still readable: ids are never wrapped, other values between words."""
    if column in _IDS:
        return max(map(cell_len, (column, *values)))
    words = (word for text in (column, *values) for word in text.split())
    return min(_MAX_WORD, max(map(cell_len, words), default=0))


def _blocks(cells: Iterable[Sequence[str]], columns: Sequence[str]) -> Group:
    blocks: list[Text] = []
    size = max(map(len, columns))
    for line in cells:
        blocks += [Text()] if blocks else []
        for column, value in zip(columns, line, strict=True):
            if value:
                blocks.append(Text.assemble((f"{column:{size}}  ", "bold"), value, overflow="fold"))
    return Group(*blocks)


def _table(cells: Iterable[Sequence[str]], columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        if column in _IDS:
            table.add_column(column, no_wrap=True, overflow="ignore")
        else:
            table.add_column(column, overflow="fold")
    for line in cells:
        table.add_row(*map(Text, line))
    return table


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return relative_time(value)
    return one_line(str(value))


def local_time(moment: datetime | None) -> str:
    """Return a moment in this machine's time zone, to the second; an empty string for None."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def relative_time(moment: datetime | None, now: datetime | None = None) -> str:
    """Return a moment in local time with its distance from now, as ``2026-01-31 18:30:00 (5 min ago)``."""
    if moment is None:
        return ""
    distance = (now or datetime.now(timezone.utc)) - moment
    size = abs(distance).total_seconds()
    count, unit = next(((int(size // seconds), unit) for seconds, unit in _AGES if size >= seconds), (0, "s"))
    words = f"{count} {unit} ago" if distance >= timedelta(0) else f"in {count} {unit}"
    return f"{local_time(moment)} ({words})"
