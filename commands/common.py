"""Options that several commands have, so that they read and behave alike."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def importing() -> Iterator[None]:
    """Import within what shows the screen: much is made then, and nothing is garbage, but looking for it takes time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


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


class Filtered(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A filter, checked before anything is read."""

    name = "filter"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text of a filter that is understood; else wrong usage, with the reason."""
        from analysis.filter_grammar import FilterError
        from analysis.filtering import Filter

        text = str(value)
        try:
            Filter(text)
        except FilterError as error:
            self.fail(str(error), param, ctx)
        return text


FILTER: Final = click.option(
    "--filter",
    "-Y",
    "wanted",
    metavar="FILTER",
    type=Filtered(),
    help="Only what matches, as 'port:80 outcome:refused' or 'tcp.analysis.retransmission'; the words stand in the help"
    " of the screen (?) and the README.",
)
