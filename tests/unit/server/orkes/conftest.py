import pytest

from conductor.server.engine.context import DOCUMENTED
from conductor.server.orkes.edition import OrkesServices
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services
from conductor.server.store.sqlite import Store


class Bench:
    """The services of the Orkes edition without HTTP, on a frozen clock that tests move."""

    def __init__(self, path=None, divergences=DOCUMENTED, **options):
        store = Store(path)
        self.clock = Clock(store.clock_offset())
        self.clock.freeze()
        self.kernel = Kernel(self.clock, store, secrets={}, environment={}, divergences=divergences)
        self.services = Services(self.kernel)
        self.orkes = OrkesServices(self.kernel, self.services, {}, **options)
        self.kernel.timed_work.load_open()

    def close(self):
        with self.kernel.lock:
            self.kernel.is_closed = True
            self.kernel.store.close()

    def register(self, name, *tasks, task_defs=(), **fields):
        """Register a workflow; a task is its type, its reference name, its input parameters and other fields."""
        self.services.metadata.save_tasks([{"ownerEmail": "a@b.example", **one} for one in task_defs])
        made = [
            {"name": reference, "taskReferenceName": reference, "type": kind, "inputParameters": given, **more}
            for kind, reference, given, more in tasks
        ]
        self.services.metadata.create_workflow({"name": name, "tasks": made, **fields}, overwrite=True)

    def start(self, name, **fields):
        return self.services.executions.start({"name": name, **fields})

    def run(self, workflow_id):
        return self.services.executions.get(workflow_id)

    def runs_of(self, name):
        """The inputs of the executions of a workflow, in the order of their start."""
        found = self.services.search.workflow_documents(f"workflowType={name}", "*", "startTime:ASC", 0, 100)
        return [one["input"] for one in found["results"]]


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.close()


@pytest.fixture
def open_bench():
    """Opens benches, on a database file or with other options."""
    made = []

    def make(path=None, **options):
        made.append(Bench(path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
