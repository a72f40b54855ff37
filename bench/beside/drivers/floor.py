"""The floor: stdlib http.client threads that poll a batch and post updates, with no SDK between."""

import http.client, json, os, threading, time
from urllib.parse import urlsplit

URL = urlsplit(os.environ["BENCH_URL"])
CONC = int(os.environ.get("BENCH_CONCURRENCY", "1"))
TYPES = int(os.environ.get("BENCH_TYPES", "1"))
BODY = os.environ.get("BENCH_BODY", "noop")


def work():
    if BODY == "io":
        time.sleep(0.05)
    elif BODY == "slow":
        time.sleep(3)
    elif BODY == "cpu":
        end = time.thread_time() + 0.005
        while time.thread_time() < end:
            sum(range(200))


def loop(name):
    c = http.client.HTTPConnection(URL.hostname, URL.port)
    task = None
    while True:
        if task is None:
            c.request("GET", f"/api/tasks/poll/batch/{name}?count=1&timeout=100&workerid=floor")
            got = json.loads(c.getresponse().read())
            if not got:
                continue
            task = got[0]
        work()
        body = json.dumps(
            {
                "taskId": task["taskId"],
                "workflowInstanceId": task["workflowInstanceId"],
                "status": "COMPLETED",
                "outputData": task["inputData"] if BODY == "echo" else {"ok": True},
            }
        )
        c.request("POST", "/api/tasks/update-v2", body, {"Content-Type": "application/json"})
        r = c.getresponse()
        data = r.read()
        task = json.loads(data) if r.status == 200 and data else None


for i in range(TYPES):
    name = "bench" if TYPES == 1 else f"bench{i}"
    for _ in range(CONC):
        threading.Thread(target=loop, args=(name,)).start()
