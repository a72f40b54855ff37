"""What the check of cron expressions takes and refuses is what the real scheduler takes and refuses."""

import json
from pathlib import Path

from conductor.clients.schedules import PREVIEW
from conductor.errors import APIStatusError

SAID = json.loads((Path(__file__).parents[1] / "unit" / "clients" / "cron.json").read_text(encoding="utf-8"))


def test_the_scheduler_takes_and_refuses_the_same_expressions(client):
    runs, refused = [], []
    for expression in SAID["runs"] + SAID["refused"]:
        try:
            client.transport.request(PREVIEW, query={"cronExpression": expression, "limit": 1})
        except APIStatusError:
            refused.append(expression)
        else:
            runs.append(expression)

    assert len(runs) > 60
    assert len(refused) > 60
    assert (runs, refused) == (SAID["runs"], SAID["refused"])


def test_the_scheduler_takes_days_that_no_month_has_and_never_runs_them(client):
    def next_times(expression):
        return client.transport.request(PREVIEW, query={"cronExpression": expression, "limit": 1})

    assert [expression for expression in SAID["never"] if next_times(expression)] == []
    assert [expression for expression in SAID["seldom"] if not next_times(expression)] == []
