"""Form templates of human tasks, in versions."""

import pytest

from conductor.server.engine.context import RefusedError
from conductor.server.http.principal import Principal
from conductor.server.orkes.principals import ADMINISTRATOR
from conductor.server.orkes.tags import FORM as FORM_KIND

FORM = {"name": "loan", "jsonSchema": {"properties": {}}, "templateUI": {"type": "VerticalLayout"}}


def save(bench, *forms, principal=ADMINISTRATOR, new_version=False):
    return bench.orkes.human_templates.save_all(list(forms), principal, new_version=new_version)


def test_a_template_is_saved_in_versions(bench):
    (first,) = save(bench, FORM)
    author = "USER:admin@localhost"
    assert (first["version"], first["createdBy"], first["updatedBy"]) == (1, author, author)
    assert first["createTime"] == first["updateTime"] == bench.clock.now_ms()
    changed = {**FORM, "jsonSchema": {"properties": {"a": {}}}}
    (again,) = save(bench, changed, principal=Principal("app:7"))
    assert (again["version"], again["updatedBy"], again["createdBy"]) == (1, "app:7", author)
    assert save(bench, {**FORM, "version": 1}, new_version=True)[0]["version"] == 2
    assert save(bench, {**FORM, "version": 5})[0]["version"] == 5
    templates = bench.orkes.human_templates
    assert [one["version"] for one in templates.all("loan")] == [1, 2, 5]
    assert templates.all("other") == []
    assert [one["version"] for one in templates.all("loan", 2)] == [2]
    assert templates.find("loan")["version"] == 5
    assert templates.get("loan", 1)["jsonSchema"] == changed["jsonSchema"]


def test_bad_templates_are_refused_and_nothing_is_stored(bench):
    for status, wrong in (
        (500, "text"),
        (500, {**FORM, "jsonSchema": "text"}),
        (500, {**FORM, "version": "first"}),
        (400, {**FORM, "name": ""}),
        (400, {"name": "loan"}),
        (400, {**FORM, "version": -1}),
        (400, {**FORM, "tags": [{"key": "a"}]}),
    ):
        with pytest.raises(RefusedError) as caught:
            save(bench, {**FORM, "name": "valid"}, wrong)
        assert caught.value.status == status, wrong
        assert bench.orkes.human_templates.all() == []


def test_versions_and_tags_are_deleted_with_the_template(bench):
    save(bench, {**FORM, "tags": [{"key": "team", "value": "loans"}]})
    save(bench, FORM, new_version=True)
    templates, tags = bench.orkes.human_templates, bench.orkes.tags
    assert templates.get("loan", 2)["tags"] == [{"key": "team", "value": "loans"}]
    templates.remove("loan", 2)
    assert [one["version"] for one in templates.all()] == [1]
    for missing in (("loan", 2), ("other",)):
        with pytest.raises(RefusedError) as caught:
            templates.remove(*missing)
        assert caught.value.status == 500
    templates.remove("loan")
    assert (templates.all(), tags.of(FORM_KIND, "loan")) == ([], [])
    with pytest.raises(RefusedError) as caught:
        templates.get("loan", 1)
    assert caught.value.status == 404


def test_a_task_shows_the_form_of_its_version_or_the_latest(bench):
    save(bench, FORM)
    save(bench, FORM, new_version=True)
    for form, version in (
        ({"name": "loan", "version": 1}, 1),
        ({"name": "loan"}, 2),
        ({"name": "loan", "version": 0}, 2),
    ):
        bench.register("asked", ("HUMAN", "ask", {"__humanTaskDefinition": {"userFormTemplate": form}}, {}))
        task_id = bench.run(bench.start("asked"))["tasks"][0]["taskId"]
        tasks = bench.orkes.human_tasks
        assert tasks.template(task_id, ADMINISTRATOR)["version"] == version
        shown = tasks.get(task_id, ADMINISTRATOR, with_template=True)["humanTaskDef"]
        assert (shown["userFormTemplate"], shown["fullTemplate"]["version"]) == (form, version)
        assert "fullTemplate" not in tasks.get(task_id, ADMINISTRATOR, with_template=False)["humanTaskDef"]
    bench.register("plain", ("HUMAN", "ask", {}, {}))
    task_id = bench.run(bench.start("plain"))["tasks"][0]["taskId"]
    with pytest.raises(RefusedError) as caught:
        bench.orkes.human_tasks.template(task_id, ADMINISTRATOR)
    assert caught.value.status == 400
