import pytest

from conductor.errors import ConfigurationError
from conductor.worker.options import WorkerOptions, resolve, table


def resolved(environ=None, declared=None, explicit=None, name="charge"):
    return resolve(name, declared or {}, explicit or {}, environ or {})


@pytest.mark.parametrize(
    ("environ", "declared", "explicit", "value", "origin"),
    [
        ({}, {}, {}, 1, "default"),
        ({}, {"thread_count": 2}, {}, 2, "@worker_task"),
        ({"CONDUCTOR_WORKER_ALL_THREAD_COUNT": "3"}, {"thread_count": 2}, {}, 3, "CONDUCTOR_WORKER_ALL_THREAD_COUNT"),
        ({"conductor.worker.all.thread_count": "3"}, {"thread_count": 2}, {}, 3, "conductor.worker.all.thread_count"),
        (
            {"CONDUCTOR_WORKER_ALL_THREAD_COUNT": "3", "CONDUCTOR_WORKER_CHARGE_THREAD_COUNT": "4"},
            {"thread_count": 2},
            {},
            4,
            "CONDUCTOR_WORKER_CHARGE_THREAD_COUNT",
        ),
        (
            {"conductor.worker.charge.thread_count": "4", "CONDUCTOR_WORKER_ALL_THREAD_COUNT": "3"},
            {},
            {},
            4,
            "conductor.worker.charge.thread_count",
        ),
        (
            {"conductor.worker.charge.thread_count": "4", "CONDUCTOR_WORKER_CHARGE_THREAD_COUNT": "5"},
            {},
            {},
            5,
            "CONDUCTOR_WORKER_CHARGE_THREAD_COUNT",
        ),
        ({"CONDUCTOR_WORKER_CHARGE_THREAD_COUNT": "4"}, {}, {"thread_count": 9}, 9, "TaskHandler(...)"),
    ],
)
def test_the_order_and_where_a_value_came_from(environ, declared, explicit, value, origin):
    got = resolved(environ, declared, explicit)
    assert got.options.thread_count == value
    assert got.origins["thread_count"] == origin


@pytest.mark.parametrize(
    ("suffix", "text", "option", "value"),
    [
        ("POLL_INTERVAL", "250", "poll_interval_ms", 250),
        ("POLL_INTERVAL_MS", "0", "poll_interval_ms", 0),
        ("POLL_TIMEOUT", "5000", "poll_timeout_ms", 5000),
        ("CONCURRENCY", "8", "thread_count", 8),
        ("DOMAIN", "eu", "domain", "eu"),
        ("DOMAIN", "", "domain", None),
        ("WORKER_ID", "w1", "worker_id", "w1"),
        ("PAUSED", "yes", "paused", True),
        ("LEASE_EXTEND_ENABLED", "on", "lease_extension", True),
        ("LEASE_EXTENSION", "1", "lease_extension", True),
        ("REGISTER_TASK_DEF", "TRUE", "register_task_def", True),
        ("OVERWRITE_TASK_DEF", "0", "overwrite_task_def", False),
        ("HAND_BACK", "true", "hand_back", True),
    ],
)
def test_every_property_is_read_from_the_environment(suffix, text, option, value):
    got = resolved({f"CONDUCTOR_WORKER_CHARGE_{suffix}": text}, declared={"domain": "other"})
    assert getattr(got.options, option) == value


@pytest.mark.parametrize("name", ["charge-card", "charge.card", "Charge Card"])
def test_names_that_a_shell_cannot_export_are_written_with_underscores(name):
    assert resolved({"CONDUCTOR_WORKER_CHARGE_CARD_DOMAIN": "eu"}, name=name).options.domain == "eu"


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("THREAD_COUNT", "abc"),
        ("THREAD_COUNT", "0"),
        ("THREAD_COUNT", "10001"),
        ("THREAD_COUNT", "1_0"),
        ("PAUSED", "flase"),
        ("POLL_TIMEOUT", "5001"),
        ("POLL_INTERVAL", "-1"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_variable(suffix, text):
    variable = f"CONDUCTOR_WORKER_CHARGE_{suffix}"
    with pytest.raises(ConfigurationError) as caught:
        resolved({variable: text})
    assert caught.value.variable == variable
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"thread_count": 0},
        {"thread_count": 10**30},
        {"thread_count": "2"},
        {"thread_count": 1.5},
        {"thread_count": True},
        {"poll_timeout_ms": 6000},
        {"paused": "no"},
    ],
)
def test_a_bad_value_in_code_is_refused_too(options):
    with pytest.raises(ConfigurationError) as caught:
        WorkerOptions(**options)
    assert caught.value.variable in options


def test_an_unknown_property_of_all_workers_is_logged_with_a_suggestion(caplog):
    resolved({"CONDUCTOR_WORKER_ALL_TREAD_COUNT": "3"})
    assert "CONDUCTOR_WORKER_ALL_TREAD_COUNT" in caplog.text
    assert "THREAD_COUNT?" in caplog.text


@pytest.mark.parametrize("variable", ["CONDUCTOR_WORKER_CHARGE_TREAD_COUNT", "conductor.worker.charge.tread_count"])
def test_so_is_one_for_one_worker(caplog, variable):
    resolved({variable: "3"})
    assert variable in caplog.text
    assert "THREAD_COUNT?" in caplog.text


def test_a_variable_of_a_worker_with_a_longer_name_is_nobodys_mistake(caplog):
    resolved({"CONDUCTOR_WORKER_CHARGE_CARD_DOMAIN": "eu", "conductor.worker.charge.card.domain": "eu"})
    assert caplog.text == ""


@pytest.mark.parametrize("option", ["THREAD_COUNT", "PAUSED", "MAX_LEASE_SECONDS", "WORKER_ID", "POLL_TIMEOUT_MS"])
@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_counts_as_not_set(option, text):
    declared = {"thread_count": 2, "worker_id": "w", "max_lease_seconds": 9}
    got = resolved({f"CONDUCTOR_WORKER_CHARGE_{option}": text}, declared)
    assert got == resolved({}, declared)


def test_an_empty_worker_id_leaves_the_choice_to_the_handler():
    for given in (None, ""):
        assert resolved({}, {"worker_id": given}).options.worker_id is None


def test_the_table_shows_each_option_and_where_it_came_from():
    text = table([("charge", resolved({"CONDUCTOR_WORKER_ALL_DOMAIN": "eu"}, {"thread_count": 4}))])
    assert "charge" in text
    assert "domain = eu  (CONDUCTOR_WORKER_ALL_DOMAIN)" in text
    assert "thread_count = 4  (@worker_task)" in text
    assert "poll_interval_ms=100" in text
