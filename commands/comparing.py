"""`netviz lab compare`: several scenarios, one after the other, and how their servers treated their clients."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import click

from capture.errors import CaptureError
from commands.opening import READ_WHOLE, UNUSABLE
from commands.quantities import COUNT, MILLISECONDS, Quantity
from commands.telling import complain, draws_lines, output
from lab.errors import LabError
from lab.scenarios import find, scenarios

if TYPE_CHECKING:
    from analysis.session import Session
    from lab.scenario import Scenario
    from views.comparison import Run

EXAMPLES: Final = """\b
Examples:
  netviz lab compare                                   the servers of topic 10
  netviz lab compare server-iterative server-threads server-pool --clients 8
  netviz lab compare server-threads server-processes --busy 1
  netviz lab compare server-threads rpc-json --report json
"""
USUAL: Final = ("server-iterative", "server-threads", "server-processes", "server-asyncio", "server-pool")


class Name(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """The name of a scenario."""

    name = "scenario"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """A name that there is; else wrong usage."""
        if str(value) not in scenarios():
            self.fail(f"There is no scenario {value}; netviz lab lists all of them.", param, ctx)
        return str(value)


@click.command("compare", epilog=EXAMPLES)
@click.argument("names", nargs=-1, type=Name(), metavar="[SCENARIO]...")
@click.option("--clients", type=Quantity(COUNT, "N", 1, 50), help="Number of clients, where there may be more.")
@click.option(
    "--work", type=Quantity(MILLISECONDS, "20ms", 1, 500), help="What a request costs, where that is an option."
)
@click.option("--busy", type=click.IntRange(0, 1), help="1: the work is computing, not waiting.")
@click.option("--recorded", is_flag=True, help="Compare the captures that come with netviz; run nothing.")
@click.option(
    "--report",
    "layout",
    is_flag=False,
    flag_value="text",
    default="text",
    type=click.Choice(["text", "json"]),
    help="text (default) or json.",
)
@click.option("--ascii", "only_ascii", is_flag=True, help="Draw with plain ASCII.")
def compare(names: tuple[str, ...], layout: str, *, recorded: bool, only_ascii: bool, **given: float | None) -> int:
    """Run several scenarios, and compare how their servers treat their clients.

    Of each client: how long it took to connect, to the first byte of the answer, and until it was done; all on one time
    axis, with how many were served at a time. Without names, the servers of each make are compared.
    """
    from views.comparison import comparison
    from views.options import Options

    try:
        runs = [told(find(name), given, recorded=recorded) for name in names or USUAL]
    except (LabError, CaptureError) as error:
        click.echo(f"netviz: {error}", err=True)
        return UNUSABLE
    with output():
        if layout == "json":
            from export.comparison_json import comparison_json

            click.echo(comparison_json(runs))
            return READ_WHOLE
        import sys
        from shutil import get_terminal_size

        ascii_ = only_ascii or not draws_lines(sys.stdout.encoding)
        for line in comparison(runs, Options(ascii=ascii_), min(get_terminal_size().columns, 120)):
            click.echo(line)
    return READ_WHOLE


def told(scenario: Scenario, given: dict[str, Any], *, recorded: bool) -> Run:
    """Run a scenario, or take its recorded run: how its clients were served. Raises `LabError`, `CaptureError`."""
    from capture.source import open_source
    from commands.lab import RECORDED
    from commands.watching import session_of
    from lab.starting import missing, start

    if recorded:
        from analysis.session import Session

        return read(scenario.name, Session(open_source(RECORDED / f"{scenario.name}.pcapng")))
    if absent := missing(scenario):
        raise LabError(f"{scenario.name} needs {' and '.join(absent)}, which is not installed here.")
    known = {each.name for each in scenario.options}
    options = {name: value for name, value in given.items() if value is not None and name in known}
    with start(scenario.name, options) as running:
        found = read(scenario.name, session_of(running, scenario.name))
        running.wait()
    return found


def read(name: str, session: Session) -> Run:
    """What a capture tells of how clients were served."""
    from analysis.serving import serving

    with closing(session):
        session.run()
        for problem in session.snapshot.problems:
            complain(name, problem.message)
        return name, session.snapshot, serving(session)
