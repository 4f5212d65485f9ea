"""`netviz completion`: what a shell needs to complete netviz's commands and options."""

from __future__ import annotations

from typing import Final

import click

from commands.opening import READ_WHOLE
from commands.telling import output

EXAMPLES: Final = """\b
To install it:
  bash  netviz completion bash > ~/.local/share/bash-completion/completions/netviz
  zsh   netviz completion zsh > "${fpath[1]}/_netviz"
  fish  netviz completion fish > ~/.config/fish/completions/netviz.fish
"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script that lets a shell complete netviz."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "every choice of SHELL is one that click knows"
    with output():
        click.echo(kind(context.find_root().command, {}, "netviz", "_NETVIZ_COMPLETE").source())
    return READ_WHOLE


command: Final = completion
