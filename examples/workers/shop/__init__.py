"""A package of workers with a separate registry, so that other examples do not run them."""

from conductor import WorkerRegistry

registry = WorkerRegistry()
