"""Arguments that people give in another form: a URL for settings, dicts with misspelled fields."""

import pytest

from conductor import ConductorClient, ConfigurationError, TaskDef
from conductor._internal.durations import parse_duration, to_seconds


def test_client_accepts_the_server_url_as_first_argument():
    with ConductorClient("http://localhost:9999") as client:
        assert client.settings.server_url == "http://localhost:9999/api"
    with pytest.raises(ConfigurationError, match="given twice"):
        ConductorClient("http://a", server_url="http://b")
    with pytest.raises(ConfigurationError, match="not int"):
        ConductorClient(8080)


def test_unknown_fields_of_a_dict_are_refused_with_the_nearest_name(client, wire):
    for field, near in (("retries", "retryCount"), ("retry_count", "retryCount"), ("timeoutSecond", "timeoutSeconds")):
        with pytest.raises(ConfigurationError, match=f"no field '{field}'. Did you mean '{near}'"):
            client.metadata.register_task({"name": "x", field: 3})
    task = {"name": "x", "taskReferenceName": "x", "type": "SIMPLE", "optionl": True}
    with pytest.raises(ConfigurationError, match=r"'tasks\[0\].optionl'. Did you mean 'optional'"):
        client.metadata.register_workflow({"name": "w", "tasks": [task]})
    with pytest.raises(ConfigurationError, match="no field 'zzz'. The server"):
        client.metadata.register_task({"name": "x", "zzz": 3})
    assert not wire.requests


def test_unknown_fields_of_server_documents_are_kept(client, wire):
    wire.answer("")
    client.metadata.register_task({"name": "x", "createTime": 1, "newField": 3})
    assert wire.body[0]["newField"] == 3
    client.metadata.register_task(TaskDef.from_dict({"name": "x", "newField": 3}))
    assert wire.body[0]["newField"] == 3


def test_durations_are_parsed_and_checked():
    for text, seconds in (("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259200), ("1.5h", 5400)):
        assert parse_duration(text) == seconds
    with pytest.raises(ConfigurationError, match=r"invalid duration: 'abc' \(use 90, 90s, 15m, 2h or 3d\)"):
        parse_duration("abc")
    for value in (float("nan"), float("inf"), -1, True, "5"):
        with pytest.raises(ConfigurationError):
            to_seconds(value)
