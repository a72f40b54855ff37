"""End-to-end on a real server: N workflows of three simple tasks, run by a driver's workers; workflows/s and the driver's CPU.

usage: e2e_real.py --server http://127.0.0.1:8080/api --driver floor|conductor-python|javascript|ours [--n 300] (paths as in run.py)
"""

import argparse, json, time, urllib.request
from run import Driver, usage


def call(base, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    r = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(r, timeout=60) as a:
        t = a.read()
    try:
        return json.loads(t)
    except ValueError:
        return t.decode()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--server", default="http://127.0.0.1:8080/api")
    ap.add_argument("--driver", default="floor")
    ap.add_argument("--n", type=int, default=300)
    ap.add_argument("--peer-python", default="python3")
    ap.add_argument("--our-python", default="python3")
    ap.add_argument("--js-root", default="")
    a = ap.parse_args()
    a.stub = a.server[:-4]
    name = f"bench_wf_{int(time.time())}"
    tasks = [
        {"name": f"bench{i}", "taskReferenceName": f"t{i}", "type": "SIMPLE", "inputParameters": {"n": i}}
        for i in range(3)
    ]
    call(
        a.server,
        "POST",
        "/metadata/taskdefs",
        [
            {
                "name": f"bench{i}",
                "retryCount": 0,
                "timeoutSeconds": 0,
                "responseTimeoutSeconds": 600,
                "ownerEmail": "a@b.c",
            }
            for i in range(3)
        ],
    )
    call(
        a.server,
        "POST",
        "/metadata/workflow",
        {
            "name": name,
            "version": 1,
            "tasks": tasks,
            "schemaVersion": 2,
            "ownerEmail": "a@b.c",
            "timeoutSeconds": 0,
            "timeoutPolicy": "ALERT_ONLY",
        },
    )
    d = Driver(a.driver, a)
    pid = d.start(BENCH_CONCURRENCY=5, BENCH_TYPES=3)
    time.sleep(4)
    u0 = usage(pid)
    t0 = time.time()
    ids = [call(a.server, "POST", f"/workflow/{name}", {}) for _ in range(a.n)]
    left, bad = set(ids), 0
    while left and time.time() - t0 < 240:
        for i in list(left)[:200]:
            s = call(a.server, "GET", f"/workflow/{i}?includeTasks=false")["status"]
            if s != "RUNNING":
                left.discard(i)
                bad += s != "COMPLETED"
        time.sleep(0.2)
    t1 = time.time()
    u1 = usage(pid)
    d.stop()
    print(
        json.dumps(
            {
                "driver": a.driver,
                "workflows/s": round((a.n - len(left)) / (t1 - t0), 1),
                "cpu_s_per_1k_tasks": round((u1["cpu"] - u0["cpu"]) / (a.n * 3) * 1000, 2),
                "unfinished": len(left),
                "not_completed": bad,
                "pss_mb": u1["pss_mb"],
                "procs": u1["procs"],
            }
        )
    )


main()
