"""Flask (extra ``flask``): a client per app, workers in the app's context, ``flask conductor worker``, webhooks.

    conductor = Conductor()

    def create_app():
        app = Flask(__name__)
        app.config["CONDUCTOR"] = {"SERVER_URL": "http://localhost:8080/api"}
        conductor.init_app(app)
        return app

    conductor.client.workflows.start("order", {"order_id": 17})        # in a view
    flask --app shop conductor worker --module shop.tasks              # a separate process

``CONDUCTOR`` has the fields of ``Settings`` in capitals, ``WORKER`` (arguments of ``TaskHandler``) and
``WORKER_MODULES`` (modules to import before the workers start). Other values come from the environment.
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from attrs import define, field

from conductor._internal.installation import missing_package
from conductor.clients.client import ConductorClient
from conductor.contrib._frameworks import chosen_workers, read_settings, refuse_unknown
from conductor.errors import ConfigurationError, WebhookVerificationError, WorkerRegistrationError
from conductor.settings import Settings
from conductor.webhook import WebhookScheme, find_scheme, verify_webhook
from conductor.worker.context import TaskContext
from conductor.worker.handler import TaskHandler
from conductor.worker.options import process_count

try:
    import click
    from flask import Flask, abort, current_app, request
    from flask.cli import AppGroup, ScriptInfo
except ModuleNotFoundError as _error:
    raise missing_package(_error, "conductor.contrib.flask", "flask") from None

__all__ = ["Conductor", "Secret", "set_up_child"]

F = TypeVar("F", bound=Callable[..., Any])
Secret = str | bytes | Iterable[str | bytes]

_NAME = "conductor"
_OWN = ("WORKER", "WORKER_MODULES")
#: Exit status for an invalid configuration, which a restart does not fix.
_MISCONFIGURED = 2


@define(eq=False)
class _State:
    """The state of one app; the client is created on first use."""

    settings: Settings
    worker: Mapping[str, Any]
    modules: tuple[str, ...]
    client: ConductorClient | None = None
    lock: threading.Lock = field(factory=threading.Lock)


class Conductor:
    """The extension; one object can be used by many apps.

    Args:
        app: The app; None if an application factory calls ``init_app``.

    Raises:
        ConfigurationError: ``app.config["CONDUCTOR"]`` is invalid.
    """

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add Conductor to an app, without a request to the server.

        Raises:
            ConfigurationError: ``app.config["CONDUCTOR"]`` is invalid.
        """
        given = app.config.get("CONDUCTOR") or {}
        if not isinstance(given, Mapping):
            raise ConfigurationError(
                f'app.config["CONDUCTOR"] is {type(given).__name__}; it must be a dict.',
                variable="CONDUCTOR",
                allowed='a dict such as {"SERVER_URL": "http://localhost:8080/api"}',
            )
        refuse_unknown(given, _OWN)
        worker, modules = given.get("WORKER") or {}, given.get("WORKER_MODULES") or ()
        if not isinstance(worker, Mapping):
            raise ConfigurationError(
                f"WORKER is {worker!r}; it must be a dict of arguments of TaskHandler.",
                variable="WORKER",
                value=worker,
                allowed="a dict",
            )
        if isinstance(modules, str):
            raise ConfigurationError(
                f"WORKER_MODULES is {modules!r}; it must be a list: [{modules!r}].",
                variable="WORKER_MODULES",
                value=modules,
                allowed="a list of names of modules",
            )
        app.extensions[_NAME] = _State(read_settings(given), worker, tuple(modules))
        app.cli.add_command(_commands())

    @property
    def client(self) -> ConductorClient:
        """The client of the current app, shared by all its threads and requests; safe after a fork.

        Raises:
            RuntimeError: No app context is active.
        """
        state = _state(current_app)
        with state.lock:
            if state.client is None:
                state.client = ConductorClient(state.settings)
            return state.client

    def handler(self, app: Flask, *, only: Iterable[str] = (), **arguments: Any) -> TaskHandler:
        """Return a ``TaskHandler`` that runs each task in its own app context; it is not started.

        Args:
            app: The app.
            only: Task types; all declared ones if it is empty.
            arguments: Arguments of ``TaskHandler``; they take precedence over ``CONDUCTOR["WORKER"]``.

        Raises:
            WorkerRegistrationError: A task type of ``only`` has no worker.
            ConfigurationError: An option is invalid.
        """
        state = _state(app)
        merged = {**state.worker, **arguments}
        modules = [*state.modules, *merged.pop("import_modules", ())]
        for module in modules:
            _import(module)
        wanted = chosen_workers(only)
        if wanted is not None:
            merged["workers"] = wanted
        if process_count(merged.get("processes"), os.environ) > 1:
            merged.setdefault("child_setup", f"{__name__}:set_up_child")
            return TaskHandler(state.settings, import_modules=modules, **merged)
        return TaskHandler(state.settings, import_modules=modules, **merged).use(_in_context(app))

    def webhook(
        self, secret: Secret | Callable[[], Secret], *, scheme: str | WebhookScheme = "github"
    ) -> Callable[[F], F]:
        """Verify the signature of each request to a view; respond with 401 if it is invalid, and log the reason.

            @app.post("/hooks/github")
            @conductor.webhook(lambda: current_app.config["HOOK_SECRET"])
            def pushed(): ...

        Args:
            secret: The shared secret, several secrets, or a function that returns them for each request.
            scheme: The sender's scheme; see ``conductor.webhook.SCHEMES``.

        Raises:
            ConfigurationError: The scheme does not exist.
        """
        find_scheme(scheme)

        def wrap(view: F) -> F:
            @functools.wraps(view)
            def checked(*args: Any, **kwargs: Any) -> Any:
                try:
                    verify_webhook(
                        request.get_data(),
                        dict(request.headers),
                        secret() if callable(secret) else secret,
                        scheme=scheme,
                    )
                except WebhookVerificationError as error:
                    current_app.logger.warning("Webhook refused: path=%s: %s", request.path, error)
                    abort(401)
                return current_app.ensure_sync(view)(*args, **kwargs)

            return checked  # type: ignore[return-value]

        return wrap


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # the module exists, and what it imports does not
        raise ConfigurationError(
            f"The module {module!r} does not exist: correct WORKER_MODULES or --module, or start in the app's folder.",
            variable="WORKER_MODULES",
            value=module,
            allowed="modules that can be imported",
        ) from None


def set_up_child(handler: TaskHandler) -> None:
    """Run tasks in the context of the app that ``FLASK_APP`` names; called in each worker process."""
    handler.use(_in_context(ScriptInfo(os.environ.get("FLASK_APP")).load_app()))


def _in_context(app: Flask) -> Callable[[TaskContext, Callable[[], Any]], Any]:
    def around_task(_context: TaskContext, call_next: Callable[[], Any]) -> Any:
        with app.app_context():
            return call_next()

    return around_task


def _state(app: Flask) -> _State:
    state = app.extensions.get(_NAME)
    if not isinstance(state, _State):
        raise ConfigurationError(
            "Conductor is not initialized for this app: call Conductor().init_app(app).", variable="app"
        )
    return state


def _commands() -> AppGroup:
    group = AppGroup("conductor", help="Conductor workers.")
    group.add_command(_worker)
    return group


@click.command("worker")
@click.option("--module", "modules", multiple=True, help="A module that declares workers; repeatable.")
@click.option("--only", multiple=True, metavar="NAME", help="Run only the worker of this task type; repeatable.")
@click.option("--processes", type=click.IntRange(1), help="The number of processes.")
@click.option("--threads", "thread_count", type=click.IntRange(1), help="The number of concurrent tasks per type.")
@click.option("--domain", help="The domain to poll.")
@click.option("--health-port", type=int, help="Serve /livez, /readyz and /metrics on this port; 0 for a free one.")
@click.option("--grace", "grace_seconds", type=float, help="Seconds to let running tasks finish.")
@click.pass_context
def _worker(context: click.Context, /, modules: tuple[str, ...], only: tuple[str, ...], **given: Any) -> None:
    """Run the app's workers until SIGTERM or SIGINT; running tasks are finished first."""
    info = context.ensure_object(ScriptInfo)
    if info.app_import_path:
        os.environ["FLASK_APP"] = info.app_import_path  # for the processes of --processes
    arguments = {name: value for name, value in given.items() if value is not None}
    try:
        handler = Conductor().handler(info.load_app(), only=only, import_modules=modules, **arguments)
        names = sorted({worker.name for worker in handler.workers})
    except (ConfigurationError, WorkerRegistrationError, TypeError) as error:
        click.echo(f"Error: {error}", err=True)
        context.exit(_MISCONFIGURED)
    click.echo(f"Running workers for {', '.join(names)}")
    handler.run()
