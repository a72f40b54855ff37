import os
from flask import Flask, jsonify, request

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.api_client import ApiClient
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

SERVER = os.getenv("CONDUCTOR_SERVER_URL", "http://localhost:8080/api")
KEY = os.getenv("KEY")

app = Flask(__name__)
config = Configuration(
    server_api_url=SERVER,
    debug=False,
    authentication_settings=AuthenticationSettings(key_id=KEY, key_secret=os.getenv("SECRET")) if KEY else None,
)
workflow_client = OrkesWorkflowClient(config)
task_client = OrkesTaskClient(configuration=config)


@app.route("/book", methods=["POST"])
def book():
    req = StartWorkflowRequest()
    req.name = "booking"
    req.version = 1
    req.input = request.get_json()
    req.correlation_id = "booking-1"
    try:
        workflow_id = workflow_client.start_workflow(req)
    except ApiException as e:
        return jsonify({"error": e.reason, "code": e.status}), 500
    return jsonify({"id": workflow_id})


@app.route("/status/<workflow_id>")
def status(workflow_id):
    wf = workflow_client.get_workflow(workflow_id, include_tasks=True)
    last = wf.tasks[-1]
    return jsonify({"status": wf.status, "task": last.reference_task_name, "out": wf.output, "id": wf.workflow_id})


@app.route("/approve/<workflow_id>", methods=["POST"])
def approve(workflow_id):
    task_client.update_task_by_ref_name(
        workflow_id=workflow_id, task_ref_name="approve", status=TaskResultStatus.COMPLETED, output={"ok": True}
    )
    return "", 204


if __name__ == "__main__":
    from conductor.client.http.models.workflow_def import WorkflowDef
    from conductor.client.http.models.workflow_task import WorkflowTask
    from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient

    metadata = OrkesMetadataClient(config)
    metadata.register_workflow_def(
        WorkflowDef(name="booking", version=1, tasks=[WorkflowTask(name="approve", task_reference_name="approve", type="HUMAN")], owner_email="a@example.com"),
        overwrite=True,
    )
    with app.test_client() as c:
        wid = c.post("/book", json={"room": 7}).json["id"]
        print(c.get(f"/status/{wid}").json["status"], c.get(f"/status/{wid}").json["task"])
        print(c.post(f"/approve/{wid}").status_code)
        print(c.get(f"/status/{wid}").json["status"])
        try:
            workflow_client.get_workflow("nope")
        except ApiException as e:
            print(e.status)
