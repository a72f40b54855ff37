"""Human tasks and the templates of their forms."""

from surface.calls import Call, Send

TEMPLATE = {"name": "form", "version": 1, "jsonSchema": {"type": "object"}, "templateUI": {"type": "Group"}}
USER = {"user": "u@x", "userType": "EXTERNAL_USER"}
TAGS = {"team": "payments"}

CALLS: dict[str, Send | Call] = {
    "POST /api/human/tasks/search": lambda c: c.human_tasks.search(
        states=["ASSIGNED"],
        assignees=[USER],
        claimants=[USER],
        definition_names=["approve"],
        display_names=["Approve"],
        task_ref_names=["a"],
        workflow_ids=["w"],
        workflow_names=["order"],
        full_text_query="x",
        task_input_query="a = 1",
        task_output_query="b = 2",
        updated_after=5,
        updated_before=6,
        search_type="INBOX",
        start=5,
        size=10,
    ),
    "GET /api/human/tasks/{taskId}": lambda c: c.human_tasks.get("t", with_template=True),
    "GET /api/human/tasks/{taskId}/conductorTask": lambda c: c.human_tasks.get_conductor_task("t"),
    "GET /api/human/tasks/getTaskDisplayNames": lambda c: c.human_tasks.list_display_names("INBOX"),
    "POST /api/human/tasks/{taskId}/claim": lambda c: c.human_tasks.claim(
        "t", override_assignment=True, with_template=True
    ),
    "POST /api/human/tasks/{taskId}/externalUser/{userId}": lambda c: c.human_tasks.claim_for_external_user(
        "t", "u@x", override_assignment=True, with_template=True
    ),
    "POST /api/human/tasks/{taskId}/release": lambda c: c.human_tasks.release("t"),
    "POST /api/human/tasks/{taskId}/reassign": lambda c: c.human_tasks.reassign(
        "t", [{"assignee": USER, "slaMinutes": 5}]
    ),
    "POST /api/human/tasks/{taskId}/update": lambda c: c.human_tasks.complete("t", {"a": 1}),
    "POST /api/human/tasks/update/taskRef": lambda c: c.human_tasks.update_by_reference_name(
        "w", "a", {"a": 1}, complete=True, iteration=2
    ),
    "POST /api/human/tasks/{taskId}/skip": lambda c: c.human_tasks.skip("t", "why"),
    "DELETE /api/human/tasks/delete/{taskId}": lambda c: c.human_tasks.delete("t"),
    "DELETE /api/human/tasks/delete": lambda c: c.human_tasks.delete_many(["t"]),
    "GET /api/human/tasks/backPopulateFullTextIndex": lambda c: c.human_tasks.back_populate_index(50),
    # templates
    "GET /api/human/template": lambda c: c.human_templates.list("form", 1),
    "POST /api/human/template": lambda c: c.human_templates.save(TEMPLATE, new_version=True),
    "POST /api/human/template/bulk": lambda c: c.human_templates.save_all([TEMPLATE], new_version=True),
    "GET /api/human/template/{name}/{version}": lambda c: c.human_templates.get("form", 2),
    "GET /api/human/template/{humanTaskId}": lambda c: c.human_templates.get_for_task("t"),
    "DELETE /api/human/template/{name}/{version}": lambda c: c.human_templates.delete("form", 2),
    "DELETE /api/human/template/{name}": lambda c: c.human_templates.delete_all_versions("form"),
    "GET /api/human/template/{name}/tags": lambda c: c.human_templates.list_tags("form"),
    "PUT /api/human/template/{name}/tags": lambda c: c.human_templates.set_tags("form", TAGS),
    "DELETE /api/human/template/{name}/tags": lambda c: c.human_templates.delete_tags("form", TAGS),
}
