"""What the real server has as an option: the message queue of a workflow, secrets, the environment."""

from kit import scenario


def pull(reference, **given):
    kind = "PULL_WORKFLOW_MESSAGES"
    return {"name": reference, "taskReferenceName": reference, "type": kind, "inputParameters": given}


def inline(reference, expression, **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, **parameters}
    return {"name": reference, "taskReferenceName": reference, "type": "INLINE", "inputParameters": given}


def payloads(task):
    """A message's id and time differ from run to run."""
    output = task["outputData"]
    found = [sorted(one) for one in output.get("messages", [])]
    return task["status"], found, [one["payload"] for one in output.get("messages", [])], output.get("count")


@scenario(kind="full")
def messages_wait_for_their_task(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(), pull("p", batchSize=2), pull("q", batchSize=2))
    sent = [lab.post(f"/workflow/{workflow_id}/messages", {"n": n}) for n in range(3)]
    lab.work()
    first = payloads(lab.until_task(workflow_id, "p", "COMPLETED"))
    second = payloads(lab.until_task(workflow_id, "q", "COMPLETED"))
    lab.end(workflow_id)
    late = lab.post(f"/workflow/{workflow_id}/messages", {"n": 9}).seen()
    return [[(one.status, one.kind) for one in sent], first, second, late]


@scenario(kind="full")
def a_task_waits_for_its_message(lab):
    workflow_id = lab.run(pull("p"))
    waiting = lab.until_task(workflow_id, "p", "IN_PROGRESS")["status"]
    lab.post(f"/workflow/{workflow_id}/messages", {"deep": {"er": [1]}})
    return [waiting, payloads(lab.until_task(workflow_id, "p", "COMPLETED")), lab.end(workflow_id)["status"]]


@scenario(kind="full")
def a_message_nobody_can_get(lab):
    return lab.post("/workflow/00000000-0000-4000-8000-000000000000/messages", {"n": 1}).seen()


@scenario(kind="full")
def secrets_and_environment_in_expressions(lab):
    given = {
        "key": "${workflow.secrets.API_KEY}",
        "text": "Bearer ${workflow.secrets.API_KEY}",
        "region": "${workflow.env.REGION}",
        "none": "${workflow.env.NOWHERE}",
    }
    return lab.end(lab.run(inline("i", "$.region + ($.key === 's3cret') + $.text.length", **given)))


@scenario(kind="full")
def a_worker_gets_the_secret(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(inputParameters={"key": "${workflow.secrets.API_KEY}"}))
    polled = lab.work()["inputData"]
    return [polled, lab.end(workflow_id)]


@scenario(kind="full")
def the_stores_over_http(lab):
    paths = ["/secrets/API_KEY", "/secrets/API_KEY/exists", "/secrets/NONE/exists", "/environment/REGION"]
    seen = [lab.get(path).seen() for path in [*paths, "/secrets/v2", "/environment/NONE"]]
    names = [one["name"] for one in lab.get("/environment").json]
    return [seen, "REGION" in names, "API_KEY" in lab.get("/secrets").json]
