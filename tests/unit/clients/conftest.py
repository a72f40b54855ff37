"""A client whose requests are answered and recorded here; no socket is opened."""

import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import responses

from conductor.clients.client import ConductorClient
from conductor.transport.operation import RetryPolicy

API = "http://conductor.test/api"


class Wire:
    """Answers every request with what the test set, and remembers what was asked."""

    def __init__(self):
        self.answers = []
        self.requests = []

    def answer(self, body="", status=200, content_type=None):
        if isinstance(body, Exception):
            self.answers.append(body)
            return self
        text = body if isinstance(body, str) else json.dumps(body)
        kind = content_type or ("text/plain" if isinstance(body, str) else "application/json")
        self.answers.append((status, {"Content-Type": kind}, text))
        return self

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def last(self):
        return self.requests[-1]

    @property
    def method(self):
        return self.last.method

    @property
    def path(self):
        return unquote(urlsplit(self.last.url).path.removeprefix("/api"))

    @property
    def query(self):
        found = parse_qs(urlsplit(self.last.url).query, keep_blank_values=True)
        return {name: values[0] if len(values) == 1 else values for name, values in found.items()}

    @property
    def body(self):
        raw = self.last.body
        if raw is None:
            return None
        try:
            return json.loads(raw)
        except ValueError:
            return raw.decode()


@pytest.fixture
def wire():
    wire = Wire()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PUT", "DELETE"):
            mock.add_callback(method, re.compile(r"http://conductor\.test/.*"), callback=wire)
        yield wire


@pytest.fixture
def client():
    with ConductorClient(server_url=API, retry=RetryPolicy.none()) as client:
        yield client
