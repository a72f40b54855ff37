import json, logging, time
from multiprocessing import set_start_method

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.task_def import TaskDef
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest

logging.basicConfig(level=logging.ERROR)
logger = logging.getLogger(__name__)

DEF = json.loads('''{"name": "soc_pipeline", "version": 1, "schemaVersion": 2, "ownerEmail": "a@example.com",
 "tasks": [{"name": "soc_enrich", "taskReferenceName": "enrich", "type": "SIMPLE", "inputParameters": {"alert": "${workflow.input.alert}"}},
           {"name": "soc_score", "taskReferenceName": "score", "type": "SIMPLE", "inputParameters": {"enriched": "${enrich.output.result}"}}],
 "outputParameters": {"score": "${score.output.score}"}}''')


@worker_task(task_definition_name="soc_enrich", poll_interval_millis=200, thread_count=2)
def enrich(alert: str) -> str:
    return alert.upper()


@worker_task(task_definition_name="soc_score", poll_interval=200.0)
def score(enriched: str) -> dict:
    return {"score": len(enriched)}


def main():
    try:
        set_start_method("spawn")
    except RuntimeError:
        pass
    api_config = Configuration()
    api_config.apply_logging_config()
    clients = OrkesClients(configuration=api_config)
    metadata_client = clients.get_metadata_client()
    for name in ("soc_enrich", "soc_score"):
        metadata_client.register_task_def(TaskDef(name=name, retry_count=3, retry_logic="FIXED", retry_delay_seconds=1, timeout_seconds=60, response_timeout_seconds=30, owner_email="a@example.com"))
    metadata_client.register_workflow_def(DEF, True)
    workflow_client = clients.get_workflow_client()
    task_handler = TaskHandler(workers=[], configuration=api_config, scan_for_annotated_workers=True)
    task_handler.start_processes()
    try:
        request = StartWorkflowRequest(name="soc_pipeline", input={"alert": "port scan"}, version=1, priority=5)
        workflow_id = workflow_client.start_workflow(start_workflow_request=request)
        for _ in range(300):
            workflow = workflow_client.get_workflow(workflow_id=workflow_id, include_tasks=False)
            if workflow.status in ("COMPLETED", "FAILED"):
                break
            time.sleep(0.1)
        print(workflow.status, workflow.output["score"])
    finally:
        task_handler.stop_processes()


if __name__ == "__main__":
    main()
