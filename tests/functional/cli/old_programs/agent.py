from dataclasses import dataclass
from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import get_task_context, TaskInProgress
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.do_while_task import DoWhileTask
from conductor.client.workflow.task.dynamic_fork_task import DynamicForkTask
from conductor.client.workflow.task.http_task import HttpTask, HttpInput, HttpMethod
from conductor.client.workflow.task.inline import InlineTask
from conductor.client.workflow.task.join_task import JoinTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.sub_workflow_task import SubWorkflowTask, InlineSubWorkflowTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.terminate_task import TerminateTask, WorkflowStatus
from conductor.client.workflow.task.timeout_policy import TimeoutPolicy


@dataclass
class Plan:
    goal: str
    steps: int = 2


@worker_task(task_definition_name="agent_plan", register_task_def=True)
def plan(plan: Plan) -> dict:
    get_task_context().add_log(f"planning {plan.goal}")
    return {"dynamicTasks": [{"name": "agent_step", "taskReferenceName": f"step_{i}", "type": "SIMPLE"} for i in range(plan.steps)],
            "dynamicTasksInputs": {f"step_{i}": {"n": i} for i in range(plan.steps)}}


@worker_task(task_definition_name="agent_step", thread_count=4)
def step(n: int) -> int:
    ctx = get_task_context()
    if ctx.get_poll_count() < 2 and n == 1:
        return TaskInProgress(callback_after_seconds=1, output={"wait": True})
    return n * 10


def create(executor) -> ConductorWorkflow:
    wf = ConductorWorkflow(executor=executor, name="agent_flow", version=1)
    wf.input_parameters(["goal"])
    first = SimpleTask(task_def_name="agent_plan", task_reference_name="plan")
    first.input_parameters = {"plan": {"goal": "${workflow.input.goal}", "steps": 3}}
    fork = DynamicForkTask(task_ref_name="fan", tasks_param="dynamicTasks", tasks_input_param_name="dynamicTasksInputs", join_task=JoinTask(task_ref_name="fan_join"))
    fork.input_parameters["dynamicTasks"] = first.output("dynamicTasks")
    fork.input_parameters["dynamicTasksInputs"] = first.output("dynamicTasksInputs")
    total = InlineTask(task_ref_name="total", script="(function(){ var s = 0; for (var k in $.all) { s += $.all[k].result; } return s; })()", bindings={"all": "${fan_join.output}"})
    decide = SwitchTask(task_ref_name="decide", case_expression="$.total > 20 ? 'big' : 'small'", use_javascript=True)
    decide.input_parameter("total", total.output("result"))
    big = SetVariableTask(task_ref_name="big")
    big.input_parameter("size", "big")
    decide.switch_case("big", big)
    decide.default_case(TerminateTask(task_ref_name="end_small", status=WorkflowStatus.FAILED, termination_reason="small"))
    child = ConductorWorkflow(executor=executor, name="agent_child", version=1)
    child >> InlineTask(task_ref_name="c", script="42", bindings={})
    child.output_parameters({"answer": "${c.output.result}"})
    sub = InlineSubWorkflowTask(task_ref_name="sub", workflow=child)
    wf >> first >> fork >> total >> decide >> sub
    wf.output_parameters({"total": total.output("result"), "size": "${workflow.variables.size}", "answer": sub.output("answer")})
    wf.timeout_seconds(120).timeout_policy(TimeoutPolicy.TIME_OUT_WORKFLOW).restartable(True)
    return wf


def main():
    config = Configuration()
    clients = OrkesClients(config)
    handler = TaskHandler(configuration=config, scan_for_annotated_workers=True)
    handler.start_processes()
    wf = create(clients.get_workflow_executor())
    wf.register(overwrite=True)
    run = wf.execute(workflow_input={"goal": "tea"}, wait_for_seconds=25)
    print(run.status, run.output["total"], run.output["size"], run.output["answer"])
    print(sorted(t.reference_task_name for t in run.tasks)[:3] if run.tasks else None)
    handler.stop_processes()


if __name__ == "__main__":
    main()
