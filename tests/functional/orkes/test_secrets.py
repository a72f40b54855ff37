"""Secrets and environment variables of the Orkes edition."""

import logging

import pytest
import requests

from conductor.errors import APIStatusError, NotFoundError
from conductor.models import Tag

SECRET = "tr0ub4dor&3-never-to-be-seen"


def put(server, path, body, kind):
    return requests.put(f"{server.url}{path}", data=body, headers={"Content-Type": kind} if kind else {}, timeout=30)


def test_life_of_a_secret(orkes):
    assert orkes.secrets.exists("API_KEY-1") is False
    orkes.secrets.save("KEY", SECRET)
    assert orkes.secrets.get("KEY") == SECRET
    assert orkes.secrets.exists("KEY") is True
    orkes.secrets.save("KEY", "changed")
    assert orkes.secrets.get("KEY") == "changed"
    orkes.secrets.set_tags("KEY", {"team": "billing"})
    orkes.secrets.set_tags("KEY", {"team": "finance", "env": "test"})
    assert [(tag.key, tag.value) for tag in orkes.secrets.list_tags("KEY")] == [("team", "finance"), ("env", "test")]
    (listed,) = orkes.secrets.list_with_tags()
    assert (listed.name, len(listed.tags)) == ("KEY", 2)
    orkes.secrets.delete_tags("KEY", [Tag(key="env", value="test")])
    assert len(orkes.secrets.list_tags("KEY")) == 1
    assert orkes.secrets.list_names() == orkes.secrets.list_grantable() == ["KEY"]
    assert orkes.secrets.clear_local_cache() == orkes.secrets.clear_redis_cache() == {"status": "ok"}
    orkes.secrets.delete("KEY")
    assert orkes.secrets.exists("KEY") is False
    orkes.secrets.save("KEY", "again")
    assert orkes.secrets.list_tags("KEY") == []


def test_value_of_a_secret_is_the_raw_body(open_server):
    for body, kind, stored in (
        (b"plain", "text/plain", "plain"), (b'"quoted"', "text/plain", '"quoted"'),
        (b'"quoted"', "application/json", "quoted"), (b"raw", "application/json", "raw"),
        (b'{"a": 1}', "application/json", '{"a": 1}'), (b'"half', "application/json", '"half'),
        ("grüße".encode(), "text/plain", "grüße"), (b"no type", None, "no type"),
        (b" spaces ", "text/plain", " spaces "),
    ):  # fmt: skip
        for path in ("/secrets/KEY", "/environment/NAME"):
            put(open_server, path, body, kind).raise_for_status()
            answer = requests.get(f"{open_server.url}{path}", timeout=30)
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert answer.content.decode() == stored, (path, body, kind)


def test_bad_secrets_and_variables_are_refused_and_not_stored(open_server, orkes):
    for path, body, status in (
        ("/secrets/a%20b", b"x", 400), ("/secrets/a$b", b"x", 400), ("/secrets/KEY", b"", 400),
        ("/secrets/KEY", b"\xff\xfe", 400), ("/environment/a%20b", b"x", 400), ("/environment/KEY", b"", 400),
    ):  # fmt: skip
        answer = put(open_server, path, body, "text/plain")
        assert answer.status_code == status, path
        assert answer.json()["status"] == status
    assert (orkes.secrets.list_names(), orkes.environment.list()) == ([], [])
    with pytest.raises(NotFoundError):
        orkes.secrets.get("MISSING")
    with pytest.raises(NotFoundError):
        orkes.secrets.set_tags("MISSING", {"a": "b"})
    with pytest.raises(APIStatusError) as caught:
        orkes.secrets.delete("MISSING")
    assert caught.value.status == 500
    assert orkes.environment.get("MISSING") is None
    assert orkes.environment.delete("MISSING") is None


def test_life_of_a_variable(orkes):
    orkes.environment.save("REGION", "eu")
    orkes.environment.set_tags("REGION", {"team": "billing"})
    orkes.environment.set_tags("UNKNOWN", {"team": "billing"})
    (listed,) = orkes.environment.list()
    assert (listed.name, listed.value, [tag.key for tag in listed.tags]) == ("REGION", "eu", ["team"])
    orkes.environment.delete_tags("REGION", {"team": "billing"})
    assert orkes.environment.list_tags("REGION") == []
    assert orkes.environment.delete("REGION") == "eu"
    assert orkes.environment.get("REGION") is None


def test_workflows_use_stored_secrets_and_show_no_value(open_server, orkes, caplog):
    caplog.set_level(logging.DEBUG)
    orkes.secrets.save("KEY", SECRET)
    orkes.environment.save("REGION", "eu")
    task = {
        "name": "call", "taskReferenceName": "call", "type": "SIMPLE",
        "inputParameters": {"key": "${workflow.secrets.KEY}", "region": "${workflow.env.REGION}"},
    }  # fmt: skip
    orkes.metadata.register_task({"name": "call"})
    orkes.metadata.register_workflow({"name": "use", "version": 1, "tasks": [task]})
    running = orkes.workflows.start("use")
    polled = orkes.tasks.poll("call")
    assert polled.input_data == {"key": SECRET, "region": "eu"}
    assert orkes.workflows.get(running).tasks[0].input_data["region"] == "eu"
    seen = [
        requests.get(f"{open_server.url}{path}", timeout=30).text
        for path in (
            f"/workflow/{running}", f"/tasks/{polled.task_id}", f"/workflow/{running}/tasks", "/secrets", "/secrets-v2",
            "/workflow/search", "/tasks/search", "/workflow/search-v2", "/tasks/search-v2", "/environment",
            "/admin/config",
        )
    ]  # fmt: skip
    assert not [text for text in seen if SECRET in text]
    assert SECRET not in caplog.text
