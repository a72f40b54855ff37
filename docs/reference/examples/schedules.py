"""Run a workflow every night at two o'clock in Berlin."""

from datetime import datetime, timezone

from conductor import ConductorClient, Workflow
from conductor.workflow import noop

report = Workflow("example_report")
report >> noop()

with ConductorClient() as client:
    report.register(client, overwrite=True)
    client.schedules.save(
        {
            "name": "example_nightly",
            "cronExpression": "0 0 2 * * *",
            "zoneId": "Europe/Berlin",
            "startWorkflowRequest": {"name": "example_report", "version": 1},
        }
    )
    client.schedules.pause("example_nightly", "holidays")
    print(client.schedules.get("example_nightly").paused)

    noon = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
    print(
        [
            str(time)
            for time in client.schedules.preview(
                "0 0 2 * * *", start_time=noon, limit=2
            )
        ]
    )
    client.schedules.delete("example_nightly")
