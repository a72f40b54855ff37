"""Create the table of the outbox, which holds starts of workflows until they are sent."""

import django.utils.timezone
from django.db import migrations, models

import conductor.contrib.django.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="WorkflowStart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(default=conductor.contrib.django.models.new_key, max_length=255, unique=True),
                ),
                ("workflow", models.CharField(db_index=True, max_length=255)),
                ("correlation_id", models.CharField(blank=True, db_index=True, max_length=255)),
                ("request", models.JSONField()),
                (
                    "status",
                    models.CharField(
                        choices=[("PENDING", "pending"), ("STARTED", "started"), ("REFUSED", "refused by the server")],
                        default="PENDING",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_error", models.TextField(blank=True)),
                ("workflow_id", models.CharField(blank=True, db_index=True, max_length=255)),
            ],
            options={
                "verbose_name": "workflow start",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["status", "due_at"], name="conductor_start_due")],
            },
        ),
    ]
