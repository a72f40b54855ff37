"""docs/cli.md has every command and every option."""

import re
from pathlib import Path

import click

from conductor.cli.command import root

TEXT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group, line=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*line, name))
        else:
            yield " ".join((*line, name)), command


ALL = dict(commands(root))


def test_every_command_is_documented():
    assert len(ALL) == 42
    assert [name for name in ALL if not re.search(rf"`(conductor )?{name}\b|conductor {name}\b", TEXT)] == []


def test_every_option_is_documented():
    options = {option for command in ALL.values() for one in command.params for option in one.opts if "-" in option}
    assert sorted(option for option in options if not re.search(rf"{option}\b", TEXT)) == []


def test_every_command_says_what_it_does():
    assert [name for name, command in ALL.items() if not command.help] == []


def test_the_statuses_are_those_that_commands_end_with():
    from conductor.cli import exits

    named = {int(number) for number in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}
    assert named == {
        getattr(exits, name) for name in ("DONE", "FAILED", "MISUSED", "UNREACHABLE", "TIMED_OUT", "INTERRUPTED")
    }
