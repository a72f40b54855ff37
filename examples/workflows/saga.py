"""Undo completed steps in reverse order when a later step fails: python -m examples.workflows.saga"""

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import simple, terminate

log: list[str] = []


@worker_task("saga_deploy")
def deploy(part: str, version: str) -> dict[str, str]:
    log.append(f"deploy {part} {version}")
    return {"part": part, "before": "1.0"}


@worker_task("saga_roll_back")
def roll_back(part: str, to: str) -> None:
    log.append(f"roll back {part} to {to}")


@worker_task("saga_check")
def check(version: str) -> str:
    return "HEALTHY" if version != "broken" else "UNHEALTHY"


deployment = Workflow("saga_deployment", input_parameters=["version"])
done = [deployment.add(simple(deploy, part=part, version=deployment.input.version)) for part in ("firmware", "webapp")]
health = deployment.add(simple(check, version=deployment.input.version))
with deployment.switch(health.output.result) as outcome, outcome.case("UNHEALTHY"):
    for step in reversed(done):
        deployment >> simple(roll_back, part=step.output.part, to=step.output.before)
    deployment >> terminate("FAILED", f"{deployment.input.version} is unhealthy and was rolled back")
deployment.returns(version=deployment.input.version)


def main(client: ConductorClient) -> tuple[str, list[str]]:
    log.clear()
    with TaskHandler(client, workers=[deploy, roll_back, check]):
        workflow_id = deployment.start(client, {"version": "broken"})
        return str(client.workflows.wait(workflow_id, timeout=60).status), log


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
