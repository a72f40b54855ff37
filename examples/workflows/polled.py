"""Poll a service until it is ready, without a worker: python -m examples.workflows.polled

Orkes has HTTP_POLL for this. The loop does the same on the open-source server.
"""

from conductor import ConductorClient, Workflow
from conductor.workflow import http, http_poll, wait

orkes = Workflow("polled_by_orkes", input_parameters=["uri"])
orkes >> http_poll(orkes.input.uri, until="$.output.response.body.healthy == true", interval=5, max_polls=20, ref="ask")

anywhere = Workflow("polled_anywhere", input_parameters=["uri"])
with anywhere.do_while(condition="!($.ask.response.body.healthy == true) && $.asked.iteration < 20", ref="asked"):
    answer = anywhere.add(http(anywhere.input.uri, ref="ask"))
    anywhere >> wait(1, ref="pause")
anywhere.returns(status=answer.output.response.statusCode, healthy=answer.output.response.body.healthy)


def main(client: ConductorClient) -> tuple[dict, str]:
    uri = f"{client.settings.server_url.removesuffix('/api')}/health"
    return anywhere.run(client, {"uri": uri}, timeout=60).output, orkes.draw().text()


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
