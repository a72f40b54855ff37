from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from shop_workers import *


def shop_workflow(workflow_executor: WorkflowExecutor) -> ConductorWorkflow:
    workflow = ConductorWorkflow(name='shop', executor=workflow_executor)
    workflow >> price(task_ref_name='price_ref', sku=workflow.input('sku'))
    return workflow
