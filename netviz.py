"""The front door: a command line in; a screen or a report out. It knows everyone, and decides nothing else.

The path of every command is the same: open a source, let a session read and judge it, show what the session tells.
Whatever is heavy to import is imported by the command that needs it, so that help and completion come at once.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from capture.errors import CaptureError
from views.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.session import Session

READ_WHOLE, DAMAGED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
STANDARD_INPUT: Final = "-"
CAPTURE_FILE: Final = click.Path(allow_dash=True)
LAYOUT: Final = click.Choice(["text", "json", "csv"])

# Both are read when the libraries are imported: one thread is enough for columns, and makes numpy start faster;
# Textual may paint as soon as a key is handled instead of waiting for the next 60th of a second.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TEXTUAL_FPS", "240")

REPLAY_EXAMPLES: Final = """\b
Examples:
  netviz replay fixtures/handshake.pcap
  sudo tcpdump -i lo -U -w - | netviz replay -
  ssh router tcpdump -i eth0 -U -w - not port 22 | netviz replay -
  netviz replay --ascii capture.pcapng.gz
"""
REPORT_EXAMPLES: Final = """\b
Examples:
  netviz report capture.pcap
  netviz report --connection 3 --packets capture.pcap
  netviz report --format json *.pcapng | jq -c '.connections[] | {stream, outcome}'

\b
Exit status: 0 read whole, 1 damaged (what could be read is printed), 2 wrong usage or no capture.
"""
COMPLETION_EXAMPLES: Final = """\b
To install it:
  bash  netviz completion bash > ~/.local/share/bash-completion/completions/netviz
  zsh   netviz completion zsh > "${fpath[1]}/_netviz"
  fish  netviz completion fish > ~/.config/fish/completions/netviz.fish
"""
EXAMPLES: Final = """\b
Examples:
  netviz replay fixtures/handshake.pcap        watch both ends change their states
  netviz report --format json capture.pcapng   the same story for a program
  netviz replay --help                         more of each command
"""


def complain(file: str, sentence: object) -> None:
    """Tell the user what is wrong with a file, on standard error, in one line."""
    name = "standard input" if file == STANDARD_INPUT else file
    told, base = str(sentence), Path(name).name
    if told.startswith(f"{base} "):
        told = name + told.removeprefix(base)
    elif name.lower() not in told.lower():
        told = f"{name}: {told}"
    click.echo(f"netviz: {safe(told)}", err=True)


@contextmanager
def output() -> Iterator[None]:
    """Print within; a reader that has seen enough (`head`) ends the printing quietly."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every locale has arrows
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain about the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def draws_lines(encoding: str | None) -> bool:
    """Whether a terminal's character set has what a ladder is drawn with."""
    try:
        "│─═►◄▌µ…".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def open_session(file: str, *, index: bool) -> Session:
    """Make a session that is ready to read `file`; raises `CaptureError` when there is nothing to read.

    With `index`, what was found out about a large capture is kept, and used when it is opened again.
    """
    from analysis.session import Session
    from capture.source import open_source

    source = open_source(file)
    if not index:
        return Session(source)
    from analysis.index import default_folder
    from analysis.keeping import Keeper

    return Session(source, keeper=Keeper(Path(file), default_folder()))


def tell(
    files: Sequence[str],
    layout: str = "text",
    *,
    packets: bool = False,
    connections: Sequence[int] = (),
    index: bool = False,
) -> int:
    """Print the report of each file; what is wrong with one goes to standard error and into the exit status."""
    status = READ_WHOLE
    with output():
        for file in files:
            try:
                session = open_session(file, index=index)
            except CaptureError as error:
                complain(file, error)
                status = UNUSABLE
                continue
            from export.report import write_report

            with closing(session):
                session.run()
                write_report(session, sys.stdout, layout, packets=packets, connections=connections)
            for problem in session.snapshot.problems:
                complain(file, problem.message)
                status = max(status, DAMAGED)
            if session.index_problem:
                complain(file, session.index_problem)
    return status


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.version_option(package_name="netviz-tui", prog_name="netviz")
@click.pass_context
def cli(context: click.Context) -> None:
    """See network conversations happen: both ends' TCP states, packet by packet, on real captures."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command(epilog=REPLAY_EXAMPLES)
@click.argument("file", type=CAPTURE_FILE)
@click.option(
    "--ascii", "only_ascii", is_flag=True, help="Draw with plain ASCII: for fonts where lines are two cells wide."
)
@click.option(
    "--index/--no-index",
    default=True,
    help="Keep what is found out about a large capture, so that it opens at once the next time (default: yes).",
)
def replay(file: str, *, only_ascii: bool, index: bool) -> int:
    """Open a capture and step through its conversations.

    FILE is a pcap or pcapng file, compressed or not; - reads standard input while the keyboard keeps working. Where
    the output is not a terminal, the story is printed as text instead.
    """
    if not sys.stdout.isatty():
        return tell([file], index=index)
    try:
        session = open_session(file, index=index)
    except CaptureError as error:
        complain(file, error)
        return UNUSABLE
    from tui.app import run

    try:
        return run(session, file, ascii=only_ascii or not draws_lines(sys.stdout.encoding))
    except OSError as error:
        complain(file, f"There is no terminal to read keys from: {error.strerror}.")
        return UNUSABLE


@cli.command(epilog=REPORT_EXAMPLES)
@click.argument("files", metavar="FILE...", type=CAPTURE_FILE, nargs=-1, required=True)
@click.option("--format", "layout", type=LAYOUT, default="text", help="For people, programs or spreadsheets.")
@click.option("--packets", is_flag=True, help="Tell of every packet, too.")
@click.option(
    "--connection",
    "connections",
    metavar="N",
    type=click.IntRange(min=0),
    multiple=True,
    help="Only connection N, as the report numbers them; may be given several times.",
)
@click.option(
    "--index/--no-index",
    default=False,
    help="Use and keep an index of a large capture, as replay does (default: read it again).",
)
def report(files: tuple[str, ...], layout: str, connections: tuple[int, ...], *, packets: bool, index: bool) -> int:
    """Tell the whole story of captures without a screen.

    With several files, the JSON format prints one object a line.
    """
    return tell(files, layout, packets=packets, connections=connections, index=index)


@cli.command(epilog=COMPLETION_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script that lets a shell complete netviz."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "every choice of SHELL is one that click knows"
    with output():
        click.echo(kind(cli, {}, "netviz", "_NETVIZ_COMPLETE").source())
    return READ_WHOLE


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
