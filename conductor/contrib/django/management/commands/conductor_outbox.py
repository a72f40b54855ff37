"""``manage.py conductor_outbox``: deliver the outbox once, for cron jobs and projects without worker processes."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from conductor.contrib.django.configuration import django_options
from conductor.contrib.django.models import WorkflowStart
from conductor.contrib.django.outbox import deliver_due, retry


class Command(BaseCommand):
    """Delivers the starts that are due."""

    help = "Deliver the starts that are due. Exit status 1 if starts still wait or were refused."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of ``manage.py conductor_outbox``."""
        parser.add_argument("--retry", action="store_true", help="retry waiting and refused starts now")
        parser.add_argument(
            "--prune", type=float, metavar="DAYS", help="delete entries started more than DAYS days ago"
        )

    def handle(self, **options: Any) -> None:
        """Deliver, and print the remaining counts."""
        databases = django_options().outbox_databases
        entries = [WorkflowStart.objects.using(database) for database in databases]
        if options["retry"]:
            for each in entries:
                retry(each.all())
        started = deliver_due()
        waiting = sum(each.filter(status=WorkflowStart.Status.PENDING).count() for each in entries)
        refused = sum(each.filter(status=WorkflowStart.Status.REFUSED).count() for each in entries)
        if options["prune"] is not None:
            before = timezone.now() - timedelta(days=options["prune"])
            for each in entries:
                each.filter(status=WorkflowStart.Status.STARTED, started_at__lt=before).delete()
        self.stdout.write(f"{started} started, {waiting} waiting, {refused} refused")
        if waiting or refused:
            raise SystemExit(1)
