"""Run a report on a schedule, every second: python -m examples.workflows.scheduled"""

import time

from conductor import ConductorClient, Workflow
from conductor.workflow import inline

report = Workflow("scheduled_report", input_parameters=["days"])
period = report.add(
    inline("(() => ({from: $.now - $.days * 86400000, to: $.now}))()",
           {"days": report.input.days, "now": report.input["_scheduledTime"]})
)  # fmt: skip
report.returns(period=period.output.result)

SCHEDULE = {
    "name": "scheduled_report_daily",
    "cronExpression": "* * * * * *",  # every second; "0 0 2 * * *" is every night at 2:00
    "startWorkflowRequest": {
        "name": report.name,
        "version": report.version,
        "input": {"days": 1},
        "correlationId": "scheduled_report_daily",
    },
}


def main(client: ConductorClient) -> dict:
    report.register(client, overwrite=True)
    began = time.time() * 1000
    client.schedules.save(SCHEDULE)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = client.workflows.list_by_correlation_id(report.name, SCHEDULE["name"], include_closed=True)
            if fresh := [one for one in found if one.create_time >= began]:
                return client.workflows.wait(fresh[0].workflow_id, timeout=30).output["period"]
            time.sleep(0.5)
        raise TimeoutError("the schedule has started nothing")
    finally:
        client.schedules.delete(SCHEDULE["name"])


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
