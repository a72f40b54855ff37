"""Shells complete commands, options and their values."""

import shutil
import subprocess

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command(cli, shell):
    done = cli("completion", shell)

    assert (done.status, "_CONDUCTOR_COMPLETE" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("conductor wor", {"worker", "workflow"}),
        ("conductor task ", {"get", "logs", "complete", "fail", "queue", "replay"}),
        ("conductor workflow diagram x --format ", {"text", "mermaid", "svg"}),
        ("conductor def push --dry", {"--dry-run"}),
    ],
)
def test_the_command_answers_what_fits(cli, words, found):
    count = len(words.split(" ")) - 1
    done = cli(COMP_WORDS=words, COMP_CWORD=str(count), _CONDUCTOR_COMPLETE="bash_complete")

    assert {line.partition(",")[2] for line in done.out.splitlines()} == found


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
