"""The search for human tasks: which entries match the conditions of a ``HumanTaskSearch``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from conductor.models.codec import dumps
from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.json_fields import Reader, integer, list_of, long, one_of, read, record, string
from conductor.server.engine.query import matches_wildcards
from conductor.server.engine.state import plain_reference
from conductor.server.orkes.human_records import (
    ASSIGNED,
    COMPLETED,
    DELETED,
    IN_PROGRESS,
    PENDING,
    TIMED_OUT,
    USER_TYPES,
)

Json = dict[str, Any]

#: The kinds of searches: all tasks, and those of the caller.
ADMIN, INBOX = "ADMIN", "INBOX"
#: Default and maximum number of results on a page, as in Orkes' clients.
_PAGE_SIZE, _MAX_PAGE_SIZE = 15, 5000
_USERS = list_of(record({"user": string, "userType": one_of(*USER_TYPES)}))
_SEARCH: Mapping[str, Reader] = {
    "searchType": one_of(ADMIN, INBOX),
    "start": integer,
    "size": integer,
    "states": list_of(one_of(PENDING, ASSIGNED, IN_PROGRESS, COMPLETED, TIMED_OUT, DELETED)),
    "assignees": _USERS,
    "claimants": _USERS,
    "definitionNames": list_of(string),
    "displayNames": list_of(string),
    "taskRefNames": list_of(string),
    "workflowNames": list_of(string),
    "workflowIds": list_of(string),
    "fullTextQuery": string,
    "taskInputQuery": string,
    "taskOutputQuery": string,
    "updateStartTime": long,
    "updateEndTime": long,
}
#: Lists of a search, and the field of an entry whose value must be in the list.
_LISTS = {
    "states": "state",
    "definitionNames": "definitionName",
    "displayNames": "displayName",
    "taskRefNames": "taskRefName",
    "workflowNames": "workflowName",
    "workflowIds": "workflowId",
}
_CONDITION = re.compile(r"([^\s=()]+)\s*(?:=(.*)|IN\s*\((.*)\))", re.DOTALL)
_OR, _AND = " OR ", " AND "


@frozen
class HumanSearch:
    """A search for human tasks.

    Attributes:
        kind: ``ADMIN`` for all tasks, ``INBOX`` for those of the caller; None, as the JavaScript SDK sends it, for all
            that the caller may search.
        start: Position of the first result.
        size: Maximum number of results on the page.
        conditions: The body of the request.
    """

    kind: str | None
    start: int
    size: int
    conditions: Json

    @classmethod
    def read(cls, given: Json) -> HumanSearch:
        """Return the search of a request's body.

        Raises:
            RefusedError: A field has another type (500, as for all JSON of another type), a number is negative, or a
                query is invalid (400).
        """
        found = read(given, _SEARCH)
        start, size = found.get("start") or 0, found.get("size")
        size = _PAGE_SIZE if size is None else size
        if start < 0 or size < 0:
            raise RefusedError(400, "start and size must not be negative")
        for key in ("taskInputQuery", "taskOutputQuery"):
            _alternatives(found.get(key) or "")
        return cls(found.get("searchType"), start, min(size, _MAX_PAGE_SIZE), found)

    def matches(self, entry: Json) -> bool:
        """Return whether an entry fulfills all conditions."""
        given = self.conditions
        for key, name in _LISTS.items():
            found = {entry.get(name)}
            if key == "taskRefNames":  # also without the iteration of a loop
                found.add(plain_reference(entry[name]))
            if given.get(key) and found.isdisjoint(given[key]):
                return False
        for key, name in (("assignees", "assignee"), ("claimants", "claimant")):
            if given.get(key) and not any(_is_user(wanted or {}, entry.get(name)) for wanted in given[key]):
                return False
        if not (given.get("updateStartTime") or 0) <= entry["updatedOn"] <= (given.get("updateEndTime") or 2**63):
            return False
        return (
            _fulfills(given.get("taskInputQuery") or "", entry["input"])
            and _fulfills(given.get("taskOutputQuery") or "", entry["output"])
            and _has_text(given.get("fullTextQuery") or "", entry)
        )

    def page(self, entries: list[Json]) -> Json:
        """Return the page of the entries that match, the newest first."""
        found = sorted(filter(self.matches, entries), key=lambda one: int(one["createdOn"]), reverse=True)
        page = found[self.start : self.start + self.size]
        return {
            "totalHits": len(found),
            "results": page,
            "hits": len(page),
            "start": self.start,
            "pageSizeLimit": self.size,
        }


def require_kind(given: str | None) -> str:
    """Return the search type.

    Raises:
        RefusedError: It is missing or unknown (400).
    """
    if given not in {ADMIN, INBOX}:
        raise RefusedError(400, f"searchType must be {ADMIN} or {INBOX}")
    return given


def _is_user(wanted: Json, user: Json | None) -> bool:
    if user is None or wanted.get("userType") not in {None, user["userType"]}:
        return False
    return not wanted.get("user") or _matches(wanted["user"], user["user"])


def _matches(pattern: str, text: str) -> bool:
    """Return whether a value matches, ignoring case; ``*`` in the pattern matches any characters."""
    return matches_wildcards(pattern, text) if "*" in pattern else pattern.lower() == text.lower()


def _alternatives(query: str) -> list[list[tuple[str, list[str]]]]:
    """Return the parsed query: alternatives of conditions, each a field and its values."""
    if not query.strip():
        return []
    return [[_condition(part) for part in one.split(_AND)] for one in query.split(_OR)]


def _condition(text: str) -> tuple[str, list[str]]:
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        raise RefusedError(400, f"Invalid condition: {text!r}. Use FIELD = VALUE or FIELD IN (VALUE, VALUE)")
    name, value, several = found.groups()
    return name, [one.strip().strip("'\"") for one in (several.split(",") if value is None else [value])]


def _fulfills(query: str, values: Json) -> bool:
    alternatives = _alternatives(query)
    return not alternatives or any(
        all(any(_matches(one, _text_at(values, name)) for one in wanted) for name, wanted in parts)
        for parts in alternatives
    )


def _text_at(values: Any, path: str) -> str:
    """Return the text of a field; dots in its name separate the fields of nested objects."""
    if isinstance(values, dict) and path in values:
        return java_text(values[path])
    first, _, rest = path.partition(".")
    return _text_at(values[first], rest) if rest and isinstance(values, dict) and first in values else ""


def _has_text(query: str, entry: Json) -> bool:
    if not query.strip() or query.strip() == "*":
        return True
    text = dumps(entry).decode().lower()
    words: list[str] = re.findall(r"[^\s\"{}\[\],:]+", text) if "*" in query else []

    def contains(term: str) -> bool:
        wanted = term.strip().strip("'\"").lower()
        return any(matches_wildcards(wanted, word) for word in words) if "*" in wanted else wanted in text

    return any(all(map(contains, part.split(_AND))) for part in query.split(_OR))
