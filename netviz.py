"""The front door: a command line in, a screen or a report out.

The path of every command (`commands`) is the same: open a source, let a session read and judge it, show what the
session tells.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click

from commands import COMMANDS
from commands.opening import INTERRUPTED, READ_WHOLE
from commands.settings import settle

settle()

EXAMPLES: Final = """\b
Examples:
  netviz replay fixtures/handshake.pcap        watch both ends change their states
  netviz report --format json capture.pcapng   the same story for a program
  netviz replay --help                         more of each command
"""


class Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The one of this name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module("commands." + cmd_name.replace("-", "_")).command
        return found


@click.group(cls=Commands, invoke_without_command=True, epilog=EXAMPLES)
@click.version_option(package_name="netviz-tui", prog_name="netviz")
@click.pass_context
def cli(context: click.Context) -> None:
    """See network conversations happen: both ends' TCP states, packet by packet, on real captures."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> int:
    """Run netviz on the process's command line. Returns the exit status."""
    try:
        status: int | None = cli.main(prog_name="netviz", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # Ctrl-C
        return INTERRUPTED
    return status or READ_WHOLE


if __name__ == "__main__":
    sys.exit(main())
