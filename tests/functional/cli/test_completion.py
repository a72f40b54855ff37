"""Shells complete commands, options and their values."""

import shutil
import subprocess

import pytest

from conductor.workflow import Workflow, simple


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command(cli, shell):
    done = cli("completion", shell)

    assert (done.status, "_CONDUCTOR_COMPLETE" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("conductor wor", {"worker", "workflow"}),
        ("conductor task ", {"get", "logs", "complete", "fail", "poll", "queue", "replay"}),
        ("conductor workflow diagram x --format ", {"text", "mermaid", "svg"}),
        ("conductor def push --dry", {"--dry-run"}),
    ],
)
def test_the_command_completes_words(cli, words, found):
    count = len(words.split(" ")) - 1
    done = cli(COMP_WORDS=words, COMP_CWORD=str(count), _CONDUCTOR_COMPLETE="bash_complete")

    assert {line.partition(",")[2] for line in done.out.splitlines()} == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("conductor workflow start complete_", ["complete_this"]),
        ("conductor schedule pause complete_", ["complete_nightly"]),
        ("conductor task queue complete_", ["complete_type"]),
        ("conductor workflow start --server http://127.0.0.1:9 complete_", ["complete_"]),  # a file, perhaps
        ("conductor schedule pause --server http://127.0.0.1:9 complete_", []),
    ],
)
def test_names_come_from_the_server_or_do_not_come(cli, client, words, found):
    flow = Workflow("complete_this")
    flow.add(simple("complete_type", ref="one"))
    flow.register(client)
    client.metadata.register_task({"name": "complete_type"})
    start = {"name": "complete_this", "version": 1}
    client.schedules.save(
        {"name": "complete_nightly", "cronExpression": "0 0 4 * * *", "startWorkflowRequest": start, "paused": True}
    )

    count = len(words.split(" ")) - 1
    done = cli(COMP_WORDS=words, COMP_CWORD=str(count), _CONDUCTOR_COMPLETE="bash_complete")
    assert [line.partition(",")[2] for line in done.out.splitlines() if line] == found
    assert done.err == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_takes_the_script(cli, tmp_path):
    (tmp_path / "script").write_text(cli("completion", "bash").out)
    done = subprocess.run(
        ["bash", "-c", "source ./script && complete -p conductor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "conductor" in done.stdout, done
