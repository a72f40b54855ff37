"""The operations that the clients declare."""

import importlib
import pkgutil

import conductor.clients
from conductor.transport.operation import Edition, Operation


def key_of(method, path, *, root=False):
    """``GET /api/workflow/{workflowId}``, as the documents write it."""
    return f"{method} {'' if root else '/api'}{path}"


def declared():
    """All declared operations by key."""
    found = {}
    for module in pkgutil.iter_modules(conductor.clients.__path__, "conductor.clients."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Operation):
                found[key_of(value.method, value.path, root=value.root)] = value
    return found


def only_of_orkes():
    """Declared operations that the open-source server does not have, by key."""
    return {key: one for key, one in declared().items() if one.edition is Edition.ORKES}
