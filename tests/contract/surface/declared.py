"""The operations that the clients declare: module constants next to their methods."""

import importlib
import pkgutil
from functools import cache

import conductor.clients
from conductor.transport.operation import Operation


def key_of(operation: Operation) -> str:
    """``GET /api/workflow/{workflowId}``, as the documents write it."""
    return f"{operation.method} {'' if operation.root else '/api'}{operation.path}"


@cache
def declared() -> dict[str, dict[str, Operation]]:
    """Each declaration by operation and by place."""
    found: dict[str, dict[str, Operation]] = {}
    for module in pkgutil.iter_modules(conductor.clients.__path__, "conductor.clients."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Operation):
                found.setdefault(key_of(value), {})[f"{module.name}.{name}"] = value
    return found


def one(key: str) -> Operation:
    """An operation's declaration."""
    return next(iter(declared()[key].values()))
