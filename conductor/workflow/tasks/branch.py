"""Steps with branches: switch, fork, join and loops."""

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
    """Repeat steps (``DO_WHILE``). The body runs at least once, unless a list of items is empty.

    Args:
        body: A step, a list of steps, or a function that adds or returns them. You can also use the ``with`` block.
        count: The number of iterations, or a reference to it.
        condition: JavaScript, evaluated after each iteration; if it is true, another iteration follows.
            ``f"{step.output.done} != true"`` reads the output of a step of the body; any other ``${...}`` becomes an
            input parameter.
        items: A list, or a reference to a list: one iteration for each item, which is ``loop.item``.
        keep_last: The number of iterations whose tasks and output the server keeps.
        evaluator: The evaluator of the condition (Orkes).
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
    if conditions or items is not None:  # the server requires the field, even with items
        step.fields["loopCondition"] = " && ".join(conditions)
        step.written |= collect_references({"loopCondition": step.fields["loopCondition"]})
    return step


def for_each(items: Any, body: Content = None, **options: Unpack[Options]) -> LoopStep:
    """Repeat steps for each item of a list (``DO_WHILE`` over items); the item is ``loop.item``.

    Args:
        items: A list, or a reference to a list.
        body: See ``do_while``.
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
    """Run one of several branches (``SWITCH``).

    Args:
        value: The value that selects the case, usually a reference; the server compares it as a string.
        cases: Steps by value: a step, a list of steps, or a function that adds or returns them.
        default: The steps for all other values.
        script: JavaScript that returns the value, instead of ``value``. It reads input parameters as ``$.name``; a
            ``${...}`` in it becomes an input parameter.
        evaluator: The evaluator of the script: ``javascript`` (the default), ``graaljs`` or ``python``.
        param: The name of the input parameter for ``value``.
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
    """Run one of several branches with the deprecated predecessor of SWITCH (``DECISION``), for old definitions.

    Args:
        value: The value that selects the case.
        cases: See ``switch``.
        default: See ``switch``.
        script: See ``switch``.
        param: The name of the input parameter for the value.
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
    """Run branches in parallel, and wait for them (``FORK_JOIN`` and its ``JOIN``).

    Args:
        branches: Each branch is a step, a list of steps, or a function that adds or returns them.
        join_on: The steps to wait for; by default the last step of each branch.
        join: A JOIN created with ``join(...)`` instead of the default one; or False to add the JOIN yourself.
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
    """Wait for steps of branches (``JOIN``). ``fork`` adds its own JOIN.

    Args:
        on: The steps, or their reference names; None to omit the field. The server waits only for these steps: for
            a switch, it does not wait for the steps of its cases.
        script: JavaScript that decides when the workflow continues (Orkes).
        evaluator: The evaluator of the script.
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
    """Continue with the one of several steps that was executed (``EXCLUSIVE_JOIN``), and with its output.

    Args:
        on: The last steps of a switch's cases.
        default: Steps whose output is used if no step in ``on`` was executed.
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
    """Run a branch for each entry of a list that is known at run time (``FORK_JOIN_DYNAMIC`` and its ``JOIN``).

    Pass either ``tasks`` and ``task_inputs``, or ``each`` with one of ``task``, ``task_type`` and ``workflow``.

    Args:
        tasks: A reference to a list of tasks in their wire form.
        task_inputs: A reference to the inputs of these tasks, by reference name.
        each: A list, or a reference to a list, with the input of each branch; all branches run the same task.
        task: The worker task of each branch: its function or its name.
        task_type: The system task of each branch, such as ``HTTP``.
        workflow: The sub-workflow of each branch: its name, or a ``Workflow``.
        workflow_version: The version of the sub-workflow.
        old_style: Whether ``tasks`` is ``{"dynamicTasks": [...]}`` in one parameter, as in old definitions.
        join: See ``fork``.
        options: See ``Options``.
    """
    _refuse_tasks("tasks", tasks)
    _refuse_tasks("task_inputs", task_inputs)
    if isinstance(task, Step):
        raise TypeError(
            f"dynamic_fork(task=...) takes a function or a task's name, not the step {task!r}: pass the function "
            "itself; options go to dynamic_fork."
        )
    inputs: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    branch = None if isinstance(task, str) or task is None else declared(task)
    if each is not None:
        name = branch.name if branch else task
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
    step.branch_signature = branch
    if isinstance(join, Step):
        step.companions.append(join)
    elif join:
        step.companions.append(make("JOIN", None, None, base="join", joinOn=[]))
    return step


def _refuse_tasks(parameter: str, value: Any) -> None:
    """Refuse what names a task in a parameter of ``dynamic_fork`` that takes data."""
    if isinstance(value, Ref):  # has every attribute, so it looks like anything
        return
    if isinstance(value, Step | Declared) or callable(value):
        shown = getattr(value, "__name__", None) or repr(value)
        raise TypeError(
            f"dynamic_fork({parameter}=...) takes a reference or data, not {shown}. To run it for each entry of a "
            f"list, write dynamic_fork(each=[...], task={shown})."
        )
