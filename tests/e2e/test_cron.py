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
