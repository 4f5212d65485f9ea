"""Reading in a process of its own: the same columns, the same problems, and nobody left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

import analysis.apart
from analysis.apart import decoded_apart
from analysis.decoding import Decoding
from analysis.keeping import Keeper
from analysis.pairs import Pairs
from analysis.session import Session
from benchmarks.make_capture import main as make_capture
from capture.source import open_source
from fixtures import containers
from packet_builder import ethernet, ipv4, tcp
from test_analysis_batches import batches_of, columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.batch import Batch

FIXTURES = Path(__file__).parents[1] / "fixtures"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread reads ahead")


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process reads, however small the capture is, and whatever threads other tests have left."""
    monkeypatch.setattr(analysis.apart, "_is_worth_it", lambda _: True)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of many batches: it is read in windows that begin small."""
    path = tmp_path_factory.mktemp("apart") / "mixed.pcap"
    make_capture(["--packets", "20000", str(path)])
    return path


def everything(path: Path) -> dict[str, object]:
    """All that a session knows of a capture."""
    with closing(Session(open_source(path))) as session:
        session.run()
        analyser, source, snapshot = session._analyser, session.source, session.snapshot
        told = columns(analyser) | {
            "offset": snapshot.packets.offset.tolist(),
            "told problems": snapshot.problems,
            "sightings": snapshot.sightings.tolist(),
            "addresses": snapshot.connections.address_low[:].tolist(),
            "upper halves": snapshot.connections.address_high[:].tolist(),
        }
        for name in ("interfaces", "names", "comments", "secrets", "problems", "bytes_read"):
            told[name] = getattr(source, name)
        return told


def children() -> list[int]:
    """The processes that this one has started and not yet buried."""
    own = f"/proc/self/task/{threading.get_native_id()}/children"
    return [int(each) for each in Path(own).read_text().split()]


@pytest.mark.parametrize("slots", [1, 4])
def test_many_batches_give_the_same_columns(mixed: Path, monkeypatch: pytest.MonkeyPatch, slots: int) -> None:
    expected = everything(mixed)
    monkeypatch.setattr(analysis.apart, "SLOTS", slots)  # with one, the next batch overwrites the columns at once
    monkeypatch.setattr(analysis.apart, "_is_worth_it", lambda _: True)
    before = children()
    assert everything(mixed) == expected
    assert children() == before


@pytest.mark.usefixtures("always")
def test_columns_that_do_not_fit_their_slot_come_through_the_pipe(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = everything(mixed)
    monkeypatch.setattr(analysis.apart, "ROOM", 100_000)
    assert everything(mixed) == whole


CAPTURES = [path for path in sorted(FIXTURES.glob("*.pcap*")) if batches_of(path)]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_fixture_tells_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = everything(path)
    monkeypatch.setattr(analysis.apart, "_is_worth_it", lambda _: True)
    assert everything(path) == expected


@pytest.mark.usefixtures("always")
def test_what_stands_between_packets_is_known_here_too(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp()))
    blocks = [containers.section(), containers.interface("one"), containers.packet(1, frame, comment="the first")]
    blocks += [containers.names(bytes((10, 0, 0, 1)), "router.example"), containers.interface("two")]
    blocks += [containers.packet(2, frame, interface=1, comment="the last"), containers.statistics(1, 2, 5), b"\6\0\0"]
    path = tmp_path / "told.pcapng"
    path.write_bytes(b"".join(blocks))
    told = everything(path)
    assert [each.text for each in told["comments"]] == ["the first", "the last"]  # type: ignore[attr-defined]
    assert [each.dropped for each in told["interfaces"]] == [None, 5]  # type: ignore[attr-defined]
    assert told["names"] == {"10.0.0.1": ["router.example"]}
    assert len(told["problems"]) == 1  # type: ignore[arg-type]
    assert told["bytes_read"] == path.stat().st_size


@pytest.fixture
def begun(mixed: Path, always: None) -> Iterator[tuple[Session, int]]:
    """A session of which the other process has begun to read, and that process."""
    del always
    before = children()
    session = Session(open_source(mixed))
    session.hold()
    session._begin()
    (process,) = set(children()) - set(before)
    yield session, process
    session.close()


def test_what_was_read_before_the_process_was_killed_is_kept(begun: tuple[Session, int]) -> None:
    session, process = begun
    session._publish = lambda snapshot: os.kill(process, signal.SIGKILL) if not snapshot.finished else None
    session.run()
    assert [problem.message for problem in session.snapshot.problems] == [
        "Reading stopped: the process that reads it has ended; what was read before is shown."
    ]
    assert 0 < len(session.snapshot.packets) < 20_000
    assert process not in children()


@pytest.mark.usefixtures("always")
def test_a_process_that_ends_within_a_message_is_told_of(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(out: BinaryIO, *_: object) -> None:
        out.write(b"\x80\x05\x95\xff\0\0\0\0\0\0\0")
        out.flush()
        os._exit(1)

    monkeypatch.setattr(analysis.apart, "_send", half)
    with closing(Session(open_source(mixed))) as session:
        session.run()
        assert "the process that reads it has ended" in session.snapshot.problems[0].message


@pytest.mark.usefixtures("always")
def test_where_no_process_can_be_had_a_thread_reads(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    before = sorted(Path("/proc/self/fd").iterdir())
    with closing(Session(open_source(mixed))) as session:
        session.run()
        assert len(session.snapshot.packets) == 20_000
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_who_cancels_leaves_no_process(begun: tuple[Session, int]) -> None:
    session, process = begun
    session._publish = lambda _: session.cancel()
    session.run()
    assert session.snapshot.cancelled
    assert session.snapshot.problems == ()
    assert process not in children()


@pytest.mark.usefixtures("always")
def test_an_index_that_is_found_ends_the_process(mixed: Path, tmp_path: Path) -> None:
    before = children()
    for _ in range(2):
        with closing(Session(open_source(mixed), keeper=Keeper(mixed, tmp_path, least_bytes=1))) as session:
            session.run()
            assert len(session.snapshot.packets) == 20_000
        assert children() == before


class Failing(Decoding):
    """A decoder with a fault."""

    def decode(self, batch: Batch) -> None:  # type: ignore[override]
        raise ZeroDivisionError(len(batch))


@pytest.mark.usefixtures("always")
def test_a_fault_in_the_process_is_raised_where_it_can_be_told(mixed: Path) -> None:
    with open_source(mixed) as source, closing(decoded_apart(source, Failing([], Pairs()))) as batches:
        first = iter(batches)
        with pytest.raises(ZeroDivisionError):
            next(first)


def test_only_a_process_of_one_thread_is_forked(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis.apart, "LARGE", 1)
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    before = children()
    with open_source(mixed) as source, closing(decoded_apart(source, Decoding([], Pairs()))) as batches:
        assert len(next(iter(batches))[0])
        assert children() == before
    ended.set()
    other.join()


WAITING = """
import sys, time
import analysis.apart
from analysis.session import Session
from capture.source import open_source
analysis.apart.LARGE = 1
session = Session(open_source(sys.argv[1]))
session.hold()
session.start()
while not len(session.snapshot.packets):
    time.sleep(0.01)
print(session._incoming._process, flush=True)
time.sleep(60)
"""


def gone(process: int) -> bool:
    """Whether it has ended, be it that nobody has buried it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_process_ends_with_the_one_that_wants_its_batches(mixed: Path, end: signal.Signals) -> None:
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", WAITING, mixed], cwd=root, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        process = int(waiting.stdout.readline())
        assert not gone(process)
        waiting.send_signal(end)
        waiting.wait(10)
        assert within(10, lambda: gone(process))
