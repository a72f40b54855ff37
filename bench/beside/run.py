"""Measures Conductor workers side by side against the neutral stub (see README.md).

Every round starts each driver in turn on the same work, so a noisy machine hurts all alike. The main figure is CPU
seconds per 1,000 tasks over the driver's whole process tree; wall figures are for ratios within one run.
"""

import argparse, json, os, signal, statistics, subprocess, sys, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


def stub(url, path, timeout=300):
    with urllib.request.urlopen(url + path, timeout=timeout) as r:
        data = r.read()
    return json.loads(data) if data else None


def tree(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        try:
            for t in os.listdir(f"/proc/{p}/task"):
                todo += [int(x) for x in open(f"/proc/{p}/task/{t}/children").read().split()]
        except OSError:
            pass
    return out


def usage(pid):
    """CPU seconds, proportional memory in MB, processes and threads of the whole tree."""
    cpu = rss = threads = 0
    pids = tree(pid)
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            cpu += (int(f[11]) + int(f[12]) + int(f[13]) + int(f[14])) / TICK
            threads += int(f[17])
            for line in open(f"/proc/{p}/smaps_rollup"):
                if line.startswith("Pss:"):
                    rss += int(line.split()[1]) / 1024
        except OSError:
            pass
    return {"cpu": cpu, "pss_mb": round(rss, 1), "procs": len(pids), "threads": threads}


class Driver:
    def __init__(self, name, args):
        self.name, self.args = name, args
        self.cmd = {
            "conductor-python": [args.peer_python, f"{HERE}/drivers/conductor_python.py"],
            "javascript": ["node", f"{HERE}/drivers/javascript.mjs"],
            "floor": [sys.executable, f"{HERE}/drivers/floor.py"],
            "ours": [args.our_python, f"{HERE}/drivers/ours.py"],
        }[name]

    def start(self, **env):
        e = dict(
            os.environ,
            BENCH_URL=self.args.stub + "/api",
            BENCH_JS_ROOT=self.args.js_root or "",
            CONDUCTOR_SERVER_URL=self.args.stub + "/api",
            **{k: str(v) for k, v in env.items()},
        )
        log = open(f"/tmp/bench-{self.name}.log", "wb")
        self.t0 = time.time()
        self.p = subprocess.Popen(self.cmd, env=e, stdout=log, stderr=log, start_new_session=True)
        return self.p.pid

    def stop(self):
        t = time.time()
        pids = tree(self.p.pid)
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(20)
            took = time.time() - t
        except subprocess.TimeoutExpired:
            took = None
        for p in pids:
            try:
                os.kill(p, signal.SIGKILL)
            except OSError:
                pass
        self.p.wait()
        return took


def await_polls(url, n=1, s=30):
    end = time.time() + s
    while time.time() < end:
        if stub(url, "/admin/report")["requests"].get("poll", 0) >= n:
            return True
        time.sleep(0.02)
    return False


def throughput(d, url, n=3000, conc=10, types=1, body="noop", payload="bytes=100"):
    stub(url, "/admin/clear")
    stub(url, f"/admin/payload?{payload}")
    pid = d.start(BENCH_CONCURRENCY=conc, BENCH_TYPES=types, BENCH_BODY=body)
    if not await_polls(url, types):
        d.stop()
        return {"error": "no poll seen"}
    first = time.time() - d.t0
    time.sleep(1.0)
    u0 = usage(pid)
    t0 = time.time()
    r0 = stub(url, "/admin/report")["requests"]
    stub(url, f"/admin/add?n={n // types}&types={types}")
    rep = stub(url, "/admin/wait?s=240")
    t1 = time.time()
    u1 = usage(pid)
    down = d.stop()
    req = sum(rep["requests"].get(k, 0) - r0.get(k, 0) for k in ("poll", "update", "log"))
    return {
        "tasks/s": round(rep["done"] / (t1 - t0), 1),
        "cpu_s/1k": round((u1["cpu"] - u0["cpu"]) / max(1, rep["done"]) * 1000, 3),
        "req/task": round(req / max(1, rep["done"]), 2),
        "pss_mb": u1["pss_mb"],
        "procs": u1["procs"],
        "threads": u1["threads"],
        "missing": rep["missing"],
        "dup": rep["duplicates"],
        "first_poll_s": round(first, 2),
        "stop_s": round(down, 2) if down is not None else "hung",
    }


def latency(d, url, n=200, every=20, full=0):
    stub(url, "/admin/clear")
    stub(url, "/admin/payload?bytes=100")
    stub(url, f"/admin/fault?full={full}")
    pid = d.start(BENCH_CONCURRENCY=10, BENCH_TYPES=1, BENCH_BODY="noop")
    await_polls(url)
    time.sleep(1)
    u0 = usage(pid)
    stub(url, f"/admin/add?n={n}&every={every}")
    time.sleep(n * every / 1000 * 1.1 + 0.5)
    rep = stub(url, "/admin/wait?s=30")
    u1 = usage(pid)
    d.stop()
    stub(url, "/admin/fault?full=0")
    return {
        "p50_ms": rep["latency_ms"]["p50"],
        "p99_ms": rep["latency_ms"]["p99"],
        "missing": rep["missing"],
        "cpu_s/1k": round((u1["cpu"] - u0["cpu"]) / n * 1000, 3),
    }


def idle(d, url, types=10, seconds=15):
    stub(url, "/admin/clear")
    pid = d.start(BENCH_CONCURRENCY=1, BENCH_TYPES=types, BENCH_BODY="noop")
    await_polls(url, types)
    time.sleep(5)
    u0, r0, t0 = usage(pid), stub(url, "/admin/report")["requests"], time.time()
    time.sleep(seconds)
    u1, r1, dt = usage(pid), stub(url, "/admin/report")["requests"], time.time() - t0
    d.stop()
    return {
        "cpu_ms/s": round((u1["cpu"] - u0["cpu"]) / dt * 1000, 1),
        "req/s": round((r1.get("poll", 0) - r0.get("poll", 0)) / dt, 1),
        "pss_mb": u1["pss_mb"],
        "procs": u1["procs"],
        "threads": u1["threads"],
    }


SCENARIOS = {
    "noop-c1": lambda d, u: throughput(d, u, 1500, 1),
    "noop-c10": lambda d, u: throughput(d, u, 3000, 10),
    "noop-c50": lambda d, u: throughput(d, u, 3000, 50),
    "io50ms-c50": lambda d, u: throughput(d, u, 2000, 50, body="io"),
    "cpu5ms-c4": lambda d, u: throughput(d, u, 500, 4, body="cpu"),
    "definitions-c10": lambda d, u: throughput(d, u, 3000, 10, payload="bytes=100&definitions=1"),
    "payload50k-c10": lambda d, u: throughput(d, u, 1500, 10, payload="bytes=50000"),
    "payload50k-c50": lambda d, u: throughput(d, u, 1500, 50, payload="bytes=50000"),
    "text50k-both-c10": lambda d, u: throughput(d, u, 1500, 10, body="echo", payload="bytes=50000"),
    "rows50k-both-c10": lambda d, u: throughput(d, u, 1500, 10, body="echo", payload="bytes=50000&kind=rows"),
    "rows50k-both-c50": lambda d, u: throughput(d, u, 1500, 50, body="echo", payload="bytes=50000&kind=rows"),
    "types100": lambda d, u: throughput(d, u, 2000, 1, types=100),
    "latency": latency,
    "latency-fullbatch": lambda d, u: latency(d, u, n=100, every=50, full=1),
    "idle10": lambda d, u: idle(d, u, 10),
    "idle100": lambda d, u: idle(d, u, 100),
}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--stub", default="http://127.0.0.1:9080")
    ap.add_argument("--drivers", default="conductor-python,javascript,floor")
    ap.add_argument("--scenarios", default=",".join(SCENARIOS))
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--peer-python", default="python3")
    ap.add_argument("--our-python", default="python3")
    ap.add_argument("--js-root", default="")
    ap.add_argument("--json", default="")
    a = ap.parse_args()
    res = {}
    for sc in a.scenarios.split(","):
        for _ in range(a.rounds):
            for name in a.drivers.split(","):
                res.setdefault(sc, {}).setdefault(name, []).append(SCENARIOS[sc](Driver(name, a), a.stub))
        keys = list(next(iter(res[sc].values()))[0])
        print(f"\n### {sc}\n\n| driver | " + " | ".join(keys) + " |\n|" + "---|" * (len(keys) + 1))
        for name, rows in res[sc].items():
            cells = []
            for k in keys:
                v = [r[k] for r in rows if isinstance(r.get(k), (int, float))]
                cells.append(f"{statistics.median(v):g}" if v else str(rows[0].get(k)))
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if a.json:
        json.dump(res, open(a.json, "w"), indent=1)


if __name__ == "__main__":
    main()
