"""A package of workers with its own registry, which other examples do not use."""

from conductor import WorkerRegistry

registry = WorkerRegistry()
