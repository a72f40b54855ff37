"""Views: a health check of the server and the outbox, and webhooks that start workflows.

path("health/conductor/", health),
path("hooks/github/", WebhookView.as_view(secret=settings.HOOK_SECRET, workflow="on_push")),
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from conductor.clients.admin import VERSION
from conductor.contrib.django.configuration import django_options, get_client
from conductor.contrib.django.starts import start_on_commit
from conductor.errors import ConductorError, SerializationError, WebhookVerificationError
from conductor.models.codec import to_jsonable
from conductor.webhook import WebhookScheme, verify_webhook

__all__ = ["WebhookView", "health"]

logger = logging.getLogger(__name__)

#: Age from which a waiting start counts as stuck: several times the longest delay between two attempts is too late.
_STUCK_AFTER = timedelta(minutes=5)
#: Status for a webhook whose signature does not match.
_UNAUTHORIZED = 401
#: Characters of a correlation id or a key that the outbox stores.
_MAX_ID = 255
#: Seconds that the health check waits for the server; probes themselves time out after a few seconds.
_CHECK_TIMEOUT_S = 2.0


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Return 200 if the server responds and no start is stuck in the outbox, otherwise 503; with details as JSON.

    It also returns 503 if the database fails. The response contains no addresses or keys. Use it for readiness and
    monitoring, not for liveness: restarting the web process does not help while the server is down.
    """
    server, outbox = _server(), _outbox()
    is_well = bool(server["up"]) and outbox.get("stuck") == 0
    return JsonResponse({"healthy": is_well, "server": server, "outbox": outbox}, status=200 if is_well else 503)


def _server() -> dict[str, Any]:
    try:
        get_client().transport.request(VERSION, timeout=_CHECK_TIMEOUT_S)
    except ConductorError as error:
        logger.warning("Conductor server does not respond: %s", error)
        return {"up": False, "error": type(error).__name__}
    return {"up": True}


def _outbox() -> dict[str, Any]:
    """Count entries that wait, that were refused, and that have waited too long; or name the error of the database."""
    from conductor.contrib.django.models import WorkflowStart  # after the apps are loaded

    long_ago, counts = timezone.now() - _STUCK_AFTER, {"waiting": 0, "refused": 0, "stuck": 0}
    try:
        for database in django_options().outbox_databases:
            entries = WorkflowStart.objects.using(database)
            waiting = entries.filter(status=WorkflowStart.Status.PENDING)
            counts["waiting"] += waiting.count()
            counts["stuck"] += waiting.filter(created_at__lt=long_ago).count()
            counts["refused"] += entries.filter(status=WorkflowStart.Status.REFUSED).count()
    except DatabaseError as error:
        logger.warning("The outbox of workflow starts cannot be read: %s", error)
        return {"error": type(error).__name__}
    return counts


@method_decorator(csrf_exempt, name="dispatch")
class WebhookView(View):
    """Starts a workflow for each webhook with a valid signature; other requests get 401.

    Attributes:
        secret: The shared secret, or several while one is being replaced.
        scheme: How the sender signs, see ``conductor.webhook.SCHEMES``.
        workflow: The workflow to start; its input is ``{"payload": ..., "headers": {...}}``. Override ``handle`` for
            another action.
        input_headers: The headers that are passed to the workflow if the request has them.
        delivery_header: The header with the sender's id of the delivery, such as ``X-GitHub-Delivery``; with it and
            the outbox, a repeated delivery starts one workflow.
    """

    http_method_names = ["post", "options"]  # noqa: RUF012  as in Django
    secret: str | bytes | Iterable[str | bytes] = ()
    scheme: str | WebhookScheme = "github"
    workflow: str = ""
    input_headers: Iterable[str] = ()
    delivery_header: str | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Verify the signature before anything else reads the body."""
        if request.method == "POST":
            try:
                verify_webhook(request.body, dict(request.headers), self.secret, scheme=self.scheme)
            except WebhookVerificationError as error:
                logger.warning("Webhook refused: path=%s: %s", request.path, error)
                return HttpResponse(status=_UNAUTHORIZED)
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Read the body; 400 if it is not JSON, or nested too deeply: the sender would repeat it after a 500."""
        try:
            payload = to_jsonable(json.loads(request.body))  # refuses NaN, which is not JSON, and deep nesting
        except (ValueError, RecursionError, SerializationError):
            return HttpResponseBadRequest("The body is not JSON.", content_type="text/plain")
        return self.handle(request, payload, *args, **kwargs)

    def handle(self, request: HttpRequest, payload: Any, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Start the workflow, and return 202 with its correlation id."""
        headers = {name: request.headers[name] for name in self.input_headers if name in request.headers}
        delivery = (request.headers.get(self.delivery_header) or "")[:_MAX_ID] if self.delivery_header else None
        correlation_id = start_on_commit(
            self.workflow,
            {"payload": payload, "headers": headers},
            correlation_id=delivery or None,
            idempotency_key=f"{request.path}:{delivery}"[:_MAX_ID] if delivery else None,
        )
        return JsonResponse({"correlation_id": correlation_id}, status=202)
