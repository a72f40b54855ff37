"""What a child process is told, as JSON: where the workers are declared, and how they are to run.

Functions are never pickled. A child imports the modules that declare the workers, by name or, for the script that was
started, by its path, and finds the workers there by task type and domain.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
from attrs import field, frozen

from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.settings import Settings
from conductor.worker.worker import Worker, default_registry

__all__ = ["ChildSpec", "WorkerRef", "child_spec", "locate_all", "main_of", "refuse_for_processes", "worker_refs"]


_MAIN = "__main__"
_MAIN_IN_CHILD = "__conductor_main__"


@frozen
class WorkerRef:
    """The reference by which a child finds a worker.

    Attributes:
        name: Its task type.
        domain: The domain that was declared, or None.
        module: The module that declares it.
    """

    name: str
    domain: str | None
    module: str


@frozen
class ChildSpec:
    """What a child process runs, and how.

    Attributes:
        number: The number of the child, from 1.
        settings: The settings of its client, with the server's URL and the access key.
        workers: The workers to run.
        modules: The modules to import first; they declare the workers.
        main: The path of the program, or its module after ``module:``; None if no worker is declared in it.
        options: The handler's options for all workers.
        handler: Further arguments of ``TaskHandler``.
        setup: The function to call with the handler, as ``module:function``, or None.
        argv: The parent's ``sys.argv``.
    """

    number: int
    settings: Mapping[str, Any]
    workers: Sequence[WorkerRef]
    modules: Sequence[str] = ()
    main: str | None = None
    options: Mapping[str, Any] = field(factory=dict)
    handler: Mapping[str, Any] = field(factory=dict)
    setup: str | None = None
    argv: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values. They include the secret of the settings, so they may only be sent through a pipe."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ChildSpec:
        """Return the spec that ``to_dict`` has written."""
        return cls(**{**values, "workers": [WorkerRef(**worker) for worker in values["workers"]]})

    def for_child(self, number: int, outbox: str | None) -> ChildSpec:
        """Return the spec of one child, with its own outbox, because one process at a time may use a file."""
        handler = {**self.handler, "outbox": None if outbox is None else f"{outbox}.{number}"}
        return attrs.evolve(self, number=number, handler=handler)

    def load(self) -> list[Worker]:
        """Import what declares the workers, and find them.

        Raises:
            WorkerRegistrationError: A worker was not found.
        """
        if self.main is not None:
            _run_main(self.main)
        for module in self.modules:
            importlib.import_module(module)
        names = {worker.module: _MAIN_IN_CHILD if worker.module == _MAIN else worker.module for worker in self.workers}
        return locate_all(self.workers, names)

    def set_up(self, handler: Any) -> None:
        """Call the user's setup function, if there is one."""
        if self.setup is not None:
            _resolve(self.setup)(handler)

    def make_settings(self) -> Settings:
        """Return the settings of the child's client."""
        return Settings(**self.settings)


def refuse_for_processes(client: object, only_here: Sequence[str]) -> None:
    """Refuse arguments that cannot be passed to another process by name.

    Raises:
        ConfigurationError: The system has no POSIX signals, or an argument cannot be passed on.
    """
    if os.name != "posix":
        raise ConfigurationError("Several processes need a POSIX system (signals, pipes).", variable="processes")
    if only_here:
        raise ConfigurationError(
            f"{', '.join(sorted(set(only_here)))} would receive no events, because tasks run in other processes; "
            "name a function that adds them there: TaskHandler(child_setup='module:function').",
            variable="child_setup",
        )
    if not isinstance(client, Settings | None):
        raise ConfigurationError(
            "A client cannot be shared with other processes; give TaskHandler its Settings, or nothing.",
            variable="client",
        )


def child_spec(
    workers: Iterable[Worker],
    settings: Settings,
    *,
    modules: Sequence[str],
    options: Mapping[str, Any],
    handler: Mapping[str, Any],
    setup: str | None,
) -> ChildSpec:
    """Return the specification of all children of a handler, without a number.

    Raises:
        WorkerRegistrationError: A worker cannot be found by name.
        ConfigurationError: A worker is declared in an interactive session, or ``setup`` names nothing.
    """
    found = worker_refs(workers)
    if setup is not None:
        _resolve(setup)
    return ChildSpec(
        number=0,
        settings=attrs.asdict(settings),
        workers=found,
        modules=modules,
        main=main_of(found),
        options=options,
        handler=handler,
        setup=setup,
        argv=sys.argv,
    )


def worker_refs(workers: Iterable[Worker]) -> list[WorkerRef]:
    """What a child has to find for each of ``workers``.

    Raises:
        WorkerRegistrationError: A worker cannot be found by name: it is in no registry and no variable of its module.
    """
    found = []
    for worker in workers:
        inner = getattr(worker.function, "func", worker.function)
        module = getattr(inner, "__module__", None) or type(inner).__module__
        found.append(WorkerRef(worker.name, worker.domain, module))
    locate_all(found, {one.module: one.module for one in found})
    return found


def main_of(workers: Iterable[WorkerRef]) -> str | None:
    """How a child can run the started script or module, when it declares one of ``workers``.

    Raises:
        ConfigurationError: It has no file, as in an interactive session.
    """
    if not any(worker.module == _MAIN for worker in workers):
        return None
    main = sys.modules[_MAIN]
    if main.__spec__ is not None and main.__spec__.name != _MAIN:  # that is its name when a folder is run
        return f"module:{main.__spec__.name}"
    path = getattr(main, "__file__", None)
    if not path or not Path(path).exists():
        raise ConfigurationError(
            "Workers that are declared in an interactive session cannot run in other processes; put them into a file.",
            variable="processes",
        )
    return os.path.abspath(str(path))  # noqa: PTH100  links are kept: modules next to the link are found


def locate_all(workers: Iterable[WorkerRef], modules: Mapping[str, str]) -> list[Worker]:
    """The workers, each from the default registry or from a variable of its module, imported where it is not yet.

    Args:
        workers: What to find.
        modules: What each module is called here.

    Raises:
        WorkerRegistrationError: A worker was not found.
    """
    return [_locate(worker, importlib.import_module(modules[worker.module])) for worker in workers]


def _locate(worker: WorkerRef, module: ModuleType) -> Worker:
    found = default_registry.get(worker.name, worker.domain)
    if found is not None:
        return found
    for candidate in _declared_in(module):
        if (candidate.name, candidate.domain) == (worker.name, worker.domain):
            return candidate
    raise WorkerRegistrationError(
        f"The worker for task {worker.name!r} cannot run in another process: neither the default registry nor a "
        f"variable of module {module.__name__!r} has it once the module is imported. Declare it with @worker_task at "
        "the top of a module, or keep the Worker in a variable of it."
    )


def _declared_in(module: ModuleType) -> Iterator[Worker]:
    for value in list(vars(module).values()):
        attached = value if isinstance(value, Worker) else getattr(value, "__conductor_worker__", None)
        if isinstance(attached, Worker):
            yield attached


def _run_main(main: str) -> None:
    """Run the parent's script as a module that is not ``__main__``, so that its guard keeps it from starting."""
    module = ModuleType(_MAIN_IN_CHILD)
    sys.modules[_MAIN_IN_CHILD] = module
    kind, _, name = main.partition(":")
    if kind == "module":
        content = runpy.run_module(name, run_name=_MAIN_IN_CHILD, alter_sys=True)
    else:
        content = runpy.run_path(main, run_name=_MAIN_IN_CHILD)
    module.__dict__.update(content)
    sys.modules[_MAIN] = sys.modules[_MAIN_IN_CHILD] = module


def _resolve(name: str) -> Callable[[Any], Any]:
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"child_setup is {name!r}, which cannot be found: {error}.",
            variable="child_setup",
            value=name,
            allowed="module:function",
        ) from error
    if not callable(found):
        raise ConfigurationError(
            f"child_setup is {name!r}, which cannot be called.", variable="child_setup", value=name
        )
    return found  # type: ignore[no-any-return]
