"""Checks permissions before the handlers of the API run: the access that each operation needs on an object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import frozen

from conductor.models.codec import loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import UnreadableError, string
from conductor.server.http.messages import Outcome, Request, Response, json_answer, parse_json, then
from conductor.server.http.routing import Route
from conductor.server.orkes.access import CREATE, DELETE, EXECUTE, READ, UPDATE
from conductor.server.orkes.permissions import Permissions, refused
from conductor.server.orkes.tags import Tags
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

_WORKFLOW, _TASK, _APPLICATION, _SECRET = "WORKFLOW_DEF", "TASK_DEF", "APPLICATION", "SECRET_NAME"
_VARIABLE, _SCHEDULE, _HANDLER, _CLUSTER = "ENV_VARIABLE", "WORKFLOW_SCHEDULE", "EVENT_HANDLER", "CLUSTER_CONFIG"
_PROVIDER, _PROMPT = "INTEGRATION_PROVIDER", "PROMPT"
#: Kinds for which Orkes has no grants: roles and the creation of an object decide.
_SERVICE, _GATEWAY = "REMOTE_SERVICE", "API_GATEWAY"
_FORM = "USER_FORM_TEMPLATE"
#: The access that an HTTP method needs by default.
_BY_METHOD: Mapping[str, str] = {"GET": READ, "POST": UPDATE, "PUT": UPDATE, "DELETE": DELETE}
_PARAMETER = re.compile(r"\{[^}]*\}")
#: Objects with operations on one of them: the beginning of their paths, their kind, and how many segments name them.
_OBJECTS = (
    ("/metadata/workflow/{}", _WORKFLOW, 1),
    ("/metadata/task/{}", _TASK, 1),
    ("/metadata/taskdefs/{}", _TASK, 1),
    ("/metadata/webhook/{}", "WEBHOOK", 1),
    ("/applications/{}", _APPLICATION, 1),
    ("/environment/{}", _VARIABLE, 1),
    ("/secrets/{}", _SECRET, 1),
    ("/scheduler/schedules/{}", _SCHEDULE, 1),
    ("/event/handler/{}", _HANDLER, 1),
    ("/prompts/{}", "PROMPT", 1),
    ("/integrations/provider/{}/integration/{}", "INTEGRATION", 2),
    ("/integrations/provider/{}", "INTEGRATION_PROVIDER", 1),
    ("/schema/{}", "SCHEMA", 1),
    ("/registry/service/{}", _SERVICE, 1),
    ("/human/template/{}", _FORM, 1),
)
#: Prefixes of the paths that workers use. They create no objects, so the rules are skipped for administrators.
_HOT_PATHS = ("/tasks", "/workflow")
#: Paths of one version of an object, which is deleted like the object itself.
_VERSIONS = ("/metadata/workflow/{}/{}", "/schema/{}/{}", "/human/template/{}/{}", "/prompts/{}/versions/{}")
#: Prefix of the paths that configure the API gateway, for which only roles decide.
_GATEWAY_PATHS = "/gateway/config/"
#: Operations on the server as a whole, which only an administrator may use.
_ADMINISTRATION = (
    ("POST", "/admin/consistency/verifyAndRepair/{}"), ("POST", "/admin/cache/clear/{}"),
    ("POST", "/integrations/def/register"), ("POST", "/integrations/eventStats/{}"), ("GET", "/event/queue/config"),
    ("GET", "/event/queue/config/{}/{}"), ("PUT", "/event/queue/config/{}/{}"),
    ("DELETE", "/event/queue/config/{}/{}"), ("POST", "/event/queue/connectivity"), ("GET", "/event/message"),
    ("GET", "/event/message/{}"), ("GET", "/event/execution"), ("GET", "/scheduler/admin/pause"),
    ("GET", "/scheduler/admin/resume"), ("GET", "/scheduler/admin/requeue"), ("GET", "/secrets/clearLocalCache"),
    ("GET", "/secrets/clearRedisCache"), ("GET", "/human/tasks/backPopulateFullTextIndex"),
)  # fmt: skip
#: Keys of ``workflowsToStart`` of a webhook that are not names of workflows.
_NO_TARGETS = frozenset({"idempotencyKey", "idempotencyStrategy"})
#: Operations that every caller may use, or whose service checks the permission itself.
OPEN = frozenset(
    {
        "POST /token", "POST /secrets", "POST /event/handleIncomingEvent", "POST /human/tasks/search",
        "POST /human/tasks/update/taskRef", "POST /human/tasks/{}/claim", "POST /human/tasks/{}/externalUser/{}",
        "POST /human/tasks/{}/reassign", "POST /human/tasks/{}/release", "POST /human/tasks/{}/skip",
        "POST /human/tasks/{}/update", "DELETE /human/tasks/delete", "DELETE /human/tasks/delete/{}",
        "POST /metadata/workflow-importer/import-bpm", "POST /metadata/workflow-task-defs/upload",
        "POST /webhook/{}", "POST /workflow/document-store/upload",
    }
)  # fmt: skip
#: Lists that show only what the caller may read: the kind of their objects, and the field with their names.
_LISTS: Mapping[str, tuple[str, str]] = {
    "/metadata/workflow": (_WORKFLOW, "name"),
    "/metadata/workflow/latest-versions": (_WORKFLOW, "name"),
    "/metadata/workflow/names": (_WORKFLOW, ""),
    "/metadata/workflow/names-and-versions": (_WORKFLOW, ""),
    "/metadata/taskdefs": (_TASK, "name"),
    "/event": (_HANDLER, "name"),
    "/event/{}": (_HANDLER, "name"),
    "/integrations": (_PROVIDER, "name"),
    "/integrations/": (_PROVIDER, "name"),
    "/integrations/provider": (_PROVIDER, "name"),
    "/scheduler/schedules/search": (_SCHEDULE, "name"),
    "/scheduler/schedules/tags": (_SCHEDULE, "name"),
    "/schema": ("SCHEMA", "name"),
    "/applications": (_APPLICATION, "id"),
    "/scheduler/schedules": (_SCHEDULE, "name"),
    "/secrets-v2": (_SECRET, "name"),
    "/metadata/webhook": ("WEBHOOK", "id"),
    "/prompts": ("PROMPT", "name"),
    "/human/template": (_FORM, "name"),
    "/workflow/search": (_WORKFLOW, "workflowType"),
    "/workflow/search-v2": (_WORKFLOW, "workflowName"),
    "/workflow/search-by-tasks": (_WORKFLOW, "workflowType"),
    "/workflow/search-by-tasks-v2": (_WORKFLOW, "workflowName"),
    "/tasks/search": (_TASK, "taskDefName"),
    "/tasks/search-v2": (_TASK, "taskDefName"),
}


@frozen
class Need:
    """A permission that an operation needs.

    Attributes:
        access: The access to the object.
        kind: The kind of the object.
        name: Its name.
        instead: An alternative permission that is sufficient.
        is_recorded: Whether the operation creates or deletes the object itself.
    """

    access: str
    kind: str
    name: str
    instead: Need | None = None
    is_recorded: bool = True


#: Returns the permissions that a request needs, from its path parameters in their order.
Rule = Callable[[Request, list[str]], list[Need]]


class Guard:
    """Wraps the handlers of routes with the check of permissions.

    Args:
        kernel: The server's state.
        permissions: Decides about permissions.
        tags: The tags of objects, which are deleted with them.
        exists: Functions that return whether an object of a kind exists: an upsert of one that does not needs CREATE.
    """

    def __init__(
        self, kernel: Kernel, permissions: Permissions, tags: Tags, exists: Mapping[str, Callable[[str], bool]]
    ) -> None:
        self._kernel, self._permissions, self._tags, self._exists = kernel, permissions, tags, exists
        self._rules: dict[tuple[str, str], Rule] = {**self._execution_rules(), **self._other_rules()}

    def __call__(self, route: Route) -> Route:
        """Return the route with a handler that checks permissions first."""
        template = _PARAMETER.sub("{}", route.path)
        shown = _LISTS.get(template) if "GET" in route.methods else None
        handler = route.handler

        def checked(request: Request) -> Outcome:
            may_everything = request.principal.is_admin or not self._permissions.is_enforced
            # Rules may parse the body a second time, which the polls and updates of an administrator's workers do not
            # need.
            if may_everything and template.startswith(_HOT_PATHS):
                return handler(request)
            # HEAD shows whether an object exists, so it needs what GET needs.
            method = "GET" if request.method == "HEAD" else request.method
            # Before the handler runs, because the needs of a deleted object could not be found afterwards.
            needs = self._needs(method, template, request)
            if not may_everything:
                for need in needs:
                    self._require(request, need)
            outcome = handler(request)
            recorded = [need for need in needs if need.is_recorded and need.access in {CREATE, DELETE}]
            if recorded:
                outcome = then(outcome, lambda response: self._record(request, recorded, response))
            if shown and method == "GET" and not may_everything:
                outcome = then(outcome, lambda response: self._readable(request, *shown, response))
            return outcome

        return Route(route.path, checked, route.methods)

    def covers(self, method: str, path: str) -> bool:
        """Return whether an operation is known: its permissions are checked, or it is open to every caller."""
        template = _PARAMETER.sub("{}", path)
        is_object = any(template == prefix or template.startswith(f"{prefix}/") for prefix, _, _ in _OBJECTS)
        is_object = is_object or template.startswith(_GATEWAY_PATHS)
        return (method, template) in self._rules or is_object or f"{method} {template}" in OPEN

    def _needs(self, method: str, template: str, request: Request) -> list[Need]:
        rule = self._rules.get((method, template))
        values = list(request.path_params.values())
        if rule is not None:
            return rule(request, values)
        if template.startswith(_GATEWAY_PATHS):
            return [Need(READ if method == "GET" else UPDATE, _GATEWAY, ":".join(values))]
        for prefix, kind, count in _OBJECTS:
            if template == prefix or template.startswith(f"{prefix}/"):
                is_object = template == prefix or (method == "DELETE" and template in _VERSIONS)
                name = ":".join(values[:count])
                if is_object and method in {"POST", "PUT"}:
                    return [self._upsert(kind, name)]
                return [Need(_BY_METHOD.get(method, READ) if is_object or method == "GET" else UPDATE, kind, name)]
        return []

    def _upsert(self, kind: str, name: str) -> Need:
        return Need(UPDATE if self._has(kind, name) else CREATE, kind, name)

    def _require(self, request: Request, need: Need) -> None:
        option: Need | None = need
        while option is not None:
            if self._permissions.may(request.principal, option.access, option.kind, option.name):
                return
            option = option.instead
        raise refused(need.access, need.kind, need.name)

    def _record(self, request: Request, needs: list[Need], response: Response) -> Response:
        """Give the creator of an object access to it; remove the permissions and tags of a deleted object."""
        if response.status >= 300:
            return response
        for need in needs:
            name = need.name
            if need.access == CREATE:
                if need.kind in {_APPLICATION, "WEBHOOK"} and not name:
                    name = str(loads(response.content).get("id", ""))
                self._permissions.created(request.principal, need.kind, name)
            # Only when the last version is deleted: permissions and tags belong to the name, not to a version.
            elif not self._has(need.kind, name):
                self._tags.forget(need.kind, name)
                self._permissions.forget(need.kind, name)
        return response

    def _has(self, kind: str, name: str) -> bool:
        exists = self._exists.get(kind)
        return exists is not None and exists(name)

    def _readable(self, request: Request, kind: str, field: str, response: Response) -> Response:
        if response.status != 200:
            return response
        found = loads(response.content)
        may = partial(self._permissions.may, request.principal, READ, kind)
        # An object by names, such as a list of secrets with their tags.
        if not field and isinstance(found, dict):
            return json_answer({name: value for name, value in found.items() if may(name)})
        rows = found["results"] if isinstance(found, dict) else found
        kept = [one for one in rows if may(str(one.get(field)) if field else one)]
        if isinstance(found, dict):
            # The count must not include objects that the user may not see.
            hidden = len(rows) - len(kept)
            return json_answer({**found, "totalHits": found["totalHits"] - hidden, "results": kept})
        return json_answer(kept)

    # -- what operations need

    def _execution_rules(self) -> dict[tuple[str, str], Rule]:
        read, control = self._of_execution(READ), self._of_execution(EXECUTE)

        def start(_: Request, values: list[str]) -> list[Need]:
            return [self._start(values[0])]

        def start_named(request: Request, _: list[str]) -> list[Need]:
            return [self._start(_name(request))]

        def bulk(request: Request, _: list[str]) -> list[Need]:
            return [need for one in _strings(request) for need in control(request, [one])]

        rules: dict[tuple[str, str], Rule] = {
            ("POST", "/workflow"): start_named,
            ("POST", "/workflow/{}"): start,
            ("POST", "/workflow/start/{}/{}"): start,
            ("POST", "/workflow/execute/{}/{}"): start,
            ("POST", "/workflow/execute/{}"): start,
            ("GET", "/workflow/execute/{}"): start,
            ("POST", "/workflow/test"): start_named,
            ("GET", "/workflow/running/{}"): _read_definition,
            ("POST", "/workflow/{}/correlated"): _read_definition,
            ("GET", "/workflow/{}/correlated/{}"): _read_definition,
            ("POST", "/workflow/correlated/batch"): lambda request, _: [
                Need(READ, _WORKFLOW, name) for name in _strings(request, "workflowNames")
            ],
            ("GET", "/tasks/poll/{}"): _poll,
            ("GET", "/tasks/poll/batch/{}"): _poll,
            ("POST", "/tasks"): self._task_update,
            ("POST", "/tasks/update-v2"): self._task_update,
            ("GET", "/tasks/{}"): lambda _, values: self._task(values[0], READ),
            ("GET", "/tasks/{}/log"): lambda _, values: self._task(values[0], READ),
            ("POST", "/tasks/{}/log"): lambda _, values: self._task(values[0], EXECUTE),
            ("POST", "/tasks/{}/{}/signal"): control,
            ("POST", "/tasks/{}/{}/signal/sync"): control,
            ("POST", "/tasks/{}/{}/{}"): lambda _, values: self._reference(values[0], values[1]),
            ("POST", "/tasks/{}/{}/{}/sync"): lambda _, values: self._reference(values[0], values[1]),
            ("POST", "/tasks/queue/requeue/{}"): lambda _, values: [Need(EXECUTE, _TASK, values[0])],
        }
        rules["POST", "/admin/sweep/requeue/{}"] = control
        for path in ("/queue/update/{}/{}/{}", "/queue/update/{}/task/{}/{}"):
            rules["POST", path] = control
        rules["POST", "/workflow/bulk/search"] = lambda request, _: [
            need for one in _strings(request) for need in read(request, [one])
        ]
        for suffix in ("", "/tasks", "/status", "/size"):
            rules["GET", f"/workflow/{{}}{suffix}"] = read
        controls = (
            ("PUT", "pause"), ("PUT", "resume"), ("POST", "retry"), ("POST", "restart"), ("POST", "rerun"),
            ("PUT", "skiptask/{}"), ("POST", "resetcallbacks"), ("DELETE", "remove"), ("DELETE", "terminate-remove"),
            ("POST", "jump/{}"), ("POST", "state"), ("POST", "upgrade"), ("POST", "variables"), ("POST", "messages"),
        )  # fmt: skip
        for method, path in controls:
            rules[method, f"/workflow/{{}}/{path}"] = control
        rules["DELETE", "/workflow/{}"] = rules["PUT", "/workflow/decide/{}"] = control
        for action in ("pause", "resume", "retry", "restart", "terminate", "remove", "terminate-remove", "delete"):
            for method in ("PUT", "POST", "DELETE"):
                rules[method, f"/workflow/bulk/{action}"] = bulk
        return rules

    def _other_rules(self) -> dict[tuple[str, str], Rule]:
        rules: dict[tuple[str, str], Rule] = {
            ("POST", "/metadata/workflow"): lambda request, _: self._definitions(_WORKFLOW, request),
            ("PUT", "/metadata/workflow"): lambda request, _: self._definitions(_WORKFLOW, request),
            ("POST", "/metadata/taskdefs"): lambda request, _: self._definitions(_TASK, request),
            ("PUT", "/metadata/taskdefs"): lambda request, _: self._definitions(_TASK, request),
            ("POST", "/applications"): lambda _, __: [Need(CREATE, _APPLICATION, "")],
            ("GET", "/applications/key/{}"): _nothing,
            ("POST", "/metadata/webhook"): lambda request, _: [
                Need(CREATE, "WEBHOOK", _name(request, "id")),
                *self._starts(_webhook_starts(_body(request))),
            ],
            ("PUT", "/metadata/webhook/{}"): lambda request, values: [
                Need(UPDATE, "WEBHOOK", values[0]),
                *self._starts(_webhook_starts(_body(request))),
            ],
            ("POST", "/human/template"): lambda request, _: self._definitions(_FORM, request),
            ("POST", "/human/template/bulk"): lambda request, _: self._definitions(_FORM, request),
            ("GET", "/human/template/{}"): _nothing,  # it names a task, for which the service checks permissions
            ("POST", "/scheduler/schedules"): lambda request, _: [
                self._upsert(_SCHEDULE, _name(request)),
                *self._starts(_schedule_starts(_body(request))),
            ],
            ("DELETE", "/event/{}"): lambda _, values: [Need(DELETE, _HANDLER, values[0])],
            ("PUT", "/event"): lambda request, _: [
                *self._definitions(_HANDLER, request, access=UPDATE),
                *self._starts(_handler_starts(_body(request))),
            ],
            ("POST", "/event"): lambda request, _: [
                *self._definitions(_HANDLER, request, access=CREATE),
                *self._starts(_handler_starts(_body(request))),
            ],
            ("PUT", "/event/{}/tags"): lambda _, values: [Need(UPDATE, _HANDLER, values[0])],
            ("DELETE", "/event/{}/tags"): lambda _, values: [Need(UPDATE, _HANDLER, values[0])],
            ("GET", "/event/{}/tags"): lambda _, values: [Need(READ, _HANDLER, values[0])],
            ("GET", "/environment/{}"): _nothing,
            ("GET", "/environment/{}/tags"): _nothing,
            ("GET", "/secrets/{}/exists"): _nothing,
            ("POST", "/schema"): lambda request, _: self._definitions("SCHEMA", request),
            ("POST", "/global_schema"): lambda request, _: self._definitions("SCHEMA", request),
            ("POST", "/integrations"): lambda request, _: self._definitions(_PROVIDER, request),
            ("POST", "/integrations/"): lambda request, _: self._definitions(_PROVIDER, request),
            ("GET", "/integrations/llm/{}/token"): lambda _, values: [Need(READ, _PROVIDER, values[0])],
            ("GET", "/integrations/llm/{}/token/history"): lambda _, values: [Need(READ, _PROVIDER, values[0])],
            ("POST", "/integrations/llm/{}/token"): lambda _, values: [Need(UPDATE, _PROVIDER, values[0])],
            ("POST", "/prompts"): lambda request, _: self._definitions(_PROMPT, request),
            ("POST", "/prompts/"): lambda request, _: self._definitions(_PROMPT, request),
            ("POST", "/prompts/test"): lambda request, _: [Need(EXECUTE, _PROVIDER, _name(request, "llmProvider"))],
            ("POST", "/registry/service"): lambda request, _: self._definitions(_SERVICE, request),
            ("POST", "/registry/service/"): lambda request, _: self._definitions(_SERVICE, request),
            ("GET", "/registry/service/{}"): _nothing,
            ("GET", "/registry/service/{}/circuit-breaker/status"): _nothing,
            ("GET", "/registry/service/protos/{}"): _nothing,
            ("GET", "/registry/service/protos/{}/{}"): _nothing,
            ("POST", "/registry/service/protos/{}/{}"): lambda _, values: [Need(UPDATE, _SERVICE, values[0])],
            ("DELETE", "/registry/service/protos/{}/{}"): lambda _, values: [Need(UPDATE, _SERVICE, values[0])],
            ("GET", "/event/execution/{}"): lambda _, values: [Need(READ, _HANDLER, values[0])],
            ("GET", "/admin/task/{}"): lambda _, values: [Need(READ, _TASK, values[0])],
            ("POST", "/metadata/workflow/validate"): _nothing,
            ("PUT", "/scheduler/bulk/pause"): _schedules,
            ("PUT", "/scheduler/bulk/resume"): _schedules,
            ("POST", "/roles"): _administration,
            ("PUT", "/roles/{}"): _administration,
            ("DELETE", "/roles/{}"): _administration,
            ("POST", "/auth/authorization"): _target,
            ("DELETE", "/auth/authorization"): _target,
            ("GET", "/auth/authorization/{}/{}"): lambda _, values: [Need(READ, values[0].upper(), values[1])],
            ("GET", "/auth/subjects/{}/{}/grants"): _administration,
            ("DELETE", "/auth/subjects/{}/{}/grants"): _administration,
        }
        for method, path in _ADMINISTRATION:
            rules[method, path] = _administration
        people = (
            "/users", "/users/{}", "/users/{}/permissions", "/users/{}/checkPermissions", "/users/{}/sendInviteEmail",
            "/groups", "/groups/{}", "/groups/{}/users", "/groups/{}/users/{}", "/groups/{}/permissions",
        )  # fmt: skip
        rules.update({(method, path): _administration for path in people for method in _BY_METHOD})
        return rules

    def _of_execution(self, access: str) -> Rule:
        def rule(_: Request, values: list[str]) -> list[Need]:
            with self._kernel.lock:
                execution = self._kernel.find(values[0])
            # An unknown id needs no permission: the handler answers 404 to everyone.
            return [] if execution is None else [Need(access, _WORKFLOW, execution.workflow["workflowName"])]

        return rule

    def _start(self, name: str) -> Need:
        """Return the needs of a start. A request with an unregistered definition needs the permission to create it."""
        # A request can contain a definition. Running it is like registering it for one execution.
        is_known = name in self._kernel.catalog.workflow_defs
        return Need(EXECUTE, _WORKFLOW, name, None if is_known else Need(CREATE, _WORKFLOW, name))

    def _starts(self, names: list[str]) -> list[Need]:
        """Return the needs of an object that starts workflows later."""
        return [Need(EXECUTE, _WORKFLOW, name) for name in names]

    def _task(self, task_id: str, access: str) -> list[Need]:
        with self._kernel.lock:
            workflow_id = self._kernel.store.execution_of(task_id)
            execution = None if workflow_id is None else self._kernel.find(workflow_id)
            task = None if execution is None else execution.task(task_id)
        if execution is None or task is None:
            return []
        workflow = Need(access, _WORKFLOW, execution.workflow["workflowName"]) if access == READ else None
        name = task.get("taskDefName") or task["referenceTaskName"]
        return [Need(EXECUTE, _TASK, name, workflow)]

    def _task_update(self, request: Request, _: list[str]) -> list[Need]:
        given = _body(request)
        return self._task(_text(given.get("taskId")), EXECUTE) if isinstance(given, dict) else []

    def _reference(self, workflow_id: str, reference: str) -> list[Need]:
        with self._kernel.lock:
            execution = self._kernel.find(workflow_id)
            task = None if execution is None else execution.newest(reference)
        if execution is None:
            return []
        # The permission to control the execution includes ending its tasks.
        control = Need(EXECUTE, _WORKFLOW, execution.workflow["workflowName"])
        if task is None:
            return [control]
        return [Need(EXECUTE, _TASK, task.get("taskDefName") or task["referenceTaskName"], control)]

    def _definitions(self, kind: str, request: Request, *, access: str | None = None) -> list[Need]:
        given = _body(request)
        names = [
            _text(one.get("name")) for one in (given if isinstance(given, list) else [given]) if isinstance(one, dict)
        ]
        return [Need(access, kind, name) if access else self._upsert(kind, name) for name in names]


def _nothing(_: Request, __: list[str]) -> list[Need]:
    return []


def _administration(_: Request, __: list[str]) -> list[Need]:
    return [Need(UPDATE, _CLUSTER, "cluster")]


def _schedules(request: Request, _: list[str]) -> list[Need]:
    return [Need(UPDATE, _SCHEDULE, name) for name in _strings(request)]


def _read_definition(_: Request, values: list[str]) -> list[Need]:
    return [Need(READ, _WORKFLOW, values[0])]


def _poll(request: Request, values: list[str]) -> list[Need]:
    domain = request.query_params.get("domain")
    return [Need(EXECUTE, _TASK, values[0]), *([Need(EXECUTE, "DOMAIN", domain)] if domain else [])]


def _target(request: Request, _: list[str]) -> list[Need]:
    """Return the needs of a change of permissions: all accesses to the object, which its creator has."""
    given = _body(request)
    target = given.get("target") if isinstance(given, dict) else None
    if not isinstance(target, dict):
        return []
    kind, name = _text(target.get("type")).upper(), _text(target.get("id"))
    return [Need(access, kind, name, is_recorded=False) for access in (CREATE, READ, UPDATE, DELETE)]


def _schedule_starts(body: Any) -> list[str]:
    request = body.get("startWorkflowRequest") if isinstance(body, dict) else None
    return [_text(request.get("name"))] if isinstance(request, dict) else []


def _webhook_starts(body: Any) -> list[str]:
    targets = body.get("workflowsToStart") if isinstance(body, dict) else None
    return [name for name in targets if name not in _NO_TARGETS] if isinstance(targets, dict) else []


def _handler_starts(body: Any) -> list[str]:
    handlers = [one for one in (body if isinstance(body, list) else [body]) if isinstance(one, dict)]
    actions = [one for handler in handlers for one in _list(handler.get("actions")) if isinstance(one, dict)]
    starts = [one.get("start_workflow") for one in actions if one.get("action") == "start_workflow"]
    return [_text(one.get("name")) for one in starts if isinstance(one, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _body(request: Request) -> Any:
    """Return the parsed body; None if it is not JSON, which the handler refuses."""
    try:
        return parse_json(request.body)
    except RefusedError:
        return None


def _name(request: Request, field: str = "name") -> str:
    given = _body(request)
    return _text(given.get(field)) if isinstance(given, dict) else ""


def _strings(request: Request, field: str | None = None) -> list[str]:
    given = _body(request)
    if field is not None:
        given = given.get(field) if isinstance(given, dict) else None
    return [_text(one) for one in given] if isinstance(given, list) else []


def _text(value: Any) -> str:
    try:
        return "" if value is None else string(value)
    except UnreadableError:
        return ""
