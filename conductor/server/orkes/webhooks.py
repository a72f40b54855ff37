"""Webhooks: their configuration, the deliveries of senders, and the WAIT_FOR_WEBHOOK tasks that wait for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from conductor.models.codec import dumps
from conductor.server.engine.context import RefusedError, ScriptFailedError
from conductor.server.engine.expressions.inputs import bound_input
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.expressions.jsonpath import PathError, TooManyStepsError, parse
from conductor.server.engine.expressions.references import substitute
from conductor.server.engine.extensions import TaskKind
from conductor.server.engine.json_fields import Reader, boolean, integer, mapping, one_of, read, string, strings_by_name
from conductor.server.engine.state import COMPLETED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, Execution, is_done
from conductor.server.engine.tasks.external import leave_open, plan_asynchronous
from conductor.server.engine.tasks.planning import Run
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    invalid,
    json_answer,
    read_object,
    text_answer,
)
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.tags import WEBHOOK, Tags
from conductor.server.orkes.vault import Vault
from conductor.server.orkes.webhook_verifiers import (
    VERIFIERS,
    Delivery,
    UnverifiedError,
    challenge_response,
    check,
    secret_headers,
)
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Executions
from conductor.server.services.tasks import end_task

Json = dict[str, Any]

logger = logging.getLogger(__name__)

_WAIT = "WAIT_FOR_WEBHOOK"
#: Replacement of a secret in responses; in an update, it keeps the known secret.
_HIDDEN = "***"
#: Fields with secrets, which are stored encrypted.
_SECRETS = ("secretKey", "secretValue")
#: Maximum number of deliveries in the history of a webhook.
_MAX_HISTORY = 100
#: Maximum number of characters of a delivery in the history.
_MAX_PAYLOAD = 100_000
#: Maximum number of tasks that one delivery checks.
_MAX_WAITING = 1_000_000
#: Keys of ``workflowsToStart`` that are not names of workflows.
_IDEMPOTENCY = ("idempotencyKey", "idempotencyStrategy")


def _versions(value: Any) -> Json:
    """Read an object of workflow names and versions; null is any version."""
    return {name: None if version is None else integer(version) for name, version in mapping(value).items()}


_CONFIG: Mapping[str, Reader] = {
    "id": string,
    "name": string,
    "verifier": one_of(*VERIFIERS),
    "sourcePlatform": string,
    "headers": strings_by_name,
    "headerKey": string,
    "secretKey": string,
    "secretValue": string,
    "receiverWorkflowNamesToVersions": _versions,
    "workflowsToStart": mapping,
    "expression": string,
    "evaluatorType": string,
    "urlVerified": boolean,
}
_STORED = (*_CONFIG, "createdBy")


class UnreadableBodyError(Exception):
    """The body of a verified delivery is not JSON."""


class Webhooks:
    """Stores webhooks and receives their deliveries.

    Args:
        kernel: The server's state.
        executions: Starts workflows.
        tags: The tags of webhooks.
        vault: Encrypts the secrets of the verifiers.
        check_start: Raises RefusedError if the creator of a webhook may not start a workflow.
    """

    def __init__(
        self,
        kernel: Kernel,
        executions: Executions,
        tags: Tags,
        vault: Vault,
        check_start: Callable[[str | None, str], None],
    ) -> None:
        self._check_start = check_start
        self._kernel, self._executions, self._tags, self._vault = kernel, executions, tags, vault
        self._documents = Documents(kernel, "orkes_webhook")
        self._history = Documents(kernel, "orkes_webhook_delivery")  # the version numbers the deliveries
        kernel.extensions.kinds[_WAIT] = TaskKind(plan_asynchronous, _start_wait, is_ended_by_update=True)

    # -- configuration

    def create(self, given: Json, principal: Principal) -> Json:
        """Create a webhook and return it with its secrets, which are not returned again.

        Raises:
            RefusedError: The webhook is invalid (400), or its id exists (409).
        """
        config = _checked(given)
        with self._kernel.change() as context:
            webhook_id = config.get("id") or context.new_id()
            if self._documents.get(webhook_id) is not None:
                raise RefusedError(409, f"A webhook with the id {webhook_id} exists")
            made = {**config, "id": webhook_id, "urlVerified": False, "createdBy": principal.id}
            self._put(made, given)
            return self._tags.shown(WEBHOOK, webhook_id, made)

    def update(self, webhook_id: str, given: Json) -> Json:
        """Replace a webhook; secrets that are ``***`` stay. Returns the webhook without secrets.

        Raises:
            RefusedError: The webhook is invalid (400) or does not exist (404).
        """
        config = _checked(given)
        with self._kernel.change():
            known = self._opened(self._require(webhook_id))
            kept = {key: known.get(key) for key in ("id", "createdBy", "urlVerified")}
            made = {**_with_known_secrets(config, known), **kept}
            self._put(made, given)
            return self._shown(made)

    def _put(self, config: Json, given: Json) -> None:
        if given.get("tags") is not None:
            self._tags.replace(WEBHOOK, config["id"], given["tags"])
        stored = {key: config[key] for key in _STORED if config.get(key) is not None}
        sealed = {key: self._vault.seal(stored.pop(key)) for key in _SECRETS if key in stored}
        headers = {name: self._vault.seal(str(value)) for name, value in stored.pop("headers", {}).items()}
        self._documents.put(config["id"], {**stored, "sealed": sealed, "sealedHeaders": headers})

    def _opened(self, stored: Json) -> Json:
        """Return a webhook with its secrets."""
        opened = {key: self._vault.open(sealed) for key, sealed in stored["sealed"].items()}
        headers = {name: self._vault.open(sealed) for name, sealed in stored["sealedHeaders"].items()}
        plain = {key: value for key, value in stored.items() if key not in {"sealed", "sealedHeaders"}}
        return {**plain, **opened, **({"headers": headers} if headers else {})}

    def _shown(self, config: Json) -> Json:
        """Return a webhook without secrets: the headers are secrets if the verifier compares them."""
        shown = {key: value for key, value in config.items() if value is not None}
        shown.update({key: _HIDDEN for key in _SECRETS if shown.get(key)})
        if shown["verifier"] == "HEADER_BASED" and shown.get("headers"):
            shown["headers"] = dict.fromkeys(shown["headers"], _HIDDEN)
        return self._tags.shown(WEBHOOK, shown["id"], shown)

    def _require(self, webhook_id: str) -> Json:
        found = self._documents.get(webhook_id)
        if found is None:
            raise RefusedError(404, f"No such webhook found by id: {webhook_id}")
        return found

    def has(self, webhook_id: str) -> bool:
        """Return whether a webhook exists."""
        return self._documents.get(webhook_id) is not None

    def all(self) -> list[Json]:
        """Return all webhooks without secrets and histories."""
        return [self._shown(self._opened(stored)) for stored in self._documents.all()]

    def get(self, webhook_id: str) -> Json:
        """Return a webhook without secrets, with its history, the newest delivery first.

        Raises:
            RefusedError: It does not exist (404).
        """
        shown = self._shown(self._opened(self._require(webhook_id)))
        with self._kernel.lock:
            numbers = reversed(self._history.versions(webhook_id))
            return {**shown, "webhookExecutionHistory": [self._history.get(webhook_id, one) for one in numbers]}

    def remove(self, webhook_id: str) -> None:
        """Delete a webhook with its history and its tags.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self._require(webhook_id)
            self._documents.drop(webhook_id)
            for number in self._history.versions(webhook_id):
                self._history.drop(webhook_id, number)
            self._tags.forget(WEBHOOK, webhook_id)

    # -- deliveries

    def receive(self, webhook_id: str, delivery: Delivery) -> Json | None:
        """Verify a delivery, complete the tasks that wait for it, and start workflows.

        Returns:
            The response to a challenge; None for an event, and for an unknown webhook.

        Raises:
            UnverifiedError: The delivery does not come from the sender.
            UnreadableBodyError: The body is not JSON.
        """
        stored = self._documents.get(webhook_id)
        if stored is None:
            logger.warning("event=server.webhook_unknown webhook_id=%r", webhook_id)
            return None
        config = self._opened(stored)
        response = challenge_response(config, delivery)
        if response is not None:
            self._set_verified(webhook_id)
            return response
        try:
            check(config, delivery)
        except UnverifiedError as error:
            logger.warning("event=server.webhook_refused webhook_id=%s reason=%s", webhook_id, error)
            self._record(config, delivery, None, [])
            raise
        event = _event(delivery)
        self._set_verified(webhook_id)
        targets = self._targets(config, event)
        resumed = self._resume(config, event)
        started = [found for name, version in targets if (found := self._start(config, name, version, event))]
        self._record(config, delivery, event, list(dict.fromkeys([*started, *resumed])))
        return None

    def _set_verified(self, webhook_id: str) -> None:
        with self._kernel.change():
            stored = self._documents.get(webhook_id)
            if stored is not None and not stored["urlVerified"]:
                self._documents.put(webhook_id, {**stored, "urlVerified": True})

    def _resume(self, config: Json, event: Json) -> list[str]:
        """Complete the waiting tasks that match; returns the ids of their executions."""
        receivers, resumed = config.get("receiverWorkflowNamesToVersions") or {}, []
        if not receivers:
            return []
        with self._kernel.change():
            waiting = self._kernel.store.tasks_of_type(_WAIT, [IN_PROGRESS], 0, _MAX_WAITING)
            matching = [
                (execution, task_id)
                for task_id, workflow_id in waiting
                if (execution := self._kernel.find(workflow_id)) is not None
                and self._is_waiting(execution, task_id, receivers, event)
            ]
            for execution, task_id in matching:
                task = execution.task(task_id)
                if task is not None and not is_done(task):
                    end_task(self._kernel, execution, task, COMPLETED, dict(event))
                    resumed.append(execution.id)
        return resumed

    def _is_waiting(self, execution: Execution, task_id: str, receivers: Json, event: Json) -> bool:
        name, version = execution.workflow["workflowName"], execution.workflow["workflowVersion"]
        if not execution.is_open or name not in receivers or receivers[name] not in {None, version}:
            return False
        task = execution.task(task_id)
        if task is None or is_done(task):
            return False
        return matches(bound_input(task, self._kernel.context).get("matches") or {}, event)

    def _targets(self, config: Json, event: Json) -> list[tuple[str, Any]]:
        """Return the workflows to start, with their versions: those of the webhook, and those that its script names."""
        given = {**(config.get("workflowsToStart") or {}), **self._computed_targets(config, event)}
        for key in _IDEMPOTENCY:
            given.pop(key, None)
        return list(given.items())

    def _computed_targets(self, config: Json, event: Json) -> Json:
        script, kind = config.get("expression"), config.get("evaluatorType") or "javascript"
        if not script or not script.strip():
            return {}
        if kind not in {"javascript", "graaljs"}:
            logger.warning("event=server.webhook_expression_ignored webhook_id=%s evaluator=%s", config["id"], kind)
            return {}
        try:
            found = self._kernel.context.javascript(script, event)
        except ScriptFailedError as error:
            logger.warning("event=server.webhook_expression_failed webhook_id=%s reason=%s", config["id"], error)
            return {}
        if isinstance(found, str):
            found = [found]
        if isinstance(found, list):
            found = {name: None for name in found if isinstance(name, str)}
        return found if isinstance(found, dict) else {}

    def _start(self, config: Json, name: str, version: Any, event: Json) -> str | None:
        """Start a workflow with the event as its input; returns the execution's id, or None if it cannot be started."""
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            logger.warning("event=server.webhook_version_invalid webhook_id=%s workflow=%s", config["id"], name)
            return None
        keys = {key: (config.get("workflowsToStart") or {}).get(key) for key in _IDEMPOTENCY}
        scope = {"workflow": {"input": event}}
        request = {
            "name": name,
            "version": version,
            "input": event,
            "createdBy": config.get("createdBy"),
            **{key: substitute(value, scope) for key, value in keys.items() if value},
        }
        try:
            self._check_start(config.get("createdBy"), name)
            return self._executions.start(request)
        except Exception as error:  # the workflow may be broken; the others must still start
            reason = error.message if isinstance(error, RefusedError) else repr(error)
            logger.warning(
                "event=server.webhook_start_failed webhook_id=%s workflow=%s reason=%s", config["id"], name, reason
            )
            return None

    def _record(self, config: Json, delivery: Delivery, event: Json | None, workflow_ids: list[str]) -> None:
        """Add a delivery to the history; the values of headers that identify the sender are hidden."""
        hidden = secret_headers(config)
        headers = {name: _HIDDEN if name in hidden else value for name, value in delivery.headers.items()}
        body: Any = event if event is not None else delivery.body.decode("utf-8", "replace")
        payload = dumps({"headers": headers, "body": body}).decode()
        if len(payload) > _MAX_PAYLOAD:
            payload = dumps({"headers": headers, "body": f"{len(delivery.body)} bytes, not kept"}).decode()
        with self._kernel.change() as context:
            if self._documents.get(config["id"]) is None:
                return
            record = {
                "eventId": context.new_id(),
                "matched": bool(workflow_ids),
                "workflowIds": workflow_ids,
                "payload": payload,
                "timeStamp": context.now,
            }
            numbers = self._history.versions(config["id"])
            self._history.put(config["id"], record, numbers[-1] + 1 if numbers else 1)
            for number in numbers[: 1 - _MAX_HISTORY]:
                self._history.drop(config["id"], number)


def _checked(given: Json) -> Json:
    config = {key: value for key, value in read(given, _CONFIG).items() if key in _CONFIG}
    if config.get("headers"):
        config["headers"] = {name: value for name, value in config["headers"].items() if value is not None}
    faults = []
    if not (config.get("name") or "").strip():
        faults.append(("name", "A webhook must have a name"))
    if config.get("verifier") is None:
        faults.append(("verifier", f"A webhook must have a verifier: one of {', '.join(VERIFIERS)}"))
    if config.get("verifier") == "HEADER_BASED" and not config.get("headers"):
        faults.append(("headers", "A webhook with the verifier HEADER_BASED must have headers"))
    if not any(config.get(key) for key in ("expression", "receiverWorkflowNamesToVersions", "workflowsToStart")):
        message = "A webhook must have receiverWorkflowNamesToVersions, workflowsToStart or expression"
        faults.append(("receiverWorkflowNamesToVersions", message))
    if "/" in (config.get("id") or ""):
        faults.append(("id", "The id of a webhook must not contain a slash"))
    if faults:
        raise invalid(*faults)
    return config


def _with_known_secrets(config: Json, known: Json) -> Json:
    """Return the webhook with the known value of each secret that is ``***``."""
    made = {key: known.get(key) if key in _SECRETS and value == _HIDDEN else value for key, value in config.items()}
    if made.get("headers"):
        before, headers = known.get("headers") or {}, made["headers"] or {}
        made["headers"] = {
            name: before.get(name, value) if value == _HIDDEN else value for name, value in headers.items()
        }
    return made


def _event(delivery: Delivery) -> Json:
    """Return the event of a delivery: its body with the query parameters, which take precedence.

    Raises:
        UnreadableBodyError: The body is not JSON.
    """
    body: Any = {}
    if delivery.method == "POST" and delivery.body.strip():
        body = delivery.json()
        if body is None and delivery.body.strip() != b"null":
            raise UnreadableBodyError
    return {**(body if isinstance(body, dict) else {"body": body}), **delivery.query}


def matches(expected: Any, event: Json) -> bool:
    """Return whether an event has all the expected values at their JSONPaths."""
    return isinstance(expected, dict) and all(_has_value(event, path, value) for path, value in expected.items())


def _has_value(event: Json, path: str, expected: Any) -> bool:
    try:
        found = parse(path).read(event, event)
    except (PathError, TooManyStepsError):
        return False
    if isinstance(found, list) and not isinstance(expected, list):
        found = found[0] if found else None
    return _text(found) == _text(expected)


def _text(value: Any) -> str:
    """Return the text to compare: without surrounding spaces, in lower case."""
    shown = dumps(value).decode() if isinstance(value, (dict, list)) else java_text(value)
    return shown.strip().lower()


def _start_wait(run: Run) -> None:
    """Start a WAIT_FOR_WEBHOOK task, which waits for a delivery."""
    expected = run.input.get("matches")
    if expected is not None and not isinstance(expected, dict):
        run.fail("matches must be an object of JSONPaths and expected values", FAILED_WITH_TERMINAL_ERROR)
    else:
        leave_open(run)


class WebhookResource:
    """Handlers of webhooks.

    Args:
        webhooks: The webhooks.
        clock: The server's clock, for the age of signatures.
    """

    def __init__(self, webhooks: Webhooks, clock: Clock) -> None:
        self._webhooks, self._clock = webhooks, clock

    def routes(self) -> list[Route]:
        """Return the routes under ``/api``."""
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/metadata/webhook", self.all),
            post("/metadata/webhook", self.create),
            get("/metadata/webhook/{id}", self.get),
            put("/metadata/webhook/{id}", self.update),
            delete("/metadata/webhook/{id}", self.remove),
        ]

    def root_routes(self) -> list[Route]:
        """Return the routes for senders, which have no token; the open-source server documents the second path."""
        return [Route(path, self.receive, methods=["GET", "POST"]) for path in ("/webhook/{id}", "/api/webhook/{id}")]

    def all(self, _: Request) -> Response:
        """``GET /metadata/webhook``."""
        return json_answer(self._webhooks.all())

    def create(self, request: Request) -> Response:
        """``POST /metadata/webhook``."""
        return json_answer(self._webhooks.create(read_object(request), request.principal))

    def get(self, request: Request) -> Response:
        """``GET /metadata/webhook/{id}``."""
        return json_answer(self._webhooks.get(request.path_params["id"]))

    def update(self, request: Request) -> Response:
        """``PUT /metadata/webhook/{id}``."""
        return json_answer(self._webhooks.update(request.path_params["id"], read_object(request)))

    def remove(self, request: Request) -> Response:
        """``DELETE /metadata/webhook/{id}``."""
        self._webhooks.remove(request.path_params["id"])
        return empty_answer()

    def receive(self, request: Request) -> Response:
        """``POST /webhook/{id}`` and ``GET /webhook/{id}``."""
        query, now = dict(request.query_params.items()), self._clock.now_ms()
        delivery = Delivery(request.method, request.headers, query, request.body, now)
        try:
            response = self._webhooks.receive(request.path_params["id"], delivery)
        except UnverifiedError:  # the response does not contain the reason
            return text_answer("The webhook could not be verified", 401)
        except UnreadableBodyError:
            return text_answer("The body of the webhook is not JSON", 400)
        return empty_answer() if response is None else json_answer(response)
