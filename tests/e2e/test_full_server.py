"""What the real server has when it is switched on: messages, files, repair, secrets, environment variables."""

import pytest

from conductor.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedByServerError,
)

WAIT = {"name": "approve", "taskReferenceName": "approve", "type": "WAIT"}
UNKNOWN = "00000000-0000-0000-0000-000000000000"


def start(client, name, *tasks):
    definition = {"name": name, "version": 1, "ownerEmail": "test@example.com", "tasks": list(tasks)}
    client.metadata.register_workflow(definition, overwrite=True)
    return client.workflows.start(name)


@pytest.fixture
def waiting(full_client):
    """The id of an execution that waits."""
    return start(full_client, "waiting", WAIT)


def test_a_message_reaches_the_task_that_pulls_it(full_client):
    pull = {
        "name": "pull",
        "taskReferenceName": "pull",
        "type": "PULL_WORKFLOW_MESSAGES",
        "inputParameters": {"batchSize": 1},
    }
    workflow_id = start(full_client, "pulling", pull)

    message_id = full_client.messages.send(workflow_id, {"order": "o-17", "lines": [1, 2]})

    (message,) = full_client.workflows.wait(workflow_id, timeout=30).task("pull").output_data["messages"]
    assert (message["id"], message["payload"]) == (message_id, {"order": "o-17", "lines": [1, 2]})
    with pytest.raises(ConflictError, match="not in RUNNING state"):
        full_client.messages.send(workflow_id, {"too": "late"})
    with pytest.raises(NotFoundError):
        full_client.messages.send(UNKNOWN, {"a": 1})


def test_a_file_is_uploaded_read_and_kept_from_others(full_client, waiting):
    content = bytes(range(256)) * 100
    files = full_client.files

    handle = files.upload(waiting, content, file_name="data.bin").file_handle_id

    stored = files.get(waiting, handle)
    assert (stored.file_name, stored.file_size, stored.upload_status) == ("data.bin", len(content), "UPLOADED")
    assert files.download_content(waiting, handle) == content
    assert files.get_download_url(waiting, handle).download_url
    with pytest.raises(ConflictError):
        files.upload_content(waiting, handle, b"again")
    with pytest.raises(PermissionDeniedError):
        files.get(UNKNOWN, handle)
    with pytest.raises(NotFoundError):
        files.get(waiting, UNKNOWN)


def test_a_file_is_uploaded_step_by_step(full_client, waiting):
    files = full_client.files
    made = files.create({"workflowId": waiting, "fileName": "f.txt", "contentType": "text/plain"})
    assert made.upload_status == "UPLOADING"
    assert files.get_upload_url(waiting, made.file_handle_id).upload_url
    with pytest.raises(BadRequestError, match="not been uploaded"):
        files.download_content(waiting, made.file_handle_id)

    files.upload_content(waiting, made.file_handle_id, b"")
    files.confirm_upload(waiting, made.file_handle_id)

    assert files.download_content(waiting, made.file_handle_id) == b""


def test_storage_that_takes_no_parts_says_so(full_client, waiting):
    files = full_client.files
    made = files.create({"workflowId": waiting, "fileName": "f.txt", "contentType": "text/plain"}).file_handle_id

    for call in (
        lambda: files.start_multipart(waiting, made),
        lambda: files.get_part_upload_url(waiting, made, "u", 1),
        lambda: files.complete_multipart(waiting, made, "u", ["e"]),
    ):
        with pytest.raises(UnsupportedByServerError, match="does not support multipart.*s3, azure-blob and gcs"):
            call()
    files.abort_multipart(waiting, made, "u")


def test_a_healthy_execution_needs_no_repair(full_client, waiting):
    assert full_client.admin.verify_and_repair_workflow(waiting) is False


def test_secrets_of_the_servers_environment_are_read_and_used(full_client, wait_until):
    assert full_client.secrets.list_names() == ["API_KEY"]
    assert full_client.secrets.list_grantable() == ["API_KEY"]
    (metadata,) = full_client.secrets.list_with_metadata()
    assert metadata.name == "API_KEY"
    assert "s3cret" not in repr(metadata)
    assert full_client.secrets.exists("API_KEY") is True
    assert full_client.secrets.get("API_KEY") == "s3cret"

    work = {
        "name": "work",
        "taskReferenceName": "work",
        "type": "SIMPLE",
        "inputParameters": {"key": "${workflow.secrets.API_KEY}", "region": "${workflow.env.REGION}"},
    }
    start(full_client, "secretive", work)
    task = wait_until(lambda: full_client.tasks.poll("work"), what="the task")
    assert task.input_data == {"key": "s3cret", "region": "eu-1"}


def test_environment_variables_are_read(full_client):
    assert [(one.name, one.value) for one in full_client.environment.list()] == [("REGION", "eu-1")]
    assert full_client.environment.get("REGION") == "eu-1"
