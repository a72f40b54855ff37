"""The extension in an app of the test's own."""

import pytest
from flask import Flask, current_app, g, request

from conductor import ConfigurationError, WorkerRegistrationError, WorkerRegistry, worker_task
from conductor.contrib.flask import Conductor
from conductor.webhook import sign_webhook

SECRET = "a secret of tests"


def make_app(**config):
    app = Flask("shop")
    app.config["CONDUCTOR"] = config
    return app


def test_an_app_factory_gives_each_app_its_own_client():
    conductor = Conductor()
    apps = [make_app(SERVER_URL=f"http://server-{n}.test") for n in range(2)]
    for app in apps:
        conductor.init_app(app)

    urls = []
    for app in apps:
        with app.app_context():
            assert conductor.client is conductor.client
            urls.append(conductor.client.settings.server_url)

    assert urls == ["http://server-0.test/api", "http://server-1.test/api"]


def test_what_the_app_leaves_out_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://of-the-environment.test")
    app = Flask("shop")
    conductor = Conductor(app)

    with app.app_context():
        assert conductor.client.settings.server_url == "http://of-the-environment.test/api"


def test_mistakes_in_the_configuration_are_found_when_the_app_is_made():
    with pytest.raises(ConfigurationError, match="did you mean 'SERVER_URL'"):
        Conductor(make_app(SERVER_ULR="http://a.test"))
    app = Flask("shop")
    app.config["CONDUCTOR"] = "http://a.test"
    with pytest.raises(ConfigurationError, match="must be a dict"):
        Conductor(app)


def test_an_app_without_the_extension_gets_an_error():
    with pytest.raises(ConfigurationError, match="init_app"):
        Conductor().handler(Flask("shop"))


def test_an_unknown_worker_is_named():
    app = make_app()
    with pytest.raises(WorkerRegistrationError, match="No worker is declared for task 'nobody'"):
        Conductor(app).handler(app, only=["nobody"])


def test_each_task_runs_in_its_own_app_context(server, client, define):
    registry = WorkerRegistry()

    @worker_task("in_context", registry=registry)
    def in_context(number: int) -> dict:
        before, g.number = g.get("number"), number
        return {"app": current_app.name, "greeting": current_app.config["GREETING"], "before": before}

    app = make_app(SERVER_URL=server.url, WORKER={"poll_interval_ms": 10, "thread_count": 1})
    app.config["GREETING"] = "hello"
    define("greet", "in_context")
    with Conductor(app).handler(app, registry=registry):
        runs = [client.workflows.run("greet", {"number": n}, timeout=20) for n in range(2)]

    assert [run.tasks[0].output_data for run in runs] == [{"app": "shop", "greeting": "hello", "before": None}] * 2


@pytest.fixture
def hooked():
    app = make_app()
    conductor = Conductor(app)

    @app.post("/github")
    @conductor.webhook(SECRET)
    def github():
        return {"said": request.get_json()["said"]}

    @app.post("/own")
    @conductor.webhook(lambda: current_app.config["HOOK_SECRETS"], scheme="conductor")
    def own():
        return "", 204

    app.config["HOOK_SECRETS"] = [SECRET, "the older secret"]
    return app.test_client()


BODY = b'{"said": "moin"}'


def test_a_genuine_webhook_reaches_the_view_with_its_body(hooked):
    headers = {**sign_webhook(BODY, SECRET, scheme="github"), "Content-Type": "application/json"}

    answer = hooked.post("/github", data=BODY, headers=headers)

    assert (answer.status_code, answer.json) == (200, {"said": "moin"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        sign_webhook(BODY, "another secret", scheme="github"),
        sign_webhook(BODY + b" ", SECRET, scheme="github"),
    ],
)
def test_others_get_401(hooked, headers):
    assert hooked.post("/github", data=BODY, headers=headers).status_code == 401


def test_a_secret_is_looked_up_per_request_and_old_webhooks_are_refused(hooked):
    fresh = sign_webhook(BODY, "the older secret")
    old = sign_webhook(BODY, SECRET, clock=lambda: 1_000_000.0)

    assert hooked.post("/own", data=BODY, headers=fresh).status_code == 204
    assert hooked.post("/own", data=BODY, headers=old).status_code == 401
