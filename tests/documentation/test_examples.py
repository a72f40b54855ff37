"""Each client's page has an example, and it prints what the page says: on the embedded server, or on given answers."""

import runpy

import pytest
import reference_pages
import responses
from answers import ANSWERS
from blocks import DOCS

CLIENTS = sorted(reference_pages.clients())
EXAMPLES = DOCS / "reference" / "examples"
URL = "http://orkes.test"


def printed(name, capsys):
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def said(name):
    return (EXAMPLES / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(CLIENTS) - set(ANSWERS)))
def test_an_example_runs_on_the_embedded_server(name, server, capsys):
    assert printed(name, capsys) == said(name)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_example_of_what_the_embedded_server_lacks_runs_on_answers(name, monkeypatch, capsys):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", URL)
    with responses.RequestsMock(assert_all_requests_are_fired=True) as server:
        for verb, path, answer in ANSWERS[name]:
            body = {"body": answer or b""} if answer is None or isinstance(answer, (bytes, str)) else {"json": answer}
            server.add(verb, f"{URL}/api{path}", **body)
        assert printed(name, capsys) == said(name)


def test_there_is_an_example_for_each_client_and_no_other():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == CLIENTS
