"""This project: decorated functions and a TaskHandler."""

import os, time
from conductor import TaskHandler, worker_task

TYPES = int(os.environ.get("BENCH_TYPES", "1"))
CONC = int(os.environ.get("BENCH_CONCURRENCY", "1"))
BODY = os.environ.get("BENCH_BODY", "noop")
os.environ.setdefault("CONDUCTOR_SERVER_URL", os.environ["BENCH_URL"])


def work():
    if BODY == "io":
        time.sleep(0.05)
    elif BODY == "slow":
        time.sleep(3)
    elif BODY == "cpu":
        end = time.thread_time() + 0.005
        while time.thread_time() < end:
            sum(range(200))
    return {"ok": True}


for i in range(TYPES):
    name = "bench" if TYPES == 1 else f"bench{i}"

    @worker_task(name, thread_count=CONC)
    def fn(n: int = 0, text: str = "", rows: list | None = None) -> dict:
        return {"n": n, "text": text, "rows": rows} if BODY == "echo" else work()


if __name__ == "__main__":
    TaskHandler(processes=int(os.environ.get("BENCH_PROCESSES", "1"))).run()
