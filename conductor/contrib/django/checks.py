"""System checks of ``settings.CONDUCTOR``, run by ``manage.py check`` and before most commands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  Django's names

from conductor.contrib.django.configuration import conductor_settings, django_options
from conductor.contrib.django.handler import make_handler
from conductor.errors import ConductorError, ConfigurationError

__all__ = ["check_deployment", "check_settings"]


def check_settings(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """Check ``settings.CONDUCTOR`` without a request to the server."""
    try:
        conductor_settings()
        options = django_options()
    except ConfigurationError as error:
        return [_error(error, "E001")]
    unknown = [name for name in options.outbox_databases if name not in django_settings.DATABASES]
    if unknown:
        return [
            Error(
                f"CONDUCTOR['OUTBOX_DATABASES'] names {', '.join(unknown)}, which are not in DATABASES.",
                hint=f"Known databases: {', '.join(django_settings.DATABASES)}.",
                id="conductor.E003",
            )
        ]
    try:
        make_handler()
    except (ConductorError, TypeError) as error:
        return [_error(error, "E002", "CONDUCTOR['WORKER'] takes the arguments of TaskHandler. ")]
    return []


def check_deployment(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """Check for settings that are unsuitable for production (``manage.py check --deploy``)."""
    try:
        settings = conductor_settings()
    except ConfigurationError:
        return []  # check_settings reports it
    found: list[CheckMessage] = []
    if not _names_a_server():
        found.append(
            Warning(
                f"No Conductor server is configured; {settings.server_url} is used.",
                hint="Set CONDUCTOR['SERVER_URL'] or the environment's CONDUCTOR_SERVER_URL.",
                id="conductor.W001",
            )
        )
    if not settings.verify:
        found.append(
            Warning("The Conductor server's certificate is not verified.", hint="Set ca_bundle.", id="conductor.W002")
        )
    return found


def _names_a_server() -> bool:
    given = getattr(django_settings, "CONDUCTOR", {})
    return bool(given.get("SERVER_URL") or os.environ.get("CONDUCTOR_SERVER_URL", "").strip())


def _error(error: Exception, number: str, before: str = "") -> Error:
    allowed = error.allowed if isinstance(error, ConfigurationError) else ""
    return Error(f"{before}{error}", hint=f"Allowed: {allowed}" if allowed else None, id=f"conductor.{number}")
