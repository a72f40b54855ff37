from conductor.client.worker.worker_task import worker_task
from conductor.client.configuration.configuration import Configuration
from conductor.client.orkes_clients import OrkesClients
from conductor.client.http.models import SaveScheduleRequest, StartWorkflowRequest, WorkflowSchedule, TaskDef
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.human_task import HumanTask
from conductor.client.workflow.task.wait_task import WaitTask
from conductor.client.automator.task_handler import TaskHandler as Handler

clients = OrkesClients(Configuration())
wc, mc, tc, sc = clients.get_workflow_client(), clients.get_metadata_client(), clients.get_task_client(), clients.get_scheduler_client()


@worker_task(task_definition_name="room_echo")
def echo(text: str = "hi"):
    return {"text": text}


class Room:
    def __init__(self):
        self.workflow_client = clients.get_workflow_client()
        self.executor = clients.get_workflow_executor()

    def build(self):
        workflow = ConductorWorkflow(name="room", version=1, executor=self.executor)
        workflow.add(echo(task_ref_name="e", text=workflow.input("text")))
        workflow.add(HumanTask(task_ref_name="h"))
        workflow.add([WaitTask(task_ref_name="w", wait_for_seconds=1)])
        workflow.owner_email("a@example.com")
        return workflow

    def run(self):
        workflow = self.build()
        workflow.register(True)
        wid = self.workflow_client.start_workflow_by_name("room", {"text": "yo"}, correlationId="r-1")
        self.workflow_client.pause_workflow(wid)
        self.workflow_client.resume_workflow(wid)
        return wid


def main():
    room = Room()
    with Handler(configuration=Configuration()) as h:
        h.start_processes()
        wid = room.run()
        import time
        for _ in range(300):
            w = wc.get_workflow(wid, True)
            if any(t.reference_task_name == "h" and t.status == "IN_PROGRESS" for t in w.tasks):
                break
            time.sleep(0.1)
        print([str(t.status.value if hasattr(t.status, "value") else t.status) for t in w.tasks], tc.get_queue_size_for_task("room_echo"))
        print(tc.update_task_by_ref_name(wid, "h", "COMPLETED", {"a": 1}) is not None)
        found = wc.search(start=0, size=10, free_text="*", query="workflowType='room'")
        print(found.total_hits >= 1, found.results[0].workflow_type)
        wc.terminate_workflow(workflow_id=wid, reason="end of test")
        print(wc.get_workflow(wid, include_tasks=False).reason_for_incompletion)
        wc.restart_workflow(wid, use_latest_def=True)
        wc.terminate_workflow(wid)
        req = SaveScheduleRequest(name="room_nightly", cron_expression="0 0 3 * * *", start_workflow_request=StartWorkflowRequest(name="room", version=1), paused=True)
        sc.save_schedule(req)
        print(sc.get_schedule("room_nightly").name, sc.get_all_schedules("room")[0].paused)
        sc.delete_schedule("room_nightly")
        td = TaskDef(name="room_echo", retry_count=1, owner_email="a@example.com")
        mc.register_task_def(td)
        print(mc.get_task_def("room_echo").retry_count, mc.get_workflow_def("room", version=1).name, len(mc.get_all_task_defs()) >= 1)
        mc.unregister_workflow_def("room", 1)


main()
