"""The outbox's admin pages."""

import pytest


@pytest.fixture
def staff(shop):
    from django.contrib.auth.models import User
    from django.test import Client

    User.objects.filter(username="boss").delete()
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    return browser


@pytest.fixture
def entry(shop):
    from conductor.contrib.django.models import WorkflowStart

    return WorkflowStart.objects.create(
        workflow="pay", correlation_id="c-1", request={"name": "pay"}, status="REFUSED", last_error="BadRequest: <no>"
    )


def test_the_list_and_an_entry_are_shown_and_cannot_be_changed(staff, entry):
    listed = staff.get("/admin/conductor/workflowstart/", {"q": "c-1"}).content.decode()
    page = staff.get(f"/admin/conductor/workflowstart/{entry.pk}/change/").content.decode()

    assert "c-1" in listed
    assert "refused by the server" in listed
    assert "BadRequest: &lt;no&gt;" in page
    assert "<textarea" not in page
    assert staff.get("/admin/conductor/workflowstart/add/").status_code == 403


def test_refused_entries_can_be_started_again(staff, entry):
    answer = staff.post(
        "/admin/conductor/workflowstart/", {"action": "start_again", "_selected_action": [entry.pk]}, follow=True
    )

    entry.refresh_from_db()
    assert entry.status == "PENDING"
    assert "1 starts are due now" in answer.content.decode()


def test_an_execution_is_linked_where_there_is_a_ui(staff, entry):
    from django.test import override_settings

    from conductor.contrib.django.models import WorkflowStart

    WorkflowStart.objects.update(workflow_id="w-17", status="STARTED")
    with override_settings(CONDUCTOR={"UI_URL": "http://ui.test/"}):
        page = staff.get("/admin/conductor/workflowstart/").content.decode()

    assert 'href="http://ui.test/execution/w-17"' in page
