"""What HTTP tasks send, follow, read and report."""

import target
from kit import scenario

TARGET = target.address()


def http(reference="h", **request):
    request = {"method": "GET", **request}
    given = {"http_request": request}
    return {
        "name": reference,
        "taskReferenceName": reference,
        "type": "HTTP",
        "inputParameters": given,
        "optional": True,
    }


def answers(lab, requests):
    """Status, reason and response of each request; of the headers only those that the target made."""
    lab.flow(*[http(f"h{number}", **request) for number, request in enumerate(requests)])
    tasks = lab.end(lab.start())["tasks"]
    seen = []
    for request, task in zip(requests, tasks, strict=True):
        response = task["outputData"].get("response")
        if isinstance(response, dict):
            response = {key: response.get(key) for key in ("statusCode", "reasonPhrase", "body")}
        seen.append([request["uri"], task["status"], task.get("reasonForIncompletion"), response])
    return seen


@scenario
def http_methods_with_and_without_a_body(lab):
    plain = [{"uri": f"{TARGET}/sent", "method": method} for method in ("GET", "POST", "PUT", "DELETE", "PATCH")]
    full = [{**one, "body": {"a": 1}} for one in plain if one["method"] not in {"GET", "DELETE"}]
    return answers(lab, [*plain, *full])


@scenario
def http_content_types(lab):
    bodies = [
        ("text/plain", "a"),
        ("application/x-www-form-urlencoded", "a=1&b=2"),
        ("application/xml", "<a/>"),
        (None, [1, "x"]),
    ]
    uri = f"{TARGET}/sent"
    return answers(lab, [{"uri": uri, "method": "POST", "contentType": kind, "body": body} for kind, body in bodies])


@scenario
def http_form_data_that_is_a_map(lab):
    kind = "application/x-www-form-urlencoded"
    body = {"a": "1", "b": "two words"}
    return answers(lab, [{"uri": f"{TARGET}/sent", "method": "POST", "contentType": kind, "body": body}])[0][1]


@scenario
def http_bodies_of_every_kind(lab):
    paths = [
        "true", "null", "string", "fraction", "latin", "latin-named", "utf", "utf-json", "html", "no-type", "bytes",
        "json-as-text",
    ]  # fmt: skip
    return answers(lab, [{"uri": f"{TARGET}/{path}"} for path in paths])


@scenario
def http_bodies_that_are_no_json(lab):
    return [one[1] for one in answers(lab, [{"uri": f"{TARGET}/{path}"} for path in ("nan", "broken")])]


@scenario
def http_redirects(lab):
    places = ("absolute", "relative", "sibling")
    requests = [
        {"uri": f"{TARGET}/redirect/{status}/{where}", "method": method, "body": {"a": 1} if method == "POST" else None}
        for status in (301, 302, 303, 307, 308)
        for where in places
        for method in ("GET", "POST")
    ]
    return answers(lab, requests)


@scenario
def http_redirects_that_lead_nowhere(lab):
    requests = [
        {"uri": f"{TARGET}/redirect/{status}/{where}"}
        for status, where in ((302, "none"), (304, "none"), (300, "none"))
    ]
    return answers(lab, requests)


@scenario
def http_addresses(lab):
    paths = [
        "/a%20b",
        "/s?x=a%26b",
        "/s?x={y}",
        "/a/../b",
        "/%zz",
        "/s?x=1&y=a b",
        "/caf\u00e9",
        "/s?x=a+b",
        "/s#frag",
        "/s?q=[1]",
        "/a|b",
        "//a",
        "/s?x=",
    ]
    return answers(lab, [{"uri": f"{TARGET}{path}"} for path in paths])


@scenario
def http_addresses_without_a_scheme(lab):
    host = TARGET.partition("://")[2]
    return [
        one[1:3] for one in answers(lab, [{"uri": uri} for uri in (f"{host}/json", "/json", "nonsense", "ftp://x/y")])
    ]


@scenario
def http_failures_hide_the_query(lab):
    return answers(lab, [{"uri": f"{TARGET}/status/404?token=s3cret"}, {"uri": "http://127.0.0.1:1/x?token=s3cret"}])
