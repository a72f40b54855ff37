"""``conductor completion``: the script that enables completion in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from conductor.cli.exits import Misused

__all__ = ["VARIABLE", "command"]

VARIABLE = "_CONDUCTOR_COMPLETE"  # the completion script sets it when it requests completions

#: The line with the backspace character keeps click from wrapping the paragraph.
_HELP = """Print a script that enables completion in a shell.

\b
bash:  conductor completion bash >> ~/.bashrc
zsh:   conductor completion zsh >> ~/.zshrc
fish:  conductor completion fish > ~/.config/fish/completions/conductor.fish
"""


@click.command("completion", help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    if found is None:
        raise Misused(f"Completion is not available for {shell}.")
    click.echo(found(context.find_root().command, {}, "conductor", VARIABLE).source())
