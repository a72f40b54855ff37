"""Start a workflow and wait for its result: python -m examples.workflows.request_response"""

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import simple


@worker_task("pattern_compile")
def compile_pattern(source: str) -> dict[str, int]:
    return {"size": len(source)}


compilation = Workflow("pattern_compilation", input_parameters=["source"])
compiled = compilation.add(simple(compile_pattern, source=compilation.input.source))
compilation.returns(size=compiled.output.size)


def main(client: ConductorClient) -> int:
    with TaskHandler(client, workers=[compile_pattern]):
        return compilation.run(client, {"source": "red, green, blue"}, timeout=60).output["size"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
