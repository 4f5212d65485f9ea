"""Options that several commands have, so that they read and behave alike."""

from __future__ import annotations

from typing import Final

import click

REPORT: Final = click.option(
    "--report",
    "layout",
    is_flag=False,
    flag_value="text",
    type=click.Choice(["text", "json", "csv"]),
    help="Show no screen, and print the story at the end (default: text).",
)
ASCII: Final = click.option(
    "--ascii", "only_ascii", is_flag=True, help="Draw with plain ASCII: for fonts where lines are two cells wide."
)
