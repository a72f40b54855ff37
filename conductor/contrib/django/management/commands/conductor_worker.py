"""``manage.py conductor_worker``: run the declared workers until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import contextlib
import os
from typing import Any

from django.conf import settings as django_settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import autoreload

from conductor.contrib.django.configuration import django_options
from conductor.contrib.django.handler import make_handler
from conductor.contrib.django.outbox import running_relay
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.worker.handler import TaskHandler

#: Exit status for an invalid configuration, which a restart does not fix.
_MISCONFIGURED = 2


class Command(BaseCommand):
    """Runs the workers that tasks.py and workers.py of the installed apps declare."""

    help = "Run the workers of tasks.py and workers.py until SIGTERM or SIGINT; running tasks are finished first."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of ``manage.py conductor_worker``."""
        add = parser.add_argument
        add("--only", action="append", default=[], metavar="NAME", help="a task type; repeatable (default: all)")
        add("--processes", type=int, help="the number of processes; more than one is for functions that need the CPU")
        add("--threads", type=int, dest="thread_count", metavar="N", help="the number of concurrent tasks per type")
        add("--domain", help="the domain to poll")
        add("--health-port", type=int, metavar="PORT", help="serve /livez, /readyz and /metrics on this port")
        add("--grace", type=float, dest="grace_seconds", metavar="S", help="seconds to let running tasks finish")
        add("--reload", action=argparse.BooleanOptionalAction, help="restart when code changes (default: with DEBUG)")
        add(
            "--outbox",
            action=argparse.BooleanOptionalAction,
            help="deliver the outbox (default: CONDUCTOR['OUTBOX'])",
        )

    def handle(self, **options: Any) -> None:
        """Run the workers of the installed apps until a signal stops them."""
        names = ("processes", "thread_count", "domain", "health_port", "grace_seconds")
        arguments = {name: options[name] for name in names if options[name] is not None}
        try:
            handler = make_handler(options["only"], **arguments)
            configured = django_options()
        except (ConfigurationError, WorkerRegistrationError, TypeError) as error:
            raise CommandError(str(error), returncode=_MISCONFIGURED) from error
        relays = configured.outbox if options["outbox"] is None else options["outbox"]
        reloads = django_settings.DEBUG if options["reload"] is None else options["reload"]
        relay = running_relay(configured.outbox_interval_seconds) if relays else contextlib.nullcontext()
        types = sorted({worker.name for worker in _workers(handler)})
        if not reloads or os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true":  # not in the parent
            self.stdout.write(f"Running workers for {', '.join(types)}")
            self.stdout.flush()
        if reloads:
            _run_reloading(handler, relay)
            return
        with relay:
            handler.run()


def _workers(handler: TaskHandler) -> list[Any]:
    try:
        return handler.workers
    except WorkerRegistrationError as error:
        raise CommandError(str(error), returncode=_MISCONFIGURED) from error


def _run_reloading(handler: TaskHandler, relay: contextlib.AbstractContextManager[Any]) -> None:
    """Run in a child process of Django's reloader; running tasks are finished before a restart."""

    def work() -> None:
        with relay:
            handler.start()
            handler.join()

    try:
        autoreload.run_with_reloader(work)
    finally:
        handler.stop()
