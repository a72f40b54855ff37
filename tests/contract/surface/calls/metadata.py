"""Definitions of tasks and workflows."""

from surface.calls import Call, Send, call

TASK = {"name": "charge", "retryCount": 3, "timeoutSeconds": 60, "totalTimeoutSeconds": 0}
WORKFLOW = {
    "name": "order",
    "version": 2,
    "timeoutSeconds": 0,
    "tasks": [
        {"name": "charge", "taskReferenceName": "c", "type": "SIMPLE", "inputParameters": {"a": "${workflow.x}"}}
    ],
}

CALLS: dict[str, Send | Call] = {
    "POST /api/metadata/workflow": lambda c: c.metadata.register_workflow(WORKFLOW, overwrite=True, new_version=True),
    "PUT /api/metadata/workflow": lambda c: c.metadata.update_workflows([WORKFLOW], overwrite=True, new_version=True),
    "POST /api/metadata/workflow/validate": lambda c: c.metadata.validate_workflow(WORKFLOW),
    "GET /api/metadata/workflow/{name}": lambda c: c.metadata.get_workflow("order", 2, metadata=True),
    "GET /api/metadata/workflow": call(
        lambda c: c.metadata.list_workflows(
            classifier="workflow", access="READ", metadata=True, tag_key="team", tag_value="x", name="order", short=True
        ),
        instead={
            "OSS": lambda c: c.metadata.list_workflows(classifier="workflow", access="READ", metadata=True, short=True),
            "ORKES": lambda c: c.metadata.list_workflows(
                access="READ", metadata=True, tag_key="team", tag_value="x", name="order", short=True
            ),
        },
    ),
    "GET /api/metadata/workflow/latest-versions": lambda c: c.metadata.list_latest_workflows(),
    "GET /api/metadata/workflow/names": lambda c: c.metadata.list_workflow_names(),
    "GET /api/metadata/workflow/names-and-versions": lambda c: c.metadata.list_workflow_names_and_versions(),
    "GET /api/metadata/workflow/{name}/versions": lambda c: c.metadata.list_workflow_versions("order"),
    "DELETE /api/metadata/workflow/{name}/{version}": lambda c: c.metadata.unregister_workflow("order", 2),
    "POST /api/metadata/taskdefs": lambda c: c.metadata.register_tasks([TASK]),
    "PUT /api/metadata/taskdefs": lambda c: c.metadata.update_task(TASK),
    "GET /api/metadata/taskdefs/{tasktype}": lambda c: c.metadata.get_task("charge", metadata=True),
    "GET /api/metadata/taskdefs": call(
        lambda c: c.metadata.list_tasks(access="READ", metadata=True, tag_key="team", tag_value="x"),
        instead={"OSS": lambda c: c.metadata.list_tasks(access="READ", metadata=True)},
    ),
    "DELETE /api/metadata/taskdefs/{tasktype}": lambda c: c.metadata.unregister_task("charge"),
    "POST /api/metadata/workflow-importer/import-bpm": lambda c: c.metadata.import_bpmn(
        {"fileContent": "x", "fileName": "y"}, overwrite=False
    ),
    "POST /api/metadata/workflow-task-defs/upload": lambda c: c.metadata.upload_definitions(),
}
