"""The command ``conductor``: its groups, the options of all commands, and error reporting."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.shell_completion import shell_complete

from conductor._internal.suggestions import suggest_all
from conductor._internal.terminal import printable
from conductor._version import __version__
from conductor.cli.completion import VARIABLE
from conductor.cli.exits import DONE, INTERRUPTED, status_of
from conductor.cli.session import Session
from conductor.errors import APIConnectionError, ConductorError

__all__ = ["Command", "Group", "LazyGroup", "root", "run", "shared_options"]


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    session = context.find_object(Session)
    if session is not None and value not in {None, False} and parameter.name:
        setattr(session, parameter.name, value)


def shared_options() -> list[click.Option]:
    """Return the options that every command accepts, before or after its name."""
    given: dict[str, Any] = {"expose_value": False, "callback": _store}
    return [
        click.Option(
            ["--server"],
            metavar="URL",
            help="The server (default: CONDUCTOR_SERVER_URL, or http://localhost:8080/api).",
            **given,
        ),
        click.Option(
            ["--profile"],
            metavar="NAME",
            help="A server saved with 'conductor profile' (or CONDUCTOR_PROFILE).",
            **given,
        ),
        click.Option(["-o", "--output"], type=click.Choice(["text", "json"]), help="The output format.", **given),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks of errors.", **given),
    ]


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.params += shared_options()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line; the error for a value without its option names the option."""
        words = [*args]
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            option = next((one.opts[0] for one in self.params if one.name == "pairs"), None)
            pair = next((word for word in words if "=" in word[1:] and word in error.message), None)
            if option is None or pair is None or "unexpected extra" not in error.message:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. Did you mean {option} {pair}?", ctx) from None


#: Maximum number of commands that an error suggests.
_MAX_SUGGESTIONS = 3


class _SuggestingGroup(click.Group):
    """A group that suggests the most similar command for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            names = self.list_commands(ctx)
            if inside := [f"{ctx.command_path} {name} {args[0]}" for name in self._groups_with(ctx, args[0])]:
                hint = f"Did you mean {' or '.join(map(repr, inside))}?"
                raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from None
            near = suggest_all(args[0], names, count=2, threshold=0.5)
            near += [name for name in names if name not in near and name.startswith(args[0][:3])][:2]
            hint = f"Did you mean {' or '.join(repr(name) for name in near)}?" if near else "See --help for the list."
            raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from None

    def _groups_with(self, ctx: click.Context, name: str) -> list[str]:
        """Return the groups that have a command of this name, such as ``workflow`` for ``start``."""
        groups = {one: self.get_command(ctx, one) for one in self.list_commands(ctx)}
        found = [one for one, group in groups.items() if isinstance(group, click.Group) and name in group.commands]
        return sorted(found, key=lambda one: one != "workflow")[:_MAX_SUGGESTIONS]


class Group(_SuggestingGroup):
    """A group whose commands have the shared options."""

    command_class = Command


class LazyGroup(_SuggestingGroup):
    """A group of commands, each imported when it is used.

    Args:
        homes: The module of each command, by the command's name. The module exports it as ``command``.
        more: Passed to ``click.Group``.
    """

    def __init__(self, *arguments: Any, homes: Mapping[str, str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        home = self._homes.get(cmd_name)
        found: click.Command | None = importlib.import_module(home).command if home else None
        return found


_HOMES = {
    name: f"conductor.cli.{module}"
    for name, module in {
        "worker": "worker",
        "server": "server",
        "workflow": "workflow",
        "task": "task",
        "def": "definitions",
        "schedule": "schedule",
        "event": "event",
        "webhook": "webhook",
        "secret": "secret",
        "env": "environment",
        "gateway": "gateway",
        "migrate": "migrate",
        "profile": "profile",
        "whoami": "whoami",
        "doctor": "doctor",
        "completion": "completion",
    }.items()
}


@click.group(
    cls=LazyGroup,
    homes=_HOMES,
    params=shared_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 success; 1 a workflow failed, or a difference was found; 2 invalid usage or configuration; "
    "3 the server is unreachable; 4 the timeout expired.",
)
@click.version_option(__version__, prog_name="conductor")
def root() -> None:
    """Run workers and servers, and manage workflows, tasks and definitions of Conductor."""


def run(words: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit status."""
    if instruction := os.environ.get(VARIABLE):
        return shell_complete(root, {"obj": Session()}, "conductor", VARIABLE, instruction)
    _replace_unencodable()
    words = list(sys.argv[1:] if words is None else words)
    session = Session(words=tuple(words))
    try:
        with root.make_context("conductor", words, obj=session) as context:
            answer = root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as error:  # --help and --version
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe, such as head, has ended
        _discard_output()
        return DONE
    except (click.ClickException, ConductorError, OSError) as error:
        return _report(error, session)
    return answer if isinstance(answer, int) else DONE


def _replace_unencodable() -> None:
    """Write characters that the terminal's encoding lacks as escapes, so that output never fails on them."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's stream may lack it
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _report(error: Exception, session: Session) -> int:
    if session.debug:
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        shown = io.StringIO()
        error.show(file=shown)
        sys.stderr.write(printable(shown.getvalue()))
        return error.exit_code
    message = session.explain(error) if isinstance(error, APIConnectionError) else str(error)
    sys.stderr.write(f"Error: {printable(message)}\n")
    return status_of(error)


def _discard_output() -> None:
    """Redirect standard output to the null device, so that the interpreter's last flush does not fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
