"""Run one of a list of programs, without a shell: python -m examples.workers.shell"""

import subprocess
import sys

from conductor import ConductorClient, NonRetryableError, TaskHandler, Workflow, worker_task
from conductor.workflow import simple

PROGRAMS = {"count": [sys.executable, "-c", "import sys; print(len(sys.argv) - 1)"]}


@worker_task("shell_run")
def run(program: str, arguments: list[str]) -> dict:
    if program not in PROGRAMS:  # do not trust the input: it must not choose an arbitrary program
        raise NonRetryableError(f"unknown program {program!r}; allowed: {', '.join(PROGRAMS)}")
    command = [*PROGRAMS[program], *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # one of PROGRAMS
    return {"printed": done.stdout.strip()}


job = Workflow("shell_job", input_parameters=["arguments"])
printed = job.add(simple(run, program="count", arguments=job.input.arguments))
job.returns(printed=printed.output.printed)


def main(client: ConductorClient) -> str:
    with TaskHandler(client, workers=[run]):
        return job.run(client, {"arguments": ["a", "b; rm c"]}, timeout=60).output["printed"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
