"""How answers are shown: tables on a terminal, tabs where they are piped, JSON where it is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from conductor.cli.session import Session
from conductor.clients.ensure import Ensured
from conductor.models.codec import to_jsonable

__all__ = ["local_time", "say", "show_ensured", "show_json", "show_rows", "tracked"]


T = TypeVar("T")


def tracked(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The same items, with a bar on standard error while they come.

    Args:
        items: What takes long to make, or to work on.
        what: Said beside the bar.
        total: How many there will be; None where that is not known.
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
    """A line for people, kept out of what is piped."""
    click.echo(text, err=True)


def show_json(value: Any) -> None:
    """A value as JSON."""
    click.echo(json.dumps(to_jsonable(value), indent=2, ensure_ascii=False))


def show_rows(session: Session, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str = "") -> None:
    """Rows as a table.

    Args:
        session: Says whether JSON is asked for; that has all of each row.
        rows: By column.
        columns: Which to show, in this order.
        empty: What to say where there are none.
    """
    rows = list(rows)
    if session.is_json:
        show_json([dict(row) for row in rows])
    elif not rows and empty:
        say(empty)
    elif sys.stdout.isatty():
        Console().print(_table(rows, columns))
    else:
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(_text(row.get(column)) for column in columns))


def show_ensured(session: Session, result: Ensured) -> None:
    """What was created or changed, or would be."""
    if session.is_json:
        changes = [{"path": one.path, "before": one.before, "after": one.after} for one in result.changes]
        show_json({"name": result.name, "created": result.created, "changes": changes})
    else:
        click.echo(str(result))


def _table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    return table


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return local_time(value)
    return " ".join(str(value).split())


def local_time(moment: datetime | None) -> str:
    """A moment in this machine's zone, to the second."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
