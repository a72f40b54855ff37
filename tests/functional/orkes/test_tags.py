"""Tags of every kind of object."""

import pytest
import requests

from conductor.errors import NotFoundError
from conductor.models import Tag

SIMPLE = {"name": "pay", "version": 1, "tasks": [{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}]}


def pairs(tags):
    return [(tag.key, tag.value) for tag in tags]


def test_tags_of_definitions(orkes):
    orkes.metadata.register_workflow(SIMPLE)
    orkes.metadata.register_task({"name": "a"})
    tags = orkes.tags
    for add, put, read, delete, name in (
        (tags.add_workflow_tag, tags.set_workflow_tags, tags.list_workflow_tags, tags.delete_workflow_tag, "pay"),
        (tags.add_task_tag, tags.set_task_tags, tags.list_task_tags, tags.delete_task_tag, "a"),
    ):
        put(name, {"team": "docs", "env": "test"})
        add(name, Tag(key="team", value="engineering"))
        add(name, Tag(key="team", value="docs"))
        assert pairs(read(name)) == [("team", "docs"), ("env", "test"), ("team", "engineering")]
        delete(name, Tag(key="team", value="docs"))
        with pytest.raises(NotFoundError):
            delete(name, Tag(key="team", value="docs"))
        put(name, {"only": "this"})
        assert pairs(read(name)) == [("only", "this")]
        assert read("unknown") == []
        with pytest.raises(NotFoundError, match="unknown"):
            add("unknown", Tag(key="a", value="b"))
        with pytest.raises(NotFoundError, match="unknown"):
            put("unknown", {"a": "b"})
    assert pairs(tags.list()) == [("only", "this")]
    orkes.metadata.unregister_workflow("pay", 1)
    for delete in (lambda: orkes.metadata.unregister_workflow("pay", 1), lambda: orkes.metadata.unregister_task("x")):
        with pytest.raises(NotFoundError):
            delete()
    assert tags.list_workflow_tags("pay") == []


def test_definitions_carry_tags(orkes, open_server):
    url = f"{open_server.url}/metadata/workflow"
    tagged = {**SIMPLE, "tags": [{"key": "team", "value": "docs"}], "ownerEmail": "a@b.example"}
    requests.post(url, json=tagged, timeout=30).raise_for_status()
    assert requests.get(f"{url}/pay", timeout=30).json()["tags"] == [{"key": "team", "value": "docs"}]
    merged = {**tagged, "tags": [{"key": "env", "value": "test"}], "overwriteTags": False}
    requests.put(url, json=[merged], timeout=30).raise_for_status()
    assert pairs(orkes.tags.list_workflow_tags("pay")) == [("team", "docs"), ("env", "test")]
    requests.put(url, json=[{**merged, "overwriteTags": True}], timeout=30).raise_for_status()
    assert pairs(orkes.tags.list_workflow_tags("pay")) == [("env", "test")]
    requests.put(url, json=[SIMPLE], timeout=30).raise_for_status()
    assert pairs(orkes.tags.list_workflow_tags("pay")) == [("env", "test")]
    bad = {**SIMPLE, "name": "bad", "tags": [{"key": ""}]}
    assert requests.post(url, json=bad, timeout=30).status_code == 400
    with pytest.raises(NotFoundError):
        orkes.metadata.get_workflow("bad")
    assert [one.name for one in orkes.metadata.list_workflows(tag_key="env", tag_value="test")] == ["pay"]
    assert orkes.metadata.list_workflows(tag_key="env", tag_value="live") == []
    new = requests.post(f"{url}?newVersion=true", json=SIMPLE, timeout=30)
    assert new.status_code == 200
    assert orkes.metadata.get_workflow("pay").version == 2


def test_tags_of_applications_schedules_and_unknown_objects(orkes):
    application = orkes.applications.create("billing")
    orkes.applications.set_tags(application.id, {"team": "docs"})
    orkes.applications.set_tags(application.id, {"env": "test"})
    assert pairs(orkes.applications.list_tags(application.id)) == [("team", "docs"), ("env", "test")]
    assert pairs(orkes.applications.list()[0].tags) == [("team", "docs"), ("env", "test")]
    orkes.applications.delete_tags(application.id, {"team": "docs"})
    orkes.applications.delete_tags(application.id, {"team": "docs"})
    assert pairs(orkes.applications.list_tags(application.id)) == [("env", "test")]
    orkes.applications.set_tags("unknown", {"a": "b"})  # accepted, as on Orkes
    orkes.events.set_tags("unknown", {"a": "b"})
    assert pairs(orkes.events.list_tags("unknown")) == [("a", "b")]
    for client in (orkes.schedules, orkes.secrets):
        with pytest.raises(NotFoundError):
            client.set_tags("unknown", {"a": "b"})


def test_bad_tags_are_refused_and_not_stored(orkes, open_server):
    orkes.metadata.register_workflow(SIMPLE)
    url = f"{open_server.url}/metadata/workflow/pay/tags"
    for body, status in (
        (b"{", 500), (b"", 500), (b'[{"value": "x"}]', 400), (b'[{"key": "x"}]', 400), (b'["x"]', 400), (b"5", 400),
        (b'[{"key": "good", "value": "x"}, {"key": " ", "value": "x"}]', 400),
    ):  # fmt: skip
        answer = requests.put(url, data=body, headers={"Content-Type": "application/json"}, timeout=30)
        assert answer.status_code == status, body
    assert orkes.tags.list_workflow_tags("pay") == []


def test_tags_are_grouped_and_found_by_object(orkes, open_server):
    orkes.metadata.register_workflow(SIMPLE)
    orkes.metadata.register_task({"name": "a"})
    orkes.tags.set_workflow_tags("pay", {"team": "docs"})
    orkes.tags.set_task_tags("a", {"team": "docs"})
    url = f"{open_server.url}/metadata/tags"
    grouped = requests.get(f"{url}/grouped", timeout=30).json()
    assert {one["resourceType"]: one["countPerResourceType"] for one in grouped} == {"WORKFLOW_DEF": 1, "TASK_DEF": 1}
    found = requests.get(f"{url}/resources?tagKey=team&tagValue=docs&resourceType=TASK_DEF", timeout=30)
    assert found.json() == [{"id": "a", "displayName": "a"}]
    assert requests.get(f"{url}/resources?resourceType=CAR", timeout=30).status_code == 400
