"""Use the task context, and run longer than the response timeout: python -m examples.workers.in_context

The export runs longer than its response timeout; with lease_extension the handler extends the lease in time. The report
waits for an external result: the server dispatches it again later, and no thread is blocked in the meantime.
"""

import time

from conductor import ConductorClient, TaskHandler, TaskInProgress, Workflow, get_task_context, worker_task
from conductor.workflow import simple


@worker_task("context_export", lease_extension=True, task_def={"responseTimeoutSeconds": 2, "timeoutSeconds": 60})
def export(rows: int) -> dict:
    context = get_task_context()
    context.log("attempt %d of %s", context.retry_count + 1, context.reference_name)
    for part in range(rows):
        if context.stop_requested:  # the handler is stopping: end cleanly
            raise RuntimeError(f"stopped after {part} rows")
        time.sleep(0.6)
    return {"rows": rows}


@worker_task("context_report")
def report() -> TaskInProgress | dict:
    context = get_task_context()
    if context.poll_count < 3:
        return TaskInProgress(callback_after_seconds=1, output={"asked": context.poll_count})
    return {"asked": context.poll_count}


work = Workflow("context_work", input_parameters=["rows"])
exported = work.add(simple(export, ref="export", rows=work.input.rows))
reported = work.add(simple(report, ref="report"))
work.returns(rows=exported.output.rows, asked=reported.output.asked)


def main(client: ConductorClient) -> tuple[dict, list[str | None]]:
    work.register(client, overwrite=True, task_defs=True)
    with TaskHandler(client, workers=[export, report]):
        run = work.run(client, {"rows": 4}, timeout=90)
    task = run.task("export")
    return run.output, [line.log for line in client.tasks.list_logs(task.task_id)]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
