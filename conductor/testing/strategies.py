"""Hypothesis strategies of valid workflows, for property-based tests.

Needs the extra ``hypothesis``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from attrs import frozen

from conductor._internal.installation import install_command
from conductor.clients._base import Definition, as_definition
from conductor.errors import ConfigurationError
from conductor.models import (
    WorkflowDef,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowTask,
    WorkflowTimeoutPolicy,
)
from conductor.testing.executions import BEGAN, example_id
from conductor.testing.tasks import operators, system, workers

try:
    from hypothesis import strategies as st
except ImportError as _error:
    raise ConfigurationError(
        f"conductor.testing.strategies needs hypothesis. Install the extra hypothesis: {install_command('hypothesis')}"
    ) from _error

__all__ = ["workflow_definitions", "workflow_executions"]

_LEAVES: list[Callable[..., WorkflowTask]] = [
    workers.simple_task,
    workers.simple_task,
    workers.simple_task,
    workers.dynamic_task,
    workers.human_task,
    workers.noop_task,
    workers.wait_task,
    system.event_task,
    system.http_task,
    system.inline_task,
    system.json_jq_transform_task,
    system.kafka_publish_task,
    system.lambda_task,
    system.set_variable_task,
    operators.start_workflow_task,
    operators.sub_workflow_task,
]
_BLOCKS = ("switch", "exclusive join", "fork", "dynamic fork", "loop", "loop over items", "sub-workflow")
# Words come from a list, because one choice is one draw, and draws take most of the time of generation.
_words = st.sampled_from(["a", "id", "name", "order", "total", "items", "left", "right"])
_text = st.text("aZ9 _-.\"'<>&\\é日\n", max_size=8)
_json = st.none() | st.booleans() | st.integers() | _text | st.just([1, "two", {"three": None}])
_outputs: st.SearchStrategy[dict[str, Any]] = st.dictionaries(_words, _json, max_size=2)
_options: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"optional": True}, {"retry_count": 2}, {"start_delay": 1}, {"description": "what it is for"}]
)


def workflow_definitions(*, max_depth: int = 3, max_tasks: int = 4) -> st.SearchStrategy[WorkflowDef]:
    """Return a strategy of workflows that the server accepts, with nested switches, forks, loops and sub-workflows.

    Reference names are unique in the whole definition, including sub-workflows. Inputs refer to the workflow's input or
    to a task that always runs before. Deeper blocks have fewer steps.

    Args:
        max_depth: Levels of nested blocks; 0 for a plain sequence of tasks.
        max_tasks: Maximum number of steps of the workflow, without those inside blocks and the JOINs of forks.
    """
    return _definitions(max_depth, max_tasks)


def workflow_executions(
    definitions: st.SearchStrategy[Any] | Definition | None = None, *, max_steps: int = 20
) -> st.SearchStrategy[WorkflowExecution]:
    """Return a strategy of realistic executions: running, completed or failed, with retries and iterations.

    The engine of the embedded server runs a definition in memory, with a frozen clock. Hypothesis chooses which open
    task ends next and how, when time passes, and when the execution is read. Scripts are not run.

    Args:
        definitions: A workflow as code, a `WorkflowDef`, its dict, or a strategy of these; by default
            `workflow_definitions()`.
        max_steps: Maximum number of tasks that end. An execution with more tasks is still running.

    Raises:
        ConfigurationError: A definition is invalid.
    """
    if definitions is None:
        definitions = workflow_definitions()
    elif not isinstance(definitions, st.SearchStrategy):
        definitions = st.just(as_definition(definitions))
    return _executions(definitions, max_steps)


@st.composite
def _executions(draw: st.DrawFn, definitions: st.SearchStrategy[Any], max_steps: int) -> WorkflowExecution:
    from conductor.testing.engine import reused_engine  # slow to import, and not needed for definitions
    from conductor.testing.planned_run import PlannedRun, RunPlan

    definition = as_definition(draw(definitions))
    tasks = list(definition.all_tasks())
    switches = [task for task in tasks if task.decision_cases and draw(st.booleans())]
    plan = RunPlan(
        definition=definition,
        document=definition.to_dict(),
        workflow_id=example_id(definition.name),
        input=draw(_outputs),
        outputs={},
        cases={one.task_reference_name: draw(st.sampled_from([*(one.decision_cases or {}), ""])) for one in switches},
        iterations={one.task_reference_name: draw(st.integers(1, 3)) for one in tasks if one.loop_over},
        retries={one.task_reference_name: draw(st.integers(0, 2)) for one in tasks if draw(st.booleans())},
        began=BEGAN,
        milliseconds=0,
        reason="",
    )
    with reused_engine() as engine:
        run = PlannedRun(engine, plan)
        for _ in range(draw(st.integers(0, max_steps))):
            ready = run.ready() if run.execution.is_open else []
            if (not ready or draw(st.integers(0, 3)) == 0) and run.execution.is_open and run.pass_time():
                continue
            if not ready:
                break
            status = draw(st.sampled_from(_OUTCOMES))
            reason = None if status == "COMPLETED" else draw(_text)
            run.end(draw(st.sampled_from(ready)), status, draw(_outputs), reason)
        if run.execution.is_open:
            run.stop(draw(st.sampled_from(_STOPS)), draw(_text))
        made = run.result()
        run.remove()
    return made


@st.composite
def _definitions(draw: st.DrawFn, max_depth: int, max_tasks: int) -> WorkflowDef:
    maker = _Maker(draw, max_depth, max_tasks, count(1))
    return maker.workflow(0)


@frozen
class _Maker:
    """Draws the parts of one definition.

    Attributes:
        draw: The draw function of Hypothesis.
        max_depth: See ``workflow_definitions``.
        max_tasks: See ``workflow_definitions``.
        numbers: Makes names unique.
    """

    draw: st.DrawFn
    max_depth: int
    max_tasks: int
    numbers: count[int]

    def workflow(self, depth: int, *, in_loop: bool = False) -> WorkflowDef:
        known: list[str] = []
        tasks = self.series(depth, known, in_loop=in_loop)
        output = {self.draw(_words): self.reference(known)} if self.draw(st.booleans()) else None
        return WorkflowDef(
            self.name(),
            tasks,
            version=self.draw(st.integers(1, 5)),
            description=self.draw(st.none() | _text),
            input_parameters=self.draw(st.lists(_words, max_size=2, unique=True)),
            output_parameters=output,
            schema_version=2,
            restartable=self.draw(st.booleans()),
            owner_email="test@example.com",
            timeout_policy=self.draw(st.sampled_from(_POLICIES)),
            timeout_seconds=self.draw(st.sampled_from([0, 60])),
            variables={self.draw(_words): self.draw(_json)},
        )

    def series(self, depth: int, known: list[str], *, in_loop: bool) -> list[WorkflowTask]:
        """Draw a sequence of steps; each adds its reference name to ``known``."""
        tasks: list[WorkflowTask] = []
        for _ in range(self.draw(st.integers(1, max(1, self.max_tasks - depth)))):
            tasks += self.step(depth, known, in_loop=in_loop)
        return tasks

    def step(self, depth: int, known: list[str], *, in_loop: bool) -> list[WorkflowTask]:
        blocks = (
            [block for block in _BLOCKS if not (in_loop and block.startswith("loop"))] if depth < self.max_depth else []
        )
        kind = self.draw(st.sampled_from(["task"] * 6 + blocks))
        if kind == "task":
            made = [self.task(known)]
        elif kind == "switch":
            made = [self.switch(depth, known, in_loop=in_loop)]
        elif kind == "exclusive join":
            made = self.exclusive_join(depth, known, in_loop=in_loop)
        elif kind == "fork":
            made = self.fork(depth, known, in_loop=in_loop)
        elif kind == "dynamic fork":
            made = self.dynamic_fork(known)
        elif kind == "loop":
            body = self.series(depth + 1, list(known), in_loop=True)
            made = [operators.do_while_task(self.name(), body, iterations=self.draw(st.integers(1, 3)))]
        elif kind == "loop over items":
            body = self.series(depth + 1, list(known), in_loop=True)
            items = self.draw(st.sampled_from([[], ["one"], ["one", 2, {"three": 3}], self.reference(known)]))
            inputs = {"_items": items}
            loop = operators.do_while_task(self.name(), body, loop_condition="", input_parameters=inputs)
            made = [loop]
        else:
            made = [operators.sub_workflow_task(self.name(), self.workflow(depth + 1, in_loop=in_loop))]
        known += [task.task_reference_name for task in made]
        return made

    def task(self, known: list[str]) -> WorkflowTask:
        more = {self.draw(_words): self.value(known)} if self.draw(st.booleans()) else {}
        generator: Callable[..., WorkflowTask] = self.draw(st.sampled_from(_LEAVES))
        return generator(self.name(), input_parameters=more, **self.draw(_options))

    def switch(self, depth: int, known: list[str], *, in_loop: bool) -> WorkflowTask:
        values = self.draw(st.lists(_words, min_size=1, max_size=3, unique=True))
        cases = {value: self.series(depth + 1, list(known), in_loop=in_loop) for value in values}
        if self.draw(st.booleans()):
            cases[values[-1]].append(operators.terminate_task(self.name(), self.draw(st.sampled_from(_ENDS))))
        default = self.series(depth + 1, list(known), in_loop=in_loop) if self.draw(st.booleans()) else []
        return operators.switch_task(self.name(), cases, default, on=self.reference(known))

    def exclusive_join(self, depth: int, known: list[str], *, in_loop: bool) -> list[WorkflowTask]:
        """Draw a SWITCH and an EXCLUSIVE_JOIN of its cases."""
        switch = self.switch(depth, known, in_loop=in_loop)
        branches = [*(switch.decision_cases or {}).values(), switch.default_case or []]
        lasts = [branch[-1].task_reference_name for branch in branches if branch]
        own = switch.task_reference_name
        return [switch, operators.exclusive_join_task(self.name(), lasts, [own])]

    def dynamic_fork(self, known: list[str]) -> list[WorkflowTask]:
        """Draw a fork over a list in the definition, or over a reference, whose value is rarely a list."""
        tasks: Any = [workers.simple_task(self.name()).to_dict() for _ in range(self.draw(st.integers(0, 2)))]
        inputs: Any = {}
        if self.draw(st.booleans()):
            tasks, inputs = self.reference(known), self.reference(known)
        fork = operators.dynamic_fork_task(self.name(), tasks=tasks, inputs=inputs)
        return [fork, operators.join_task(self.name(), ())]

    def fork(self, depth: int, known: list[str], *, in_loop: bool) -> list[WorkflowTask]:
        branches = [self.series(depth + 1, list(known), in_loop=in_loop) for _ in range(self.draw(st.integers(1, 3)))]
        fork = operators.fork_join_task(self.name(), branches)
        return [fork, operators.join_task(self.name(), fork)]

    def value(self, known: list[str]) -> Any:
        return self.reference(known) if self.draw(st.booleans()) else self.draw(_json)

    def reference(self, known: list[str]) -> str:
        """Draw a reference to the workflow's input or to the output of an earlier task."""
        source = self.draw(st.sampled_from(["workflow.input", *(f"{name}.output" for name in known)]))
        return f"${{{source}.{self.draw(_words)}}}"

    def name(self) -> str:
        return f"{self.draw(_words)}_{next(self.numbers)}"


#: Outcomes of tasks; most succeed, so that executions continue after their first tasks.
_OUTCOMES = ["COMPLETED"] * 6 + ["FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"]
#: What happens to an execution that has not ended.
_STOPS = [
    WorkflowExecutionStatus.RUNNING,
    WorkflowExecutionStatus.RUNNING,
    WorkflowExecutionStatus.PAUSED,
    WorkflowExecutionStatus.TERMINATED,
]
_POLICIES = (WorkflowTimeoutPolicy.ALERT_ONLY, WorkflowTimeoutPolicy.TIME_OUT_WF)
_ENDS = ("COMPLETED", "FAILED", "TERMINATED")
