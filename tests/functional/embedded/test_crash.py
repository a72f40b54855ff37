"""A killed server continues where it was: what it acknowledged is there."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

FEW, MANY = int(os.environ.get("CONDUCTOR_TEST_KILLS", "4")), 50


class Server:
    """The embedded server as a process that can be killed and started again."""

    def __init__(self, folder):
        words = [sys.executable, "-m", "conductor.server", "--engine", "embedded", "--port", "0", "--dir", str(folder)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[4]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self.process.stdout.close()


class Load:
    """Clients that note what was acknowledged."""

    def __init__(self, url):
        self.url = url
        self.started, self.completed = [], []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.start_some), *(threading.Thread(target=self.work) for _ in "ab")]
        for thread in self.threads:
            thread.start()

    def start_some(self):
        with requests.Session() as http:
            while not self.stopped.is_set():
                try:
                    answer = http.post(f"{self.url}/workflow", json={"name": "crashing"}, timeout=5)
                except requests.RequestException:
                    return
                assert answer.status_code == 200, answer.text
                self.started.append(answer.text)

    def work(self):
        with requests.Session() as http:
            while not self.stopped.is_set():
                try:
                    for kind in ("one", "two"):
                        self.work_on(http, kind)
                except requests.RequestException:
                    return

    def work_on(self, http, kind):
        for task in http.get(f"{self.url}/tasks/poll/batch/{kind}?count=5&timeout=20", timeout=5).json():
            body = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": "COMPLETED"}
            body["outputData"] = {"by": task["taskId"]}
            answer = http.post(f"{self.url}/tasks", json=body, timeout=5)
            assert answer.status_code == 200, answer.text
            self.completed.append(task["taskId"])

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(20)


@pytest.fixture
def server(tmp_path):
    servers = [Server(tmp_path)]
    tasks = [{"name": name, "taskReferenceName": name, "type": "SIMPLE"} for name in ("one", "two")]
    child = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "inner"}}
    for definition in (
        {"name": "inner", "version": 1, "tasks": tasks[1:]},
        {"name": "crashing", "version": 1, "tasks": [tasks[0], child]},
    ):
        assert requests.post(f"{servers[0].url}/metadata/workflow", json=definition, timeout=5).status_code == 200
    yield servers
    servers[-1].kill()


@pytest.mark.parametrize("kills", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_acknowledged_changes_survive_a_crash(server, tmp_path, kills):
    seed = random.randrange(2**32)
    print(f"moments of the kills by seed {seed}")
    moments = random.Random(seed)
    started, completed = [], []
    for _ in range(kills):
        load = Load(server[-1].url)
        time.sleep(moments.uniform(0.1, 0.6))
        server[-1].kill()
        load.end()
        started += load.started
        completed += load.completed
        server.append(Server(tmp_path))
    assert started
    assert completed
    url = server[-1].url
    with requests.Session() as http:
        for workflow_id in started:
            assert http.get(f"{url}/workflow/{workflow_id}", timeout=5).status_code == 200
        for task_id in completed:
            task = http.get(f"{url}/tasks/{task_id}", timeout=5).json()
            assert (task["status"], task["outputData"]) == ("COMPLETED", {"by": task_id})
        complete_all(http, url)
        for workflow_id in started:
            status = http.get(f"{url}/workflow/{workflow_id}?includeTasks=false", timeout=5).json()["status"]
            assert status == "COMPLETED"


def complete_all(http, url):
    """End what is open, tasks included that a killed client had polled."""
    query = {"query": "status=RUNNING", "size": 5000}
    for _ in range(3):
        for found in http.get(f"{url}/workflow/search-v2", params=query, timeout=60).json()["results"]:
            for task in found["tasks"]:
                if task["taskType"] in {"one", "two"} and task["status"] in {"SCHEDULED", "IN_PROGRESS"}:
                    body = {"workflowInstanceId": found["workflowId"], "taskId": task["taskId"], "status": "COMPLETED"}
                    assert http.post(f"{url}/tasks", json=body, timeout=5).status_code == 200
