"""The files of examples/deploy have the formats of Docker Compose, Kubernetes, KEDA and Helm, and fit the SDK."""

import json
import re
from pathlib import Path

import jsonschema
import yaml

from conductor.server.oss.backend import backend_settings
from conductor.server.oss.launch import _DEFAULT_PROPERTIES

FOLDER = Path(__file__).parents[2] / "examples" / "deploy"
STRING, INTEGER = {"type": "string"}, {"type": "integer", "minimum": 0}
STRINGS = {"type": "array", "items": STRING, "minItems": 1}
DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
LABELS = {"type": "object", "additionalProperties": STRING}


def exactly(required, **optional):
    """An object with these fields and no others."""
    properties = {**required, **optional}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


HEALTHCHECK = exactly({"test": STRINGS}, interval=DURATION, timeout=DURATION, start_period=DURATION, retries=INTEGER)
SERVICE = exactly(
    {"restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]}, "healthcheck": HEALTHCHECK},
    image=STRING,
    build=STRING,
    environment={"type": "object", "additionalProperties": STRING},  # YAML's booleans and numbers are not strings
    volumes=STRINGS,
    ports=STRINGS,
    depends_on={
        "type": "object",
        "additionalProperties": exactly({"condition": {"enum": ["service_started", "service_healthy"]}}),
    },
    stop_grace_period=DURATION,
    deploy=exactly({"replicas": INTEGER}),
)
COMPOSE = exactly(
    {"services": {"type": "object", "additionalProperties": SERVICE}},
    volumes={"type": "object", "additionalProperties": {"type": "object"}},
)
PROBE = exactly(
    {"httpGet": exactly({"path": STRING, "port": {"type": ["string", "integer"]}})},
    periodSeconds=INTEGER,
    failureThreshold=INTEGER,
)
QUANTITIES = {
    "type": "object",
    "additionalProperties": {"type": "string", "pattern": "^[0-9]+(m|Ki|Mi|Gi)?$"},
}
CONTAINER = exactly(
    {"name": STRING, "image": STRING, "livenessProbe": PROBE, "readinessProbe": PROBE, "startupProbe": PROBE},
    command=STRINGS,
    env={"type": "array", "items": exactly({"name": STRING, "value": STRING})},
    ports={"type": "array", "items": exactly({"name": STRING, "containerPort": INTEGER})},
    resources=exactly({"requests": QUANTITIES, "limits": QUANTITIES}),
)
POD = exactly(
    {"terminationGracePeriodSeconds": INTEGER, "containers": {"type": "array", "items": CONTAINER, "minItems": 1}},
    securityContext=exactly({}, runAsNonRoot={"type": "boolean"}, runAsUser=INTEGER),
)
SELECTOR = exactly({"matchLabels": LABELS})
METADATA = exactly({"name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}}, labels=LABELS)
ROLLING = exactly({"maxSurge": INTEGER, "maxUnavailable": INTEGER})
TRIGGER = exactly({"type": {"const": "metrics-api"}, "metadata": {"type": "object", "additionalProperties": STRING}})
SPECS = {
    ("apps/v1", "Deployment"): exactly(
        {"selector": SELECTOR, "template": exactly({"metadata": exactly({"labels": LABELS}), "spec": POD})},
        strategy=exactly({"type": {"const": "RollingUpdate"}, "rollingUpdate": ROLLING}),
    ),
    ("policy/v1", "PodDisruptionBudget"): exactly({"minAvailable": INTEGER, "selector": SELECTOR}),
    ("keda.sh/v1alpha1", "ScaledObject"): exactly(
        {"scaleTargetRef": exactly({"name": STRING}), "triggers": {"type": "array", "items": TRIGGER}},
        minReplicaCount=INTEGER,
        maxReplicaCount=INTEGER,
        cooldownPeriod=INTEGER,
    ),
}


def variable(name):
    """Return the environment variable of a Spring property."""
    return name.upper().replace(".", "_").replace("-", "")


def test_the_compose_file_is_valid_and_has_the_settings_of_the_launcher():
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    jsonschema.validate(compose, COMPOSE)
    services = compose["services"]
    assert all(other in services for service in services.values() for other in service.get("depends_on", ()))
    given = services["server"]["environment"]
    settings = backend_settings("postgres", "postgresql://conductor:secret@database:5432/conductor")
    wanted = {**_DEFAULT_PROPERTIES, **settings.properties}
    values = {variable(name): str(value).lower() if value is True else str(value) for name, value in wanted.items()}
    assert {**given, **values} == given
    assert set(settings.environment) <= set(given)


def render(chart, values, release):
    """Return the manifests of a chart whose templates only insert values."""

    def insert(found):
        root, *path = found["path"].split(".")
        value = {"Values": values, "Release": {"Name": release}}[root]
        for name in path:
            value = value[name]
        return json.dumps(str(value)) if found["quote"] else str(value)

    expression = re.compile(r"\{\{ \.(?P<path>[A-Za-z.]+)(?P<quote> \| quote)? \}\}")
    texts = [expression.sub(insert, path.read_text()) for path in sorted((chart / "templates").iterdir())]
    assert "{{" not in "".join(texts)
    return [yaml.safe_load(text) for text in texts]


def test_the_kubernetes_manifests_are_valid_and_fit_together():
    check(list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())))


def test_the_chart_renders_valid_manifests_that_use_every_value():
    chart = FOLDER / "chart"
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    assert (described["apiVersion"], described["type"]) == ("v2", "application")
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", described["version"])
    values = yaml.safe_load((chart / "values.yaml").read_text())
    used = re.findall(r"\.Values\.(\w+)", "".join(path.read_text() for path in (chart / "templates").iterdir()))
    assert set(used) == set(values)
    assert values["terminationGracePeriodSeconds"] > values["graceSeconds"]

    deployment, budget, scaled = render(chart, values, "charge-workers")

    check([deployment, budget, scaled])
    plain = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
    assert [budget, scaled] == plain[1:]
    for made, given in zip(containers(deployment), containers(plain[0]), strict=True):
        added = [one for one in made["env"] if one["name"] == "GRACE_SECONDS"]
        assert added == [{"name": "GRACE_SECONDS", "value": str(values["graceSeconds"])}]
        given["env"] += added
        given["resources"]["requests"]["memory"] = values["memory"]
    assert deployment == plain[0]


def containers(deployment):
    return deployment["spec"]["template"]["spec"]["containers"]


def check(manifests):
    """Check a Deployment, its PodDisruptionBudget and its ScaledObject."""
    for manifest in manifests:
        spec = SPECS[manifest["apiVersion"], manifest["kind"]]
        jsonschema.validate(
            manifest, exactly({"apiVersion": STRING, "kind": STRING, "metadata": METADATA, "spec": spec})
        )
    deployment, budget, scaled = manifests
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == budget["spec"]["selector"]["matchLabels"] == labels
    assert scaled["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert budget["spec"]["minAvailable"] < scaled["spec"]["minReplicaCount"]


def test_pods_and_containers_outlive_the_grace_period_of_the_program():
    grace = int(re.search(r'"GRACE_SECONDS", "(\d+)"', (FOLDER / "workers.py").read_text())[1])
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    deployment = next(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
    assert int(compose["services"]["workers"]["stop_grace_period"].rstrip("s")) > grace
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > grace


def test_probes_and_the_scaler_use_addresses_that_exist():
    text = (FOLDER / "kubernetes.yaml").read_text() + (FOLDER / "compose.yaml").read_text()
    assert set(re.findall(r"/(livez|readyz|healthz)\b", text)) == {"livez", "readyz"}
    assert "/api/tasks/queue/sizes?taskType=charge" in text
    assert '@worker_task("charge"' in (FOLDER / "workers.py").read_text()


def test_pages_about_scale_begin_with_the_threads_of_the_server():
    docs = FOLDER.parents[1] / "docs"
    for name in ("howto/domains.md", "howto/kubernetes.md", "explanations/scale.md", "explanations/polling.md"):
        first = (docs / name).read_text(encoding="utf-8").split("\n\n")[1]
        assert "server.tomcat.threads.max" in first, name
