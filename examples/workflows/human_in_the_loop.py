"""Deploy only after a person has approved: python -m examples.workflows.human_in_the_loop"""

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import human, simple, terminate


@worker_task("human_deploy")
def deploy(version: str, approved_by: str) -> str:
    return f"{version} is live, said {approved_by}"


release = Workflow("human_release", input_parameters=["version"])
approval = release.add(human({"version": release.input.version}, ref="approval"))
with release.switch(approval.output.approved) as answer:
    with answer.case(True):
        live = release.add(simple(deploy, version=release.input.version, approved_by=approval.output.by))
    with answer.default():
        release >> terminate("FAILED", f"refused by {approval.output.by}")
release.returns(text=live.output.result)


def decide(client: ConductorClient, workflow_id: str, *, approved: bool, by: str) -> None:
    """Complete the human task, as a web page with two buttons would."""
    client.tasks.update_by_reference_name(workflow_id, "approval", output={"approved": approved, "by": by})


def main(client: ConductorClient) -> list[str | None]:
    with TaskHandler(client, workers=[deploy]):
        good, bad = (release.start(client, {"version": version}) for version in ("1.4", "1.5"))
        decide(client, good, approved=True, by="ann")
        decide(client, bad, approved=False, by="bob")
        ended = [client.workflows.wait(workflow_id, timeout=60) for workflow_id in (good, bad)]
        return [one.output.get("text") or one.reason_for_incompletion for one in ended]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
