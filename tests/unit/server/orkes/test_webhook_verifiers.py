"""The verifiers of webhooks, with deliveries that ``conductor.webhook`` and the senders' own rules sign."""

import base64
import hashlib
import hmac
import json

import pytest

from conductor.server.orkes.webhook_verifiers import (
    Delivery,
    InvalidKeyError,
    UnverifiedError,
    challenge_response,
    check,
    verify,
)
from conductor.webhook import WebhookScheme, sign_webhook

NOW = 1_700_000_000
SECRET = "shared with the sender"
BODY = json.dumps({"type": "paid", "api_version": "2026-01-01"}).encode()
# Signed with the package cryptography over "1700000000" and the body.
SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDAf475MBJrav8HiTrbtfcDvmXRxVfbJfBlFgkGUp50/ZAtjGOLtBopIKd716Iz34GFG0WNoQdvRlY"
    "tKzw9ifQw=="
)
SENDGRID_SIGNATURE = "MEUCIQCJo5SSPOhFCqiYRqrFr2Ynf3Y/kzpdnJjIjdFRezLkbQIgL1FVrZBfuVVlgCVnVoiqJdNwMD02LNzPB+LZDelLyvA="
SENDGRID_BODY = b'[{"event":"delivered","order":"A-17"}]\r\n'


def delivered(headers, body=BODY, method="POST", query=None, now=NOW):
    return Delivery(method, {name.lower(): value for name, value in headers.items()}, query or {}, body, now * 1000)


def signed(scheme, secret=SECRET, body=BODY):
    return sign_webhook(body, secret, scheme=scheme, clock=lambda: NOW)


def base64_hmac(secret, body=BODY):
    return base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode()


def reason(config, delivery):
    """Why a delivery is refused; None if it is accepted."""
    try:
        check(config, delivery)
    except UnverifiedError as error:
        return str(error)
    return None


TEAMS_SECRET = base64.b64encode(b"a binary secret").decode()
VALID = {
    "HEADER_BASED": ({"headers": {"X-Key": "k-1", "X-From": "shop"}}, {"x-key": "k-1", "X-FROM": "shop", "Other": "1"}),
    "SIGNATURE_BASED": ({"headerKey": "X-Hub-Signature-256", "secretValue": SECRET}, signed("github")),
    "SIGNATURE_BASED of GitHub by default": ({"secretValue": SECRET}, signed("github")),
    "SIGNATURE_BASED in an own header": (
        {"headerKey": "X-Own", "secretValue": SECRET},
        signed(WebhookScheme("X-Own")),
    ),
    "HMAC_BASED": (
        {"headerKey": "X-Mac", "secretValue": TEAMS_SECRET},
        {"X-Mac": base64_hmac(b"a binary secret")},
    ),
    "HMAC_BASED of Teams": (
        {"secretValue": TEAMS_SECRET},
        {"Authorization": f"HMAC {base64_hmac(b'a binary secret')}"},
    ),
    "SLACK_BASED": ({"secretValue": SECRET}, signed("slack")),
    "STRIPE": ({"headerKey": "Stripe-Signature", "secretValue": SECRET}, signed("stripe")),
    "TWITTER": (
        {"secretValue": SECRET},
        {"X-Twitter-Webhooks-Signature": f"sha256={base64_hmac(SECRET.encode())}"},
    ),
}


def test_each_verifier_accepts_only_its_own_sender():
    for name, (config, headers) in VALID.items():
        config = {**config, "verifier": name.partition(" ")[0]}
        assert reason(config, delivered(headers)) is None, name
        for header in headers:
            missing = {key: value for key, value in headers.items() if key != header}
            altered = [missing, {**headers, header: "wrong"}]
            if config["verifier"] != "STRIPE":  # its header is a list
                altered.append({**headers, header: f"{headers[header]},{headers[header]}"})
            for each in altered if header != "Other" else ():
                found = reason(config, delivered(each))
                assert found, (name, each)
                assert SECRET not in found
        if config["verifier"] != "HEADER_BASED":
            assert reason(config, delivered(headers, BODY + b" ")), name
            assert reason({**config, "secretValue": TEAMS_SECRET[::-1]}, delivered(headers)), name
            for empty in ("", None):
                assert reason({**config, "secretValue": empty}, delivered(headers)), name


def test_old_signatures_are_refused():
    for scheme, verifier in (("slack", "SLACK_BASED"), ("stripe", "STRIPE")):
        config = {"verifier": verifier, "secretValue": SECRET}
        for age, is_accepted in ((299, True), (-299, True), (301, False), (-301, False)):
            found = reason(config, delivered(signed(scheme), now=NOW + age))
            assert (found is None) is is_accepted, (scheme, age)
        for seconds in ("", "soon", "\uff11\uff17\uff10", "-1"):
            headers = {key: seconds if "Time" in key else value for key, value in signed(scheme).items()}
            if scheme == "stripe":
                headers = {"Stripe-Signature": f"t={seconds},v1=00"}
            assert reason(config, delivered(headers)), seconds


def test_stripe_accepts_one_valid_signature_and_needs_an_api_version():
    config = {"verifier": "STRIPE", "secretValue": SECRET}
    (header,) = signed("stripe").values()
    assert reason(config, delivered({"Stripe-Signature": f"{header},v1=00,v0=11"})) is None
    other = b'{"type": "paid"}'
    assert "api_version" in reason(config, delivered(signed("stripe", body=other), other))


def test_sendgrid_signs_with_its_private_key():
    prefix = "X-Twilio-Email-Event-Webhook-"
    headers = {f"{prefix}Signature": SENDGRID_SIGNATURE, f"{prefix}Timestamp": str(NOW)}
    config = {"verifier": "SENDGRID", "secretValue": SENDGRID_KEY}
    assert reason(config, delivered(headers, SENDGRID_BODY)) is None
    pem = f"-----BEGIN PUBLIC KEY-----\n{SENDGRID_KEY[:64]}\n{SENDGRID_KEY[64:]}\n-----END PUBLIC KEY-----\n"
    assert reason({**config, "secretValue": pem}, delivered(headers, SENDGRID_BODY)) is None
    assert reason(config, delivered(headers, SENDGRID_BODY.strip()))
    assert reason(config, delivered({**headers, f"{prefix}Timestamp": "1700000001"}, SENDGRID_BODY))
    for name in headers:
        assert reason(config, delivered({**headers, name: ""}, SENDGRID_BODY))
    for broken in ("no base64", "AAAA", "MAYCAQACAQA=", SENDGRID_SIGNATURE[:40], "MAA="):
        assert reason(config, delivered({**headers, f"{prefix}Signature": broken}, SENDGRID_BODY)), broken
    assert reason({**config, "secretValue": SECRET}, delivered(headers, SENDGRID_BODY))


def test_a_key_of_another_curve_is_refused():
    off_the_curve = base64.b64encode(base64.b64decode(SENDGRID_KEY)[:-1] + b"\x44").decode()
    for key in ("", "AAAA", off_the_curve, SENDGRID_KEY[:-8]):
        with pytest.raises(InvalidKeyError):
            verify(key, SENDGRID_SIGNATURE, SENDGRID_BODY)


def test_challenges_are_answered():
    slack, twitter = {"verifier": "SLACK_BASED"}, {"verifier": "TWITTER", "secretValue": SECRET}
    greeting = json.dumps({"type": "url_verification", "challenge": "c-1"}).encode()
    assert challenge_response(slack, delivered({}, greeting)) == {"challenge": "c-1"}
    answer = {"response_token": f"sha256={base64_hmac(SECRET.encode(), b't-1')}"}
    assert challenge_response(twitter, delivered({}, b"", "GET", {"crc_token": "t-1"})) == answer
    for config, delivery in (
        (slack, delivered({}, b'{"type": "url_verification"}')),
        (slack, delivered({}, b"no json")),
        (slack, delivered({}, greeting, "GET")),
        ({"verifier": "STRIPE"}, delivered({}, greeting)),
        (twitter, delivered({}, b"", "POST", {"crc_token": "t-1"})),
        ({"verifier": "TWITTER"}, delivered({}, b"", "GET", {"crc_token": "t-1"})),
    ):
        assert challenge_response(config, delivery) is None
