"""``conductor completion``: the script by which a shell completes."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from conductor.cli.exits import Misused

__all__ = ["VARIABLE", "command"]

VARIABLE = "_CONDUCTOR_COMPLETE"  # a shell asks by it


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    r"""Print the script that has a shell complete commands and options.

    \b
    bash:  conductor completion bash >> ~/.bashrc
    zsh:   conductor completion zsh >> ~/.zshrc
    fish:  conductor completion fish > ~/.config/fish/completions/conductor.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise Misused(f"There is no completion for {shell}.")
    click.echo(found(context.find_root().command, {}, "conductor", VARIABLE).source())
