"""A session from a file to its last snapshot, and what can be asked of it afterwards."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis import cut_payload
from analysis.analyser import Analyser
from analysis.connections import COLUMNS
from analysis.keeping import Keeper
from analysis.session import Session
from capture.source import open_source
from fixtures import containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.snapshot import Snapshot

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session(open_source(FIXTURES / "handshake.pcap"))
    made.run()
    yield made
    made.close()


def test_everything_is_published_from_the_reading_thread() -> None:
    published: list[tuple[str, Snapshot]] = []
    session = Session(
        open_source(FIXTURES / "handshake.pcap"),
        lambda snapshot: published.append((threading.current_thread().name, snapshot)),
    )
    assert len(session.snapshot.packets) == 0
    session.start()
    session.wait(timeout=10)
    session.close()
    assert {thread for thread, _ in published} == {"netviz session"}
    assert [snapshot.finished for _, snapshot in published] == [False] * (len(published) - 1) + [True]
    assert len(published[-1][1].packets) == 19


def test_a_cancelled_session_keeps_what_was_read() -> None:
    session = Session(open_source(FIXTURES / "handshake.pcap"))
    session.cancel()
    session.run()
    session.close()
    assert session.snapshot.finished
    assert session.snapshot.cancelled


def test_packets_are_read_again_byte_for_byte(session: Session) -> None:
    file = (FIXTURES / "handshake.pcap").read_bytes()
    packets = session.snapshot.packets
    for row in range(len(packets)):
        data = session.packet_bytes(row)
        assert len(data) == packets.captured_length[row]
        assert data == file[int(packets.offset[row]) :][: len(data)]
    assert session.link_type(0) == 1


def test_details_tell_the_numbers_that_the_columns_do_not_keep(session: Session) -> None:
    first, answer = session.details(np.array([0, 1]))
    assert first.names == ("ethernet", "ipv4", "tcp")
    assert answer.acknowledgment == (first.sequence + 1) % (1 << 32)
    assert (first.packet, first.network, first.transport) == (0, 14, 34)
    assert session.details(np.array([], np.int64)) == []


def test_details_of_packets_far_apart_and_close_together_are_the_same(session: Session) -> None:
    rows = np.arange(19)
    one_by_one = [detail for row in rows for detail in session.details(rows[row : row + 1])]
    assert session.details(rows) == one_by_one


def test_a_connections_packets_are_found(session: Session) -> None:
    assert session.packets_of(0).tolist() == list(range(19))


def test_a_file_that_shrinks_while_it_is_open_gives_less_and_does_not_crash(tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcap"
    copy.write_bytes((FIXTURES / "handshake.pcap").read_bytes())
    session = Session(open_source(copy))
    session.run()
    with copy.open("r+b") as file:
        file.truncate(100)
    assert session.packet_bytes(18) == b""
    cut = session.details(np.arange(19))
    assert len(cut) == 19
    assert cut[18].data == b""
    session.close()


def test_damage_is_told_beside_what_was_read() -> None:
    session = Session(open_source(FIXTURES / "cut-in-record.pcap"))
    session.run()
    session.close()
    assert len(session.snapshot.packets) == 5
    (problem,) = session.snapshot.problems
    assert problem.packet == 6
    assert problem.offset is not None


def with_keeper(path: Path, folder: Path) -> Session:
    made = Session(open_source(path), keeper=Keeper(path, folder, least_bytes=1))
    made.run()
    return made


def columns_of(session: Session) -> dict[str, list[object]]:
    told: dict[str, list[object]] = {}
    for table in (session.snapshot.packets, session.snapshot.connections):
        for field in fields(table):
            value = getattr(table, field.name)
            told[field.name] = [value] if isinstance(value, dict) else np.asarray(value).tolist()
    return told


@pytest.mark.parametrize("name", ["handshake.pcap", "final-states.pcap", "interfaces.pcapng", "cut-in-record.pcap"])
def test_a_capture_opened_again_is_the_same_without_reading_it(name: str, tmp_path: Path) -> None:
    first = with_keeper(FIXTURES / name, tmp_path)
    again = with_keeper(FIXTURES / name, tmp_path)
    assert columns_of(again) == columns_of(first)
    assert again.snapshot.interfaces == first.snapshot.interfaces
    assert again.snapshot.problems == first.snapshot.problems
    assert (again.source.names, again.source.comments) == (first.source.names, first.source.comments)
    assert again.details(np.arange(3)) == first.details(np.arange(3))
    assert first.source.bytes_read > 0
    first.close()
    again.close()


def test_an_index_is_used_and_not_only_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_keeper(FIXTURES / "handshake.pcap", tmp_path).close()
    monkeypatch.setattr("capture.source.CaptureSource.batches", lambda _: pytest.fail("the capture was read"))
    again = with_keeper(FIXTURES / "handshake.pcap", tmp_path)
    assert len(again.snapshot.packets) == 19
    again.close()


@pytest.mark.parametrize("kind", [np.uint32, None])
def test_an_index_of_another_layout_is_not_used(
    kind: type[np.uint32] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COLUMNS, "syn", ((kind, 2), 0)) if kind else monkeypatch.delitem(COLUMNS, "rst_sequence")
    if kind is None:
        monkeypatch.setitem(COLUMNS, "older", (np.int8, 0))
    analyser_of_then = Analyser()
    monkeypatch.undo()
    path = FIXTURES / "handshake.pcap"
    with open_source(path) as source:
        keeper = Keeper(path, tmp_path, least_bytes=1)
        assert not keeper.restore(source, analyser_of_then)
        assert keeper.keep(source, analyser_of_then)
    session = with_keeper(path, tmp_path)
    assert session.source.bytes_read > 0
    assert len(session.snapshot.packets) == 19
    session.close()


def test_an_index_that_cannot_be_kept_is_told_and_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    session = with_keeper(FIXTURES / "handshake.pcap", tmp_path / "cache")
    assert session.index_problem is not None
    assert len(session.snapshot.packets) == 19
    assert session.snapshot.problems == ()
    session.close()


def test_what_was_cancelled_is_not_kept(tmp_path: Path) -> None:
    path = FIXTURES / "handshake.pcap"
    session = Session(open_source(path), keeper=Keeper(path, tmp_path, least_bytes=1))
    session.cancel()
    session.run()
    session.close()
    assert list(tmp_path.iterdir()) == []


def test_a_held_session_reads_the_first_packets_and_no_more_until_released(tmp_path: Path) -> None:
    file = tmp_path / "many.pcap"
    file.write_bytes(containers.pcap([(0, bytes(1000))] * 400))
    seen: list[int] = []
    with closing(Session(open_source(file), publish=lambda snapshot: seen.append(len(snapshot.packets)))) as session:
        session.hold()
        session.start()
        session.wait(timeout=0.2)
        assert len(seen) == 1
        assert 0 < seen[0] < 400
        session.release()
        session.wait()
        assert seen[-1] == 400


def test_gaps_of_cut_payload_are_not_asked_for_in_large_captures(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for largest in (cut_payload.LARGEST, 1):
        monkeypatch.setattr(cut_payload, "LARGEST", largest)
        with closing(Session(open_source(FIXTURES / "snap-length-60.pcap"))) as session:
            session.run()
            told.append(bytes(session.snapshot.connections.history[0]).rstrip(b"\0").decode())
    assert told == ["ShADaGdgFf", "ShADadFf"]
