"""The example of each client prints what its page shows, on the embedded server or with given responses."""

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
def test_an_example_for_orkes_runs_with_given_responses(name, monkeypatch, capsys):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", URL)
    with responses.RequestsMock(assert_all_requests_are_fired=True) as server:
        for verb, path, answer in ANSWERS[name]:
            body = {"body": answer or b""} if answer is None or isinstance(answer, (bytes, str)) else {"json": answer}
            server.add(verb, f"{URL}/api{path}", **body)
        assert printed(name, capsys) == said(name)


def test_each_client_has_an_example_and_nothing_else_has():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == CLIENTS
