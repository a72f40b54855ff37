"""The vocabulary of permissions: accesses, kinds of targets and kinds of subjects."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import RefusedError

Json = dict[str, Any]

#: The accesses that a subject can have on a target.
ACCESS = ("READ", "CREATE", "UPDATE", "EXECUTE", "DELETE")
READ, CREATE, UPDATE, EXECUTE, DELETE = ACCESS
#: The kinds of objects that grants can name.
TARGETS = (
    "WORKFLOW", "WORKFLOW_DEF", "WORKFLOW_SCHEDULE", "EVENT_HANDLER", "TASK_DEF", "TASK_REF_NAME", "TASK_ID",
    "APPLICATION", "USER", "SECRET_NAME", "ENV_VARIABLE", "TAG", "DOMAIN", "INTEGRATION_PROVIDER", "INTEGRATION",
    "PROMPT", "USER_FORM_TEMPLATE", "SCHEMA", "CLUSTER_CONFIG", "WEBHOOK",
)  # fmt: skip
#: The kinds of subjects of permissions. A TAG means every principal with the tag.
SUBJECTS = ("USER", "ROLE", "GROUP", "TAG")


def read_reference(given: Any, field: str, kinds: tuple[str, ...]) -> tuple[str, str]:
    """Return type and id of a ``subject`` or a ``target``.

    Raises:
        RefusedError: The type is unknown, or the id is missing (400).
    """
    if not isinstance(given, dict) or not isinstance(given.get("id"), str) or not given["id"]:
        raise RefusedError(400, f"{field} must have a type and an id")
    return read_kind(given.get("type"), field, kinds), given["id"]


def read_kind(given: Any, field: str, kinds: tuple[str, ...]) -> str:
    """Return a type in capitals.

    Raises:
        RefusedError: The type is unknown (400).
    """
    if not isinstance(given, str) or given.upper() not in kinds:
        raise RefusedError(400, f"The type {given!r} of {field} is unknown; it must be one of {', '.join(kinds)}")
    return given.upper()


def read_access(given: Any) -> list[str]:
    """Return the accesses of a body, a list of words in any case.

    Raises:
        RefusedError: A word is unknown or missing (400).
    """
    if not isinstance(given, list) or not given:
        raise RefusedError(400, "access must be a list of permissions")
    for word in given:
        if not isinstance(word, str) or word.upper() not in ACCESS:
            raise RefusedError(400, f"The access {word!r} is unknown; it must be one of {', '.join(ACCESS)}")
    return [word.upper() for word in given]
