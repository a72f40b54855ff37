"""`conductor workflow watch`, `run` and bars of progress where people look: on a pseudo-terminal."""

import re

from conductor.workflow import Workflow, simple


def plain(written):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)


def test_watch_redraws_the_execution_until_it_ends(on_terminal, client):
    workflow = Workflow("cli_watched")
    workflow.add(simple("cli_watched_task", ref="brew"))
    workflow_id = workflow.start(client)

    def complete():
        task = client.tasks.poll("cli_watched_task")
        client.tasks.update(workflow_id=workflow_id, task_id=task.task_id, status="COMPLETED")

    status, written = on_terminal("workflow", "watch", workflow_id, when="0 of 1 tasks", act=complete)

    assert status == 0
    assert "\x1b[2K" in written  # lines are erased and written again
    seen = plain(written)
    assert "0 of 1 tasks have ended so far" in seen
    last = seen[seen.rindex("cli_watched v1") :]
    assert "brew" in last
    assert "tasks so far" not in last


def test_run_shows_the_diagram_while_it_waits(on_terminal, client):
    workflow = Workflow("cli_seen")
    workflow.add(simple("cli_seen_task", ref="sip"))
    workflow.register(client)

    status, written = on_terminal("workflow", "run", "cli_seen", "-i", "n=7", "--timeout", "1")

    assert status == 4
    assert "sip" in plain(written)
    assert "has not ended within 1 s" in plain(written)


def test_work_on_many_executions_has_a_bar_and_its_errors_stand_above_it(on_terminal, here, client):
    workflow = Workflow("cli_many")
    workflow.add(simple("cli_many_task", ref="sip"))
    ids = [workflow.start(client) for _ in range(3)]

    status, written = on_terminal("workflow", "terminate", *ids, "nosuch")
    assert status == 2
    assert "Terminated" in plain(written)
    assert "/4 0:00:0" in plain(written)
    assert "Error: nosuch: " in plain(written)
    last = plain(written).rstrip().splitlines()[-4:]
    assert [line.split() for line in last] == [*([one, "terminated"] for one in ids), ["nosuch", "error"]]
    assert here("workflow", "retry", *ids).err == ""
