"""The command ``conductor``, and what becomes of its errors."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.shell_completion import shell_complete

from conductor._version import __version__
from conductor.cli.completion import VARIABLE
from conductor.cli.exits import DONE, INTERRUPTED, status_of
from conductor.cli.session import Session
from conductor.errors import ConductorError

__all__ = ["Command", "Group", "LazyGroup", "root", "run", "shared_options"]


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    session = context.find_object(Session)
    if session is not None and value not in {None, False} and parameter.name:
        setattr(session, parameter.name, value)


def shared_options() -> list[click.Option]:
    """The options that stand before or after a command's name."""
    given: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(
            ["--server"],
            metavar="URL",
            help="The server (default: CONDUCTOR_SERVER_URL, or http://localhost:8080/api).",
            **given,
        ),
        click.Option(["-o", "--output"], type=click.Choice(["text", "json"]), help="How to show the answer.", **given),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks of errors.", **given),
    ]


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.params += shared_options()


class Group(click.Group):
    """A group whose commands have the shared options."""

    command_class = Command


class LazyGroup(click.Group):
    """A group of groups, each imported when it is asked for.

    Args:
        homes: By name, the module that has the command under the name ``command``.
        more: As for ``click.Group``.
    """

    def __init__(self, *arguments: Any, homes: Mapping[str, str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names."""
        return list(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name."""
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
        "doctor": "doctor",
        "completion": "completion",
    }.items()
}


@click.group(
    cls=LazyGroup,
    homes=_HOMES,
    params=shared_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done; 1 a workflow failed, or a difference was found; 2 wrong usage or setting; 3 the "
    "server cannot be reached; 4 the time given was over.",
)
@click.version_option(__version__, prog_name="conductor")
def root() -> None:
    """Conductor: workers, servers, workflows, tasks and definitions."""


def run(words: Sequence[str] | None = None) -> int:
    """Run a command line, that of this process by default; returns the exit status."""
    if instruction := os.environ.get(VARIABLE):
        return shell_complete(root, {"obj": Session()}, "conductor", VARIABLE, instruction)
    words = list(sys.argv[1:] if words is None else words)
    session = Session(words=tuple(words))
    try:
        with root.make_context("conductor", words, obj=session) as context:
            answer = root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as error:  # of --help and --version
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as head, has enough
        _forget_output()
        return DONE
    except (click.ClickException, ConductorError, OSError) as error:
        return _tell(error, session)
    return answer if isinstance(answer, int) else DONE


def _tell(error: Exception, session: Session) -> int:
    if session.debug:
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    sys.stderr.write(f"Error: {error}\n")
    return status_of(error)


def _forget_output() -> None:
    """Have the interpreter's last flush write to nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
