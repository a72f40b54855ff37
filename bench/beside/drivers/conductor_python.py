"""conductor-python 2.0.0 as its README uses it: decorated functions, one process per worker."""

import os, signal, sys, time
from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.worker.worker_task import worker_task

TYPES = int(os.environ.get("BENCH_TYPES", "1"))
CONC = int(os.environ.get("BENCH_CONCURRENCY", "1"))
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
    return {"ok": True}


for i in range(TYPES):
    name = "bench" if TYPES == 1 else f"bench{i}"

    def fn(n: int = 0, text: str = "", rows: list | None = None) -> dict:
        return {"n": n, "text": text, "rows": rows} if BODY == "echo" else work()

    fn.__qualname__ = fn.__name__ = f"fn{i}"  # spawned processes look the function up by name
    globals()[fn.__name__] = worker_task(task_definition_name=name, thread_count=CONC, poll_interval_millis=100)(fn)


def main():
    handler = TaskHandler(
        configuration=Configuration(server_api_url=os.environ["BENCH_URL"]), scan_for_annotated_workers=True
    )
    handler.start_processes()
    signal.signal(signal.SIGTERM, lambda *_: (handler.stop_processes(), sys.exit(0)))
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
