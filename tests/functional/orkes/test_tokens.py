"""Tokens of the Orkes edition: keys, expiry, refresh and refusals."""

import base64
import json
import threading
from datetime import timedelta

import pytest
import requests

from conductor import ConductorClient
from conductor.errors import AuthenticationError, PermissionDeniedError
from conductor.server import start


def token_of(server, key="admin-key", secret="admin-secret", **more):
    answer = requests.post(f"{server.url}/token", json={"keyId": key, "keySecret": secret, **more}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def get(server, path, token=None):
    return requests.get(f"{server.url}{path}", headers={"X-Authorization": token} if token else {}, timeout=30)


def test_token_is_a_jwt_that_expires_on_the_servers_clock(access):
    server = access.server
    server.clock.freeze()
    token = token_of(server, expiration=60_000)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == "admin@localhost"
    assert 59 <= claims["exp"] - server.clock.now().timestamp() <= 61
    assert get(server, "/metadata/taskdefs", token).status_code == 200
    server.clock.advance(timedelta(seconds=61))
    refused = get(server, "/metadata/taskdefs", token)
    assert refused.status_code == 401
    assert refused.json()["error"] == "EXPIRED_TOKEN"
    assert get(server, "/metadata/taskdefs", token_of(server, expiration=-1)).status_code == 200
    forever = token_of(server, expiration=-1)
    server.clock.advance(timedelta(days=400))
    assert get(server, "/metadata/taskdefs", forever).status_code == 200


def test_requests_with_missing_or_invalid_tokens_are_refused(access):
    server = access.server
    valid = token_of(server)
    head, claims, signature = valid.split(".")
    forged = (
        base64.urlsafe_b64encode(b'{"sub":"admin@localhost","key":"x","exp":99999999999,"gen":0}').decode().rstrip("=")
    )
    invalid = [
        "nonsense", "a.b.c", "ü.ü.ü".encode("latin-1"), valid[:-3], f"{head}.{forged}.{signature}", f"{head}..",
        f"{claims}.{signature}", valid + "x", valid.swapcase(),
    ]  # fmt: skip
    missing = get(server, "/metadata/taskdefs")
    assert missing.status_code == 401
    body = missing.json()
    assert body["message"] == "Token cannot be null or empty"
    assert body["error"] == "INVALID_TOKEN"
    assert isinstance(body["timestamp"], int)
    for token in invalid:
        refused = get(server, "/token/userInfo", token)
        assert (refused.status_code, refused.json()["error"]) == (401, "INVALID_TOKEN"), token
    for path in ("/version", "/health"):
        assert get(server, path).status_code == 200, path


def test_wrong_credentials_never_look_like_an_expired_token(access):
    wrong = [
        {"keyId": "admin-key", "keySecret": "wrong"}, {"keyId": "unknown", "keySecret": "x"}, {"keyId": "admin-key"},
        {"keySecret": "admin-secret"}, {"keyId": 5, "keySecret": 6}, {}, {"email": "a@b.c", "password": "x"},
    ]  # fmt: skip
    for body in wrong:
        answer = requests.post(f"{access.server.url}/token", json=body, timeout=30)
        assert answer.status_code == 401, body
        assert answer.json()["error"] == "UNAUTHORIZED", body
    for body, status in ((b"{", 500), (b"", 500), (b"[]", 500)):
        sent = {"Content-Type": "application/json"}
        answer = requests.post(f"{access.server.url}/token", data=body, headers=sent, timeout=30)
        assert answer.status_code == status, body
    bad_expiration = {"keyId": "admin-key", "keySecret": "admin-secret", "expiration": "soon"}
    assert requests.post(f"{access.server.url}/token", json=bad_expiration, timeout=30).status_code == 400
    with (
        ConductorClient(server_url=access.server.url, auth_key="admin-key", auth_secret="wrong") as client,
        pytest.raises(AuthenticationError),
    ):
        client.metadata.list_tasks()


def test_client_gets_a_new_token_when_its_token_has_expired(access):
    access.admin.metadata.list_tasks()
    access.server.clock.advance(timedelta(hours=25))
    assert access.admin.metadata.list_tasks() == []
    access.server.keys.expire_all()
    assert access.admin.metadata.list_tasks() == []


def test_many_threads_share_one_new_token(access):
    access.admin.metadata.list_tasks()
    access.server.keys.expire_all()
    asked = []
    original = access.server.keys.make_token
    access.server.keys.make_token = lambda *given: asked.append(given) or original(*given)
    failures = []
    barrier = threading.Barrier(8)

    def work():
        barrier.wait(30)
        try:
            access.admin.metadata.list_tasks()
        except Exception as error:  # reported below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert len(asked) == 1


def test_missing_permission_is_not_repeated_with_a_new_token(access):
    _, client = access.application("worker")
    asked = []
    original = access.server.keys.make_token
    access.server.keys.make_token = lambda *given: asked.append(given) or original(*given)
    for _ in range(2):
        with pytest.raises(PermissionDeniedError, match="You don't have permissions to execute task: charge"):
            client.tasks.poll("charge")
    assert len(asked) == 1


def test_deactivated_and_deleted_keys_get_no_token(access):
    admin, server = access.admin, access.server
    application = admin.applications.create("billing")
    key = admin.applications.create_access_key(application.id)
    token = token_of(server, key.id, key.secret)
    assert get(server, "/token/userInfo", token).json()["id"] == f"app:{application.id}"
    assert admin.applications.toggle_access_key(application.id, key.id).status == "INACTIVE"
    body = {"keyId": key.id, "keySecret": key.secret}
    assert requests.post(f"{server.url}/token", json=body, timeout=30).status_code == 401
    assert get(server, "/token/userInfo", token).status_code == 200  # it was given earlier
    assert admin.applications.toggle_access_key(application.id, key.id).status == "ACTIVE"
    assert token_of(server, key.id, key.secret)
    admin.applications.delete_access_key(application.id, key.id)
    refused = get(server, "/token/userInfo", token)
    assert (refused.status_code, refused.json()["error"]) == (401, "INVALID_TOKEN")
    assert requests.post(f"{server.url}/token", json=body, timeout=30).status_code == 401


def test_open_server_needs_no_token_and_accepts_any_key(open_server):
    assert get(open_server, "/token/userInfo").json()["id"] == "admin@localhost"
    token = token_of(open_server, "any", "pair")
    info = get(open_server, "/token/userInfo?claims=true", token).json()
    assert (info["user"]["name"], info["claims"]["sub"]) == ("Administrator", "admin@localhost")
    assert get(open_server, "/token/userInfo", "nonsense").status_code == 401
    with ConductorClient(server_url=open_server.url) as client:
        application = client.applications.create("billing")
        key = client.applications.create_access_key(application.id)
        client.users.save("Ann@Example.com", "Ann", roles=["USER"])
    assert get(open_server, "/token/userInfo", token_of(open_server, key.id, key.secret)).json()["applicationUser"]
    wrong = requests.post(f"{open_server.url}/token", json={"keyId": key.id, "keySecret": "x"}, timeout=30)
    assert wrong.status_code == 401
    login = requests.post(f"{open_server.url}/token", json={"email": "ann@example.com", "password": "x"}, timeout=30)
    assert get(open_server, "/token/userInfo", login.json()["token"]).json()["id"] == "ann@example.com"


def test_default_edition_has_no_users():
    with start(keys={"id": "secret"}) as server:
        token = token_of(server, "id", "secret")
        assert get(server, "/token/userInfo", token).status_code == 404
        assert get(server, "/version").status_code == 401


def test_server_info_names_the_edition_and_not_orkes_product(orkes, open_server):
    assert str(orkes.server_info()) == "Conductor 3.32.3 (embedded, Orkes edition API)"
    assert open_server.summary == "embedded, Orkes edition API, in memory"
    assert orkes.server_info().edition.name == "ORKES"
