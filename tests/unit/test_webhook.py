"""Signatures of webhooks."""

import hashlib
import hmac
from datetime import timedelta

import pytest

from conductor.errors import ConfigurationError, WebhookVerificationError
from conductor.webhook import SCHEMES, WebhookScheme, sign_webhook, verify_webhook

SECRET = "a shared secret"
BODY = b'{"order": "17"}'
NOW = 1_700_000_000.0


def clock():
    return NOW


def github(body=BODY, secret=SECRET):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def test_the_example_of_githubs_documentation_verifies():
    headers = {
        "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    }

    verify_webhook(b"Hello, World!", headers, "It's a Secret to Everybody")


def test_stripe_signs_the_time_in_the_signature_header():
    right = hmac.new(SECRET.encode(), f"{NOW:.0f}.".encode() + BODY, hashlib.sha256).hexdigest()
    headers = {"stripe-signature": f"t={NOW:.0f},v1={'0' * 64},v1={right},v0=old"}

    verify_webhook(BODY, headers, SECRET, scheme="stripe", clock=clock)


def test_slack_signs_a_version_and_the_time_before_the_body():
    right = hmac.new(SECRET.encode(), f"v0:{NOW:.0f}:".encode() + BODY, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Signature": f"v0={right}", "X-Slack-Request-Timestamp": f"{NOW:.0f}"}

    verify_webhook(BODY, headers, SECRET, scheme="slack", clock=clock)


@pytest.mark.parametrize("scheme", [*SCHEMES, WebhookScheme("X-Sig", "", "sha1")])
def test_only_the_signed_body_verifies(scheme):
    headers = sign_webhook(BODY, SECRET, scheme=scheme, clock=clock)

    verify_webhook(BODY, {name.upper(): value for name, value in headers.items()}, SECRET, scheme=scheme, clock=clock)
    for body, secret in ((BODY + b" ", SECRET), (BODY, "another secret")):
        with pytest.raises(WebhookVerificationError, match="does not match"):
            verify_webhook(body, headers, secret, scheme=scheme, clock=clock)
    with pytest.raises(WebhookVerificationError, match="has no"):
        verify_webhook(BODY, {}, SECRET, scheme=scheme, clock=clock)


@pytest.mark.parametrize("age", [301, -301])
@pytest.mark.parametrize("scheme", ["stripe", "slack", "conductor"])
def test_a_replay_is_refused_outside_the_tolerance(scheme, age):
    headers = sign_webhook(BODY, SECRET, scheme=scheme, clock=clock)

    with pytest.raises(WebhookVerificationError, match="sent 301 s"):
        verify_webhook(BODY, headers, SECRET, scheme=scheme, clock=lambda: NOW + age)
    verify_webhook(BODY, headers, SECRET, scheme=scheme, clock=lambda: NOW + age, tolerance=timedelta(minutes=6))


def test_a_changed_time_invalidates_the_signature():
    headers = sign_webhook(BODY, SECRET, clock=clock)
    headers["X-Conductor-Timestamp"] = f"{NOW + 100:.0f}"

    with pytest.raises(WebhookVerificationError, match="does not match"):
        verify_webhook(BODY, headers, SECRET, scheme="conductor", clock=lambda: NOW + 100)


def test_both_secrets_verify_during_a_rotation():
    verify_webhook(BODY, github(secret="the older secret"), ["the newer secret", b"the older secret"])


@pytest.mark.parametrize("value", ["sha256=", "sha256=ü", "nonsense", "t=x,v1=y", "v1=only", ","])
@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_broken_headers_raise_a_verification_error(scheme, value):
    headers = dict.fromkeys(("X-Slack-Request-Timestamp", "X-Conductor-Timestamp", SCHEMES[scheme].header), value)

    with pytest.raises(WebhookVerificationError):
        verify_webhook(BODY, headers, SECRET, scheme=scheme, clock=clock)


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"body": '{"order": "17"}'}, "body"),
        ({"secret": ""}, "secret"),
        ({"secret": []}, "secret"),
        ({"secret": "short"}, "secret"),
        ({"scheme": "gitlab"}, "scheme"),
        ({"scheme": WebhookScheme(algorithm="rot13")}, "scheme"),
        ({"scheme": WebhookScheme(algorithm="shake_128")}, "scheme"),
        ({"scheme": WebhookScheme(algorithm=5)}, "scheme"),
        ({"scheme": WebhookScheme(header=None)}, "scheme"),
        ({"scheme": WebhookScheme(template="{timestamp}")}, "scheme"),  # would not sign the body
        ({"scheme": ["github"]}, "scheme"),
        ({"scheme": None}, "scheme"),
        ({"secret": None}, "secret"),
        ({"secret": 5}, "secret"),
        ({"secret": [None]}, "secret"),
        ({"body": None}, "body"),
        ({"headers": None}, "headers"),
        ({"headers": [("X-Hub-Signature-256", "sha256=a")]}, "headers"),
        ({"headers": {b"x-hub-signature-256": b"sha256=a"}}, "headers"),
        ({"headers": {"X-Hub-Signature-256": None}}, "headers"),
    ],
)
def test_configuration_errors_name_the_argument_without_the_secret(change, variable):
    arguments = {"body": BODY, "headers": github(), "secret": SECRET, **change}

    with pytest.raises(ConfigurationError) as caught:
        verify_webhook(**arguments)

    assert caught.value.variable == variable
    assert SECRET not in repr(caught.value)
    if variable != "headers":
        with pytest.raises(ConfigurationError):
            sign_webhook(**{name: value for name, value in arguments.items() if name != "headers"})
