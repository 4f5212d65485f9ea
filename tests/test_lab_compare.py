"""Servers side by side: how each treats its clients, told from packets."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.serving import Served, Serving, serving
from analysis.session import Session
from capture.source import open_source
from commands.comparing import USUAL, compare
from lab.scenarios import scenarios
from lab.starting import why_not_here
from views.comparison import comparison
from views.options import Options
from views.text import cells

FIXTURES = Path(__file__).parents[1] / "fixtures"
MS = 1_000_000


def read(name: str) -> tuple[Session, Serving]:
    with closing(Session(open_source(FIXTURES / name))) as session:
        session.run()
        return session, serving(session)


def clients(*answered: float, each: float = 1) -> Serving:
    """Clients that ask at 0, 1, 2 … ms, and are answered at these moments."""
    told = enumerate(answered)
    return Serving(
        tuple(Served(row, 0, int(row * each * MS), int(when * MS), int(when * MS) + 1) for row, when in told)
    )


def test_one_at_a_time_is_one_and_side_by_side_is_all_of_them() -> None:
    assert clients(60, 120, 180, each=0).at_once == pytest.approx(1)
    assert clients(60, 60, 60, each=0).at_once == pytest.approx(3)
    assert clients(60, 60, 120, 120, each=0).at_once == pytest.approx(2)
    assert clients().at_once is None
    assert clients(0, 1).at_once is None  # nobody waited: the clock did not move


def test_it_tells_how_long_all_of_them_took() -> None:
    assert clients(60, 120).total_ns == 120 * MS + 1
    assert clients().total_ns == 0


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("server-iterative", 0.8, 1.2), ("server-threads", 3, 6), ("server-processes", 3, 6), ("server-asyncio", 3, 6)],
)
def test_the_recorded_servers_differ_as_they_should(name: str, least: float, most: float) -> None:
    _, found = read(f"{name}.pcapng")
    assert len(found.served) == 6
    assert found.at_once is not None
    assert least <= found.at_once <= most


def test_the_moments_are_those_of_the_packets() -> None:
    session, found = read("server-iterative.pcapng")
    packets = session.snapshot.packets
    for each in found.served:
        assert each.began_ns <= each.asked_ns < each.answered_ns <= each.ended_ns
        for moment in (each.began_ns, each.asked_ns, each.answered_ns, each.ended_ns):
            assert moment in packets.time_ns[packets.connection == each.connection]
    waits = [each.waited_ns for each in found.served]
    assert waits == sorted(waits)  # each waits for all before it


@pytest.mark.parametrize("name", ["handshake6.pcapng", "udp.pcap", "syn-filtered.pcapng", "arp.pcapng"])
def test_who_was_not_answered_is_left_out(name: str) -> None:
    _, found = read(name)
    assert len(found.served) == (name == "handshake6.pcapng")


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_all_runs_have_one_axis_and_every_line_fits(width: int, *, ascii_only: bool) -> None:
    runs = []
    for name in ("server-iterative", "server-threads"):
        session, found = read(f"{name}.pcapng")
        runs.append((name, session.snapshot, found))
    lines = list(comparison(runs, Options(ascii=ascii_only), width))
    assert lines[0].startswith("server-iterative: 6 clients, all done after ")
    bar = "#" if ascii_only else "█"
    ends = [line.rindex(bar) for line in lines if line.startswith(" 10.")]
    assert len(ends) == 12
    assert ends[5] == max(ends)  # the last client of the one that takes its clients in turn
    assert max(ends[6:]) < ends[5]
    if width >= 80:
        assert all(cells(line) <= width for line in lines if line.startswith(" "))
    if ascii_only:
        assert all(line.isascii() for line in lines if line.startswith((" ", "server")))


def test_the_command_compares_recorded_runs_as_text_and_as_json() -> None:
    told = CliRunner().invoke(compare, ["--recorded", "server-iterative", "rpc-json"], standalone_mode=False)
    assert told.exception is None
    assert "server-iterative: 6 clients" in told.output
    assert "rpc-json: 2 clients" in told.output
    told = CliRunner().invoke(compare, ["--recorded", "--report", "json", "server-iterative"], standalone_mode=False)
    (run,) = json.loads(told.output)["runs"]
    _, found = read("server-iterative.pcapng")
    assert run["at_once"] == found.at_once
    assert [each["first_byte"] for each in run["clients"]] == [each.waited_ns / 1e9 for each in found.served]
    assert run["clients"][-1]["done"] == run["total"]


def test_a_scenario_that_does_not_exist_is_wrong_usage() -> None:
    assert CliRunner().invoke(compare, ["nonsense"]).exit_code == 2
    assert set(USUAL) <= set(scenarios())


@pytest.mark.lab
def test_it_runs_them_with_the_clients_that_were_asked_for() -> None:
    if (hindrance := why_not_here()) is not None:
        pytest.skip(hindrance)
    arguments = ["server-iterative", "server-asyncio", "--clients", "3", "--work", "40ms", "--report", "json"]
    told = CliRunner().invoke(compare, arguments, standalone_mode=False)
    one, other = json.loads(told.output)["runs"]
    assert [len(each["clients"]) for each in (one, other)] == [3, 3]
    assert one["at_once"] < other["at_once"]
    assert other["total"] < one["total"]


@pytest.mark.lab
def test_coroutines_that_compute_are_one_at_a_time() -> None:
    if (hindrance := why_not_here()) is not None:
        pytest.skip(hindrance)
    arguments = ["server-asyncio", "--clients", "4", "--work", "40ms", "--busy", "1", "--report", "json"]
    told = CliRunner().invoke(compare, arguments, standalone_mode=False)
    (run,) = json.loads(told.output)["runs"]
    assert len(run["clients"]) == 4
    assert run["at_once"] < 2  # waiting, they are four
    assert run["total"] > 4 * 0.04
