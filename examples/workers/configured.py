"""Configure a worker in code, with environment variables and in the handler: python -m examples.workers.configured

The order of precedence is: an argument of TaskHandler, CONDUCTOR_WORKER_<NAME>_<OPTION>,
CONDUCTOR_WORKER_ALL_<OPTION>, the decorator, the default.
"""

import os

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import simple


@worker_task("configured_resize", thread_count=2, poll_interval_ms=50)
def resize(image: str) -> str:
    return f"small {image}"


pictures = Workflow("configured_pictures", input_parameters=["image"])
resized = pictures.add(simple(resize, image=pictures.input.image))
pictures.returns(image=resized.output.result)


def main(client: ConductorClient) -> list[str]:
    os.environ["CONDUCTOR_WORKER_CONFIGURED_RESIZE_THREAD_COUNT"] = "4"  # usually set outside the program
    try:
        with TaskHandler(client, workers=[resize], poll_timeout_ms=100) as handler:  # logs each option and its source
            images = [pictures.start(client, {"image": f"{number}.png"}) for number in range(2)]
            handler.update_options("configured_resize", thread_count=8)  # while the handler is running
            return [client.workflows.wait(one, timeout=60).output["image"] for one in images]
    finally:
        del os.environ["CONDUCTOR_WORKER_CONFIGURED_RESIZE_THREAD_COUNT"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
