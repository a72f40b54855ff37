"""Branches: switch, fork and join."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from conductor.workflow.refs import Ref
from conductor.workflow.signature import Declared, declared
from conductor.workflow.source_tracking import collect_references
from conductor.workflow.step import (
    Block,
    Content,
    ForkStep,
    LoopStep,
    Options,
    Step,
    StepNames,
    SwitchStep,
    case_key,
    make,
)

__all__ = ["decision", "do_while", "dynamic_fork", "exclusive_join", "for_each", "fork", "join", "switch"]


def do_while(
    body: Content = None,
    *,
    count: Any = None,
    condition: str | None = None,
    items: Any = None,
    keep_last: int | None = None,
    evaluator: str | None = None,
    **options: Unpack[Options],
) -> LoopStep:
    """Repeat steps (``DO_WHILE``); the body runs at least once, except over no items.

    Args:
        body: A step, a list of them, or a function that adds or returns them; or the ``with`` block.
        count: How many rounds: a number, or a reference to one.
        condition: JavaScript; while it is true after a round, another follows. ``f"{step.output.done} != true"`` reads
            the output of a step of the body; any other ``${...}`` becomes an input parameter.
        items: A list, or a reference to one: one round for each, that finds it in ``loop.item``.
        keep_last: Of how many rounds the server keeps tasks and output.
        evaluator: What runs the condition (Orkes).
        options: See ``Options``; ``inputs`` are the condition's parameters.
    """
    inputs: dict[str, Any] = {}
    if items is not None:
        inputs["_items"] = items
    if keep_last is not None:
        inputs["keepLastN"] = keep_last
    step: LoopStep = make(
        "DO_WHILE",
        inputs,
        options,
        base="loop",
        cls=LoopStep,
        lifts="loopCondition",
        evaluatorType=evaluator,
        loopOver=Block(body),
    )
    conditions = []
    if count is not None:
        conditions.append(f"{step.iteration} < {count}")
    if condition is not None:
        conditions.append(f"({condition})" if conditions else condition)
    if conditions or items is not None:  # the server demands the field, also over items
        step.fields["loopCondition"] = " && ".join(conditions)
        step.written |= collect_references({"loopCondition": step.fields["loopCondition"]})
    return step


def for_each(items: Any, body: Content = None, **options: Unpack[Options]) -> LoopStep:
    """Repeat steps for each item of a list (``DO_WHILE`` over items); the item is ``loop.item``.

    Args:
        items: A list, or a reference to one.
        body: As for ``do_while``.
        options: See ``Options``.
    """
    return do_while(body, items=items, **options)


def switch(
    value: Any = None,
    cases: Mapping[Any, Content] | None = None,
    default: Content = None,
    *,
    script: str | None = None,
    evaluator: str | None = None,
    param: str = "switchCaseValue",
    **options: Unpack[Options],
) -> SwitchStep:
    """Take one of several ways (``SWITCH``).

    Args:
        value: What the cases are compared with, as text: mostly a reference.
        cases: Value to steps: a step, a list of them, or a function that adds or returns them.
        default: The steps for any other value.
        script: In place of ``value``: JavaScript that gives it. It sees the input parameters as ``$.name``; a
            ``${...}`` in it becomes such a parameter.
        evaluator: What runs the script: ``javascript`` (the default), ``graaljs`` or ``python``.
        param: The input parameter that carries ``value``.
        options: See ``Options``; ``inputs`` are the script's parameters.
    """
    inputs = {param: value} if script is None else {}
    step: SwitchStep = make(
        "SWITCH",
        inputs,
        options,
        cls=SwitchStep,
        lifts=None if script is None else "expression",
        evaluatorType=evaluator or ("value-param" if script is None else "javascript"),
        expression=param if script is None else script,
        decisionCases={case_key(key): Block(content) for key, content in (cases or {}).items()},
        defaultCase=None if default is None else Block(default),
    )
    return step


def decision(
    value: Any = None,
    cases: Mapping[Any, Content] | None = None,
    default: Content = None,
    *,
    script: str | None = None,
    param: str = "case",
    **options: Unpack[Options],
) -> SwitchStep:
    """The task that came before SWITCH (``DECISION``): deprecated, for old definitions.

    Args:
        value: What the cases are compared with.
        cases: See ``switch``.
        default: See ``switch``.
        script: See ``switch``.
        param: The input parameter that carries the value.
        options: See ``Options``.
    """
    step: SwitchStep = make(
        "DECISION",
        {param: value} if script is None else {},
        options,
        cls=SwitchStep,
        lifts=None if script is None else "caseExpression",
        caseValueParam=param if script is None else None,
        caseExpression=script,
        decisionCases={case_key(key): Block(content) for key, content in (cases or {}).items()},
        defaultCase=None if default is None else Block(default),
    )
    return step


def fork(
    *branches: Content,
    join_on: Sequence[Step | str] | None = None,
    join: bool | Step = True,
    **options: Unpack[Options],
) -> ForkStep:
    """Run branches beside each other, and wait for them (``FORK_JOIN`` and its ``JOIN``).

    Args:
        branches: Each a step, a list of steps, or a function that adds or returns them.
        join_on: The steps to wait for; the last of each branch when it is left out.
        join: A JOIN made with ``join(...)`` in place of the one that is made; or False when one is added by hand.
        options: See ``Options``.
    """
    step: ForkStep = make(
        "FORK_JOIN", None, options, base="fork", cls=ForkStep, forkTasks=[Block(branch) for branch in branches]
    )
    if isinstance(join, Step):
        step.companions.append(join)
    elif join:
        names = StepNames(step.last_steps if join_on is None else join_on)
        step.companions.append(make("JOIN", None, None, base="join", joinOn=names))
    return step


def join(
    on: Sequence[Step | str] | None = (),
    *,
    script: str | None = None,
    evaluator: str = "js",
    mode: str | None = None,
    **options: Unpack[Options],
) -> Step:
    """Wait for steps of branches (``JOIN``); ``fork`` makes its own.

    Args:
        on: The steps, or their reference names; None to leave the field out. The server waits for these only: of a
            switch, not for its cases.
        script: JavaScript that decides when to go on (Orkes).
        evaluator: What runs the script.
        mode: ``SYNC`` or ``ASYNC`` (open-source server).
        options: See ``Options``.
    """
    step: Step = make(
        "JOIN",
        None,
        options,
        joinOn=None if on is None else StepNames(list(on)),
        evaluatorType=None if script is None else evaluator,
        expression=script,
        joinMode=mode,
    )
    return step


def exclusive_join(
    on: Sequence[Step | str], default: Sequence[Step | str] | None = None, **options: Unpack[Options]
) -> Step:
    """Go on with the one of several steps that ran (``EXCLUSIVE_JOIN``); its output is that step's.

    Args:
        on: The last steps of a switch's cases.
        default: Steps whose output is taken when none of them ran.
        options: See ``Options``.
    """
    step: Step = make(
        "EXCLUSIVE_JOIN",
        None,
        options,
        joinOn=StepNames(list(on)),
        defaultExclusiveJoinTask=None if default is None else StepNames(list(default)),
    )
    return step


def dynamic_fork(
    tasks: Any = None,
    task_inputs: Any = None,
    *,
    each: Any = None,
    task: str | Callable[..., Any] | Declared | None = None,
    task_type: str | None = None,
    workflow: Any = None,
    workflow_version: int | None = None,
    old_style: bool = False,
    join: bool | Step = True,
    **options: Unpack[Options],
) -> ForkStep:
    """Run as many branches as a list has entries, known when it is reached (``FORK_JOIN_DYNAMIC`` and its ``JOIN``).

    Args:
        tasks: A reference to a list of tasks in their wire form ...
        task_inputs: ... and to the input of each by its reference name.
        each: In place of both: a list, or a reference to one, with the input of each branch, for the same ...
        task: ... worker: its function or task name,
        task_type: ... or system task, such as ``HTTP``,
        workflow: ... or sub-workflow: its name or a ``Workflow``.
        workflow_version: The sub-workflow's version.
        old_style: Give ``tasks`` as ``{"dynamicTasks": [...]}`` in one parameter, as old definitions do.
        join: As for ``fork``.
        options: See ``Options``.
    """
    inputs: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    if each is not None:
        name = task if isinstance(task, str) or task is None else declared(task).name
        is_named = workflow is None or isinstance(workflow, str | Ref)
        version = workflow.version if workflow_version is None and not is_named else workflow_version
        inputs = {
            "forkTaskInputs": each,
            "forkTaskName": name,
            "forkTaskType": task_type,
            "forkTaskWorkflow": workflow if is_named else workflow.name,
            "forkTaskWorkflowVersion": str(version) if isinstance(version, int) else version,  # the server casts it
        }
    elif old_style:
        inputs = {"dynamicTasks": tasks}
        fields = {"dynamicForkJoinTasksParam": "dynamicTasks"}
    else:
        inputs = {"dynamicTasks": tasks, "dynamicTasksInput": task_inputs}
        fields = {"dynamicForkTasksParam": "dynamicTasks", "dynamicForkTasksInputParamName": "dynamicTasksInput"}
    inputs = {key: value for key, value in inputs.items() if value is not None}
    step: ForkStep = make("FORK_JOIN_DYNAMIC", inputs, options, base="dynamic_fork", cls=ForkStep, **fields)
    if isinstance(join, Step):
        step.companions.append(join)
    elif join:
        step.companions.append(make("JOIN", None, None, base="join", joinOn=[]))
    return step
