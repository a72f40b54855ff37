"""``settings.CONDUCTOR``, its system checks, and the modules that are found."""

import pytest


@pytest.fixture
def check(shop):
    from django.test import override_settings

    from conductor.contrib.django.checks import check_deployment, check_settings

    def run(given, *, deploy=False):
        with override_settings(CONDUCTOR=given):
            return (check_deployment if deploy else check_settings)()

    return run


def test_workers_of_tasks_and_workers_modules_are_found(django_project):
    assert {"shop_pay", "shop_ship"} <= set(django_project["declared"])


def test_good_settings_pass(check):
    assert check({"SERVER_URL": "http://localhost:8080", "WORKER": {"thread_count": 3}, "OUTBOX": True}) == []


@pytest.mark.parametrize(
    ("given", "number", "part"),
    [
        ("http://localhost", "conductor.E001", "it must be a dict"),
        ({"SERVER_ULR": "http://localhost"}, "conductor.E001", "did you mean 'SERVER_URL'"),
        ({"SERVER_URL": "localhost"}, "conductor.E001", "server_url is 'localhost'"),
        ({"AUTH_KEY": "key"}, "conductor.E001", "auth_secret is missing"),
        ({"OUTBOX_LEASE_SECONDS": 0}, "conductor.E001", "OUTBOX_LEASE_SECONDS is 0"),
        ({"WORKER": 4}, "conductor.E001", "WORKER is 4"),
        ({"WORKER": {"threads": 4}}, "conductor.E002", "has no option threads"),
        ({"WORKER": {"thread_count": 0}}, "conductor.E002", "thread_count is 0"),
        ({"OUTBOX_DATABASES": ["default", "other"]}, "conductor.E003", "names other"),
    ],
)
def test_a_mistake_is_named_by_the_check(check, given, number, part):
    (found,) = check(given)

    assert found.id == number
    assert part in found.msg


def test_no_message_has_the_secret(check):
    (found,) = check({"AUTH_SECRET": "hush-hush"})

    assert "hush" not in found.msg + str(found.hint)


def test_a_deployment_without_a_server_is_warned_of(check, monkeypatch):
    monkeypatch.delenv("CONDUCTOR_SERVER_URL")

    assert [found.id for found in check({}, deploy=True)] == ["conductor.W001"]
    assert check({"SERVER_URL": "https://conductor.test/api"}, deploy=True) == []


def test_settings_win_over_the_environment_and_none_counts_as_not_given(shop, monkeypatch):
    from django.test import override_settings

    from conductor.contrib.django.configuration import conductor_settings

    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://of-the-environment")
    with override_settings(CONDUCTOR={"SERVER_URL": "http://of-the-settings"}):
        assert conductor_settings().server_url == "http://of-the-settings/api"
    with override_settings(CONDUCTOR={"SERVER_URL": None}):
        assert conductor_settings().server_url == "http://of-the-environment/api"


def test_there_is_one_client_until_the_settings_change(shop):
    from django.test import override_settings

    from conductor.contrib.django import get_client

    first = get_client()
    assert get_client() is first
    with override_settings(CONDUCTOR={"SERVER_URL": "http://elsewhere"}):
        assert get_client().settings.server_url == "http://elsewhere/api"


def test_the_migrations_are_complete(manage, finish):
    status, text = finish(manage("makemigrations", "--check", "--dry-run"))

    assert status == 0, text


def test_a_wrong_option_ends_the_worker_with_status_2_and_no_traceback(manage, finish):
    status, text = finish(manage("conductor_worker", "--only", "shop_pya"))

    assert status == 2
    assert "No worker is declared for task 'shop_pya'; declared are: shop_" in text
    assert "Traceback" not in text


def test_a_worker_says_what_it_works_on(manage, said):
    line = said(manage("conductor_worker", "--only", "shop_pay", "--only", "shop_ship"), "Running workers for")

    assert line == "Running workers for shop_pay, shop_ship\n"
