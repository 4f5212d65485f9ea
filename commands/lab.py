"""`netviz lab`: real traffic for a topic, made in a network of its own, and watched."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final

import click

from commands.common import importing
from commands.opening import READ_WHOLE, UNUSABLE
from commands.quantities import COUNT, MILLISECONDS, PERCENT, Quantity
from lab.errors import LabError, NotAllowedError
from lab.scenario import Unit
from lab.scenarios import scenarios
from lab.topics import TOPICS

if TYPE_CHECKING:
    from lab.scenario import Option, Real, Scenario

EXAMPLES: Final = """\b
Examples:
  netviz lab                             every scenario, and whether it can run here
  netviz lab handshake                   watch it happen
  netviz lab loss --loss 10% --delay 5ms
  netviz lab handshake --ipv6            the same over IPv6
  netviz lab arp --report                the story as text
  netviz lab lan-wan --write far.pcapng --everywhere
  netviz lab compare                     servers by threads, processes, coroutines …, side by side
  netviz lab nginx-reverse --real        nginx itself in the part that Python plays otherwise
  netviz lab handshake --recorded        the capture that comes with netviz, where nothing can run
"""

UNITS: Final = {Unit.MILLISECONDS: MILLISECONDS, Unit.PERCENT: PERCENT, Unit.COUNT: COUNT}
WIDEST: Final = 120
RECORDED: Final = Path(__file__).parents[1] / "fixtures"


class Scenarios(click.Group):
    """Each scenario is a command, with its own options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of their topics."""
        del ctx
        return [*scenarios(), "compare"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The one of this name."""
        del ctx
        if cmd_name == "compare":
            from commands.comparing import compare

            return compare
        found = scenarios().get(cmd_name)
        return None if found is None else _command(found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """In the help, the list without trying what can run."""
        del ctx
        for title, found in by_topic():
            with formatter.section(title):
                formatter.write_dl([(each.name, each.line) for each in found])


def by_topic() -> list[tuple[str, list[Scenario]]]:
    """The scenarios under the first of their topics."""
    found: dict[int, list[Scenario]] = {}
    for each in scenarios().values():
        found.setdefault(each.topics[0], []).append(each)
    return [(f"{number} {TOPICS[number]}", some) for number, some in sorted(found.items())]


def _command(scenario: Scenario) -> click.Command:
    def run(**given: Any) -> int:
        return play(scenario, given)

    common: list[click.Parameter] = [
        click.Option(
            ["--report", "layout"],
            is_flag=False,
            flag_value="text",
            default=None,
            type=click.Choice(["text", "json", "csv"]),
            help="Print the story instead of showing the screen (default: text).",
        ),
        click.Option(["--write", "file"], type=click.Path(path_type=Path, dir_okay=False), help="Save the capture."),
        click.Option(
            ["--everywhere"],
            is_flag=True,
            help="Capture at every device of every host: the same packet is then there once for each device it passes.",
        ),
        *([IPV6] if not scenario.only_ipv4 else []),
        *([_real(scenario.real)] if scenario.real is not None else []),
        click.Option(["--recorded"], is_flag=True, help="Show the capture that comes with netviz; run nothing."),
        click.Option(["--ascii", "only_ascii"], is_flag=True, help="Draw with plain ASCII."),
    ]
    about = "".join(f"\n\n{TOPICS[number]}." for number in scenario.topics[:1])
    needs = ", ".join((*scenario.programs, *scenario.modules))
    only = f"\n\nThere is no --ipv6: {scenario.only_ipv4}." if scenario.only_ipv4 else ""
    text = scenario.line + about + only + (f"\n\nNeeds {needs}." if needs else "")
    params = [*map(_option, scenario.options), *common]
    return click.Command(scenario.name, params=params, callback=run, help=text, short_help=scenario.line)


IPV6: Final = click.Option(["--ipv6"], is_flag=True, help="Play it over IPv6.")


def _real(real: Real) -> click.Option:
    return click.Option(["--real"], is_flag=True, help=f"Let {real.program} itself play its part, if it is installed.")


def _option(option: Option) -> click.Option:
    typed = option.unit.value if option.unit is not Unit.COUNT else "N"
    from lab.words import written

    return click.Option(
        [f"--{option.name}", f"option_{option.name}"],
        type=Quantity(UNITS[option.unit], typed, option.least, option.most),
        default=None,
        help=f"{option.help} (default: {written(option, option.default)})",
    )


def play(scenario: Scenario, given: dict[str, Any]) -> int:
    """Run a scenario and show it; where it cannot run, say why, and offer the recorded one."""
    from commands.watching import present
    from lab.starting import missing, start

    real, ipv6 = bool(given.get("real")), bool(given.get("ipv6"))
    if ipv6 and (real or given["recorded"]):
        other = "--real" if real else "--recorded"
        raise click.UsageError(f"{other} is over IPv4: --ipv6 plays by hand and anew.")
    if given["recorded"]:
        return show_recorded(scenario, given)
    scenario = scenario.as_real() if real else scenario
    options: dict[str, float | bool] = {
        each.name: given[f"option_{each.name}"] for each in scenario.options if given[f"option_{each.name}"] is not None
    }
    absent = missing(scenario)
    if absent:
        needs = f"{scenario.name}{' --real' if real else ''} needs {' and '.join(absent)}, which is not installed here"
        click.echo(f"netviz: {needs}{'; without --real its part is played by hand' if real else ''}.", err=True)
        return offer_recorded(scenario, given)
    try:
        with start(scenario.name, options | {"everywhere": given["everywhere"], "real": real, "ipv6": ipv6}) as running:
            title = f"lab: {scenario.name}{f' by {scenario.by}' if scenario.by else ''}{' over IPv6' if ipv6 else ''}"
            status = present(running, title, given["layout"], given["file"], only_ascii=given["only_ascii"])
            if sys.stdout.isatty() and given["file"] is None and given["layout"] is None:
                running.wait_if_ended()  # the screen may be left before the end
            elif status == READ_WHOLE:
                running.wait()
            return status
    except NotAllowedError as error:
        click.echo(f"netviz: {error}", err=True)
        return offer_recorded(scenario, given)
    except LabError as error:
        click.echo(f"netviz: {error}", err=True)
        return UNUSABLE


def recorded(scenario: Scenario) -> Path | None:
    """The capture of an earlier run that comes with netviz, if there is one."""
    file = RECORDED / f"{scenario.name}.pcapng"
    return file if file.is_file() else None


def offer_recorded(scenario: Scenario, given: dict[str, Any]) -> int:
    """Ask whether to show the recorded capture instead; without a terminal only say that there is one."""
    if recorded(scenario) is None:
        return UNUSABLE
    if sys.stdin.isatty() and sys.stdout.isatty() and given["file"] is None and given["layout"] is None:
        if click.confirm("Show the recorded one instead?", default=True):
            return show_recorded(scenario, given)
    else:
        click.echo(f"netviz: a recorded run comes with netviz: netviz lab {scenario.name} --recorded", err=True)
    return UNUSABLE


def show_recorded(scenario: Scenario, given: dict[str, Any]) -> int:
    """Show the capture that comes with netviz, and say so where its name stands."""
    from commands.opening import open_session
    from commands.telling import draws_lines, tell

    file = recorded(scenario)
    if file is None:
        click.echo(f"netviz: there is no recorded run of {scenario.name}.", err=True)
        return UNUSABLE
    if given["layout"] is not None or not sys.stdout.isatty():
        return tell([str(file)], given["layout"] or "text")
    with importing():
        from tui.running import run

    title = f"{scenario.name} (recorded)"
    return run(
        open_session(str(file), index=False), title, ascii=given["only_ascii"] or not draws_lines(sys.stdout.encoding)
    )


@click.group(cls=Scenarios, invoke_without_command=True, epilog=EXAMPLES, subcommand_metavar="[SCENARIO [OPTIONS]]")
@click.pass_context
def lab(context: click.Context) -> int:
    """Make the traffic of a topic for real, and watch it.

    Each scenario runs in network namespaces of its own, without root where the system allows that; it touches no real
    interface, and leaves nothing behind. Without a name, all scenarios are listed, and whether each can run here.
    """
    if context.invoked_subcommand is None:
        return list_scenarios()
    return READ_WHOLE


def list_scenarios() -> int:
    """Print every scenario by topic, and what keeps it from running."""
    from commands.telling import output
    from lab.starting import missing, why_not_here

    hindrance = why_not_here()
    absent = {each.name: " and ".join(missing(each)) for each in scenarios().values()}
    formatter = click.HelpFormatter(width=min(get_terminal_size().columns, WIDEST))
    for title, found in by_topic():
        with formatter.section(title):
            formatter.write_dl([(each.name, each.line + _note(each, absent[each.name])) for each in found])
    formatter.write_paragraph()
    if hindrance is not None:
        formatter.write_text(f"None can run here. {hindrance} netviz lab NAME --recorded shows an earlier run.")
    else:
        lacking = [name for name, what in absent.items() if what]
        which = f"All but {', '.join(lacking)}" if lacking else "All of them"
        formatter.write_text(f"{which} can run here: netviz lab NAME.")
    formatter.write_text("netviz lab compare runs several, and shows how their servers treat their clients.")
    only = ", ".join(each.name for each in scenarios().values() if each.only_ipv4)
    formatter.write_text(f"--ipv6 plays the same over IPv6; there is none for {only}.")
    with output():
        click.echo(formatter.getvalue().strip("\n"))
    return READ_WHOLE


def _note(scenario: Scenario, absent: str) -> str:
    """What a scenario needs and what else it can do, behind its line."""
    from lab.starting import missing

    note = f" [needs {absent}: not installed]" if absent else ""
    if scenario.real is None:
        return note
    lacking = " and ".join(missing(scenario.as_real()))
    return note + (f" [--real needs {lacking}: not installed]" if lacking else f" [--real: by {scenario.real.program}]")


command: Final = lab
