"""docs/reference/cli.md documents every command and option."""

import re
from pathlib import Path

import click

from conductor.cli.command import root
from conductor.server.__main__ import _parser as server_parser
from conductor.server.ui.serve import _parser as page_parser

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


def commands(group, line=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*line, name))
        else:
            yield " ".join((*line, name)), command


ALL = dict(commands(root))
#: The options that the launcher of servers defines, for the commands that pass theirs on to it.
LAUNCHER = {
    "server start": set(server_parser("")._option_string_actions),
    "server ui": set(page_parser("")._option_string_actions),
}


def options_of(name):
    return {option for one in ALL[name].params for option in one.opts} | LAUNCHER.get(name, set())


def test_every_command_is_documented():
    assert len(ALL) == 88
    assert [name for name in ALL if not re.search(rf"`(conductor )?{name}\b|conductor {name}\b", TEXT)] == []


def test_every_option_is_documented():
    options = {option for command in ALL.values() for one in command.params for option in one.opts if "-" in option}
    assert sorted(option for option in options if not re.search(rf"{option}\b", TEXT)) == []


SHARED = {option for one in root.params for option in one.opts} | {"--help"}


def paragraphs():
    """Each paragraph or item of the page with the commands that it names, and the options that it promises."""
    for text in re.split(r"\n(?=- |\n)", TEXT):
        words = " ".join(re.findall(r"`([^`]+)`", text))
        named = [name for name in ALL if re.search(rf"(?<![\w-]){name}(?![\w-])", words)]
        if named and not text.lstrip().startswith("|"):  # the table of statuses is about many
            yield named, set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", words)) - SHARED


def test_every_documented_option_exists():
    missing = {
        (tuple(named), option)
        for named, options in paragraphs()
        for option in options
        if not any(option in options_of(name) for name in named)
    }
    assert missing == set()


def test_task_commands_accept_the_reference_name_instead_of_the_id():
    assert "Here and below, `--ref NAME`" in TEXT
    about = {name for name, command in ALL.items() if any(one.name == "task_id" for one in command.params)}
    assert about == {"task get", "task logs", "task complete", "task fail", "task replay"}
    assert [name for name in about if not any("--ref" in one.opts for one in ALL[name].params)] == []


def test_every_command_says_what_it_does():
    assert [name for name, command in ALL.items() if not command.help] == []


def test_the_statuses_are_those_that_commands_end_with():
    from conductor.cli import exits

    named = {int(number) for number in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}
    assert named == {
        getattr(exits, name) for name in ("DONE", "FAILED", "MISUSED", "UNREACHABLE", "TIMED_OUT", "INTERRUPTED")
    }
