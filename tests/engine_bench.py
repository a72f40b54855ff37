"""The engine by itself: no server, no store, and a clock that is a number."""

import itertools

from conductor.server.engine.context import EngineContext
from conductor.server.engine.decide import advance
from conductor.server.engine.definitions import complete_task_def, complete_workflow_def, populate
from conductor.server.engine.extensions import Extensions
from conductor.server.engine.results import apply_result, dispatch, new_execution
from conductor.server.engine.state import OPEN_TASK
from conductor.server.engine.tree import DefinitionTree


class Bench:
    """One execution of a definition, and the clock."""

    spacing = 0

    def __init__(self, tasks, task_defs=(), now=1_000_000, script=None, extensions=None, inputs=None, **definition):
        self.ids = (f"id-{n}" for n in itertools.count())
        self.defs = {one["name"]: complete_task_def(one) for one in task_defs}
        self.now = now
        self.extensions = extensions or Extensions()
        self.script = script or (lambda _script, _bindings: True)
        given = complete_workflow_def({"name": "wf", "tasks": tasks, **definition})
        tree = DefinitionTree(populate(given, self.context))
        self.execution = new_execution({"name": "wf", "input": inputs or {}}, tree, "execution", self.context)
        self.advance()

    @property
    def context(self):
        return EngineContext(
            now=self.now, new_id=lambda: next(self.ids), random_ms=lambda most: most, task_def=self.defs.get,
            latest_version=lambda _: None, secrets={}, environment={}, javascript=self.script,
            jq=lambda _query, value: [value], last_poll=lambda _kind, _domain: 0, retry_spacing_ms=self.spacing,
            extensions=self.extensions,
        )  # fmt: skip

    @property
    def status(self):
        return self.execution.workflow["status"]

    @property
    def reason(self):
        return self.execution.workflow.get("reasonForIncompletion")

    def advance(self):
        advance(self.execution, self.context)

    def after(self, seconds):
        self.now += round(seconds * 1000)
        self.advance()

    def open_tasks(self):
        return [task for task in self.execution.tasks if task["status"] in OPEN_TASK]

    def poll(self, reference="t"):
        (task,) = [task for task in self.open_tasks() if task["referenceTaskName"] == reference]
        dispatch(task, "w", self.now)
        return task

    def update(self, task, status="COMPLETED", **more):
        apply_result(self.execution, task, {"status": status, **more}, self.context)
        self.advance()

    def states(self):
        return [(task["referenceTaskName"], task["status"], task["retryCount"]) for task in self.execution.tasks]


def simple(name="t", **more):
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE", **more}
