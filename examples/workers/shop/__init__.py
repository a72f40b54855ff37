"""A package of workers, in a registry of its own, so that nothing else is found with them."""

from conductor import WorkerRegistry

registry = WorkerRegistry()
