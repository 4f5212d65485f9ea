"""Live capture: what passes loopback in a namespace of the test's own is in the file, exactly, and without rights."""

from __future__ import annotations

import json
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import numpy as np
import pytest

from capture.live.bpf import FilterError, compiled, everything
from capture.live.chain import FileChain
from capture.live.files import FileRing, copy, named
from capture.live.processes import Owner, owner_of, owners
from capture.source import CaptureSource, open_source
from capture.store import DamagedStoreError
from fixtures import containers
from namespace_builder import NOT_ALLOWED, isolated
from views.arrows import lane_names
from views.conversation import Conversation
from views.options import Options
from views.text import plain
from views_builder import PAGE, capture, rows

linux = pytest.mark.skipif(sys.platform != "linux", reason="packet sockets are Linux's")

CAPTURE = """
import json, time
from pathlib import Path
from capture.live.feed import Target, open_feed
from capture.live.starting import Limits
def begin(file=None, files=None, expression="", snap=262144, spool=1 << 30, **limits):
    target = Target(Path(file) if file else None, files, spool)
    return open_feed(["lo"], target, expression=expression, snap_length=snap, limits=Limits(**limits))
def send(count, size=64, port=0):
    datagrams = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(*datagrams) as to, socket.socket(*datagrams) as by:
        to.bind(("127.0.0.1", port))
        for number in range(count):
            by.sendto(number.to_bytes(4, "big") + bytes(size - 4), to.getsockname())
        return to.getsockname()[1]
def status(pid):
    lines = (line.split(":") for line in open(f"/proc/{pid}/status"))
    return {name: value.split() for name, value in lines}
def tell(counts, **more):
    names = ("seen", "dropped", "packets", "written", "done")
    print(json.dumps({name: getattr(counts, name) for name in names} | more))
"""


def live(code: str, *arguments: object, user: int | None = None) -> dict[str, object]:
    """Run code beside a capture; what it prints as JSON. Skips where no namespace may be made."""
    try:
        done = isolated(CAPTURE + code, *arguments, user=user)
    except PermissionError:
        pytest.skip("this interpreter lies where another user may not run it")
    if done.returncode == NOT_ALLOWED:
        pytest.skip("network namespaces are not allowed here")
    assert done.stderr == ""
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


@linux
@pytest.mark.parametrize("user", [None, 65_534])
def test_every_packet_is_captured_once_in_order_and_whole(tmp_path: Path, user: int | None) -> None:
    if user is not None and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if user is not None:
        tmp_path = Path(mkdtemp())  # pytest's own folders are closed to others
        os.chown(tmp_path, user, user)
    file = tmp_path / "all.pcapng"
    told = live("feed = begin(sys.argv[1]); send(2000); tell(feed.stop())", file, user=user)
    assert told == {"seen": 2000, "dropped": 0, "packets": 2000, "written": file.stat().st_size, "done": "stopped"}
    numbers: list[int] = []
    with open_source(file) as source:
        for batch in source.batches():
            assert (batch.captured_length == 14 + 20 + 8 + 64).all()
            assert (np.diff(batch.time_ns) >= 0).all()
            numbers += [int.from_bytes(batch.buffer[at + 42 : at + 46].tobytes()) for at in batch.start.tolist()]
        assert numbers == list(range(2000))
        assert source.problems == []
        assert [(each.name, each.dropped, each.time_resolution) for each in source.interfaces] == [("lo", 0, 1e-9)]
    if user is not None:
        assert file.stat().st_uid == user
        rmtree(tmp_path)


@linux
def test_the_process_that_captures_has_no_rights_left() -> None:
    told = live(
        "feed = begin(); send(1); told = status(feed._running.process.pid); tell(feed.stop(), state=told); feed.close()"
    )
    state = told["state"]
    assert isinstance(state, dict)
    assert {
        name: int(state[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    } == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)
    assert state["NoNewPrivs"] == ["1"]
    if os.geteuid() == 0 and "SUDO_UID" not in os.environ:
        assert set(state["Uid"]) == set(state["Gid"]) == {"65534"}


@linux
def test_limits_and_filters_are_obeyed(tmp_path: Path) -> None:
    told = live("feed = begin(packets=10); send(50); feed.wait(); tell(feed.stop())")
    assert (told["packets"], told["done"]) == (10, "limit")
    told = live("feed = begin(bytes=5000); send(200); feed.wait(); tell(feed.stop())")
    assert told["done"] == "limit"
    assert isinstance(told["written"], int)
    assert told["written"] <= 5000 + 200
    told = live("feed = begin(seconds=0.2); send(5); feed.wait(); tell(feed.stop())")
    assert (told["packets"], told["done"]) == (5, "limit")
    file = tmp_path / "some.pcapng"
    told = live(
        "feed = begin(sys.argv[1], expression='udp port 7', snap=50); send(5, port=7); send(5); tell(feed.stop())",
        file,
    )
    assert told["packets"] == 5
    with open_source(file) as source:
        (batch,) = source.batches()
        assert set(batch.captured_length.tolist()) == {50}
        assert set(batch.original_length.tolist()) == {106}


@linux
def test_a_full_spool_makes_room_and_the_capture_goes_on(tmp_path: Path) -> None:
    told = live(
        """
from analysis.leaving import making_room
from analysis.session import Session
target = Target(None, spool_bytes=4 << 20, makes_room=True)
feed = open_feed(["lo"], target, snap_length=262144, limits=Limits())
if not feed.spool.gives_back:
    sys.exit(77)
session = Session(feed.source(), making_room(feed))
session.start()
for _ in range(100):
    send(100, 1400)
    time.sleep(0.005)
counts = feed.stop()
session.wait(10)
gone = session.details(__import__("numpy").array([10, 9_999]))
feed.save(Path(sys.argv[1]))
tell(counts, left=feed.left.packets, occupied=feed.spool.occupied, gone=[each.gone for each in gone])
session.close()
feed.close()
""",
        tmp_path / "saved.pcapng",
    )
    left, occupied = told["left"], told["occupied"]
    assert (told["packets"], told["done"], told["gone"]) == (10_000, "stopped", [True, False])
    assert isinstance(left, int)
    assert isinstance(occupied, int)
    assert left > 5_000
    assert occupied <= (4 << 20) + (1 << 20)
    assert len(_lengths(tmp_path / "saved.pcapng")) == 10_000 - left


@linux
def test_a_spool_without_a_reader_that_makes_room_ends_the_capture() -> None:
    told = live("feed = begin(spool=1 << 20); send(2000, 1400); feed.wait(); tell(feed.stop()); feed.close()")
    assert told["done"] == "limit"
    assert isinstance(told["written"], int)
    assert told["written"] <= 1 << 20


@linux
def test_a_ring_keeps_the_newest_files_and_is_read_as_one_capture(tmp_path: Path) -> None:
    told = live(
        """
feed = begin(sys.argv[1], files=3, rotate_bytes=20_000)
source = feed.source()
for _ in range(12):
    send(50)
    time.sleep(0.05)
counts = feed.stop()
read, kept = sum(len(batch) for batch in source.batches()), [feed.kept]
source.close()
tell(counts, read=read, problems=[str(each) for each in source.problems], kept=[*kept, feed.kept])
""",
        tmp_path / "ring.pcapng",
    )
    assert told["packets"] == 600
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 3
    assert told["kept"] == 2 * [[sum(each.stat().st_size for each in kept), 0, 3]]
    assert kept[0].name != "ring_00001.pcapng"
    whole = [each for file in kept for each in _lengths(file)]
    assert set(whole) == {106}


def _lengths(file: Path) -> list[int]:
    with open_source(file) as source:
        lengths = [int(length) for batch in source.batches() for length in batch.captured_length]
        assert source.problems == []
    return lengths


@linux
def test_a_killed_helper_leaves_a_file_of_whole_packets_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "killed.pcapng"
    told = live(
        """
import os, signal
feed = begin(sys.argv[1]); send(300); time.sleep(0.2)
os.kill(feed._running.process.pid, signal.SIGKILL)
feed.wait(); tell(feed.stop())
""",
        file,
    )
    assert told["done"] == "the capturing process has ended"
    assert _lengths(file) == [106] * 300


@linux
def test_the_helper_ends_with_the_process_that_wanted_it() -> None:
    told = live(
        """
import os, signal
first, second = os.pipe()
child = os.fork()
if child == 0:
    feed = begin()
    os.write(second, feed._running.process.pid.to_bytes(4, "big"))
    os.kill(os.getpid(), signal.SIGKILL)
helper = int.from_bytes(os.read(first, 4), "big")
os.waitpid(child, 0)
for _ in range(100):
    if not os.path.exists(f"/proc/{helper}") or " Z " in open(f"/proc/{helper}/stat").read():
        break
    time.sleep(0.02)
print(json.dumps({"gone": not os.path.exists(f"/proc/{helper}") or " Z " in open(f"/proc/{helper}/stat").read()}))
"""
    )
    assert told == {"gone": True}


@linux
def test_an_interface_that_goes_down_ends_the_capture_with_a_sentence() -> None:
    told = live(
        """
feed = begin(); send(3); time.sleep(0.1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", b"lo", 0))
feed.wait(); tell(feed.stop())
"""
    )
    assert (told["packets"], told["done"]) == (3, "lo went down")


@linux
@pytest.mark.parametrize(
    ("names", "sentence"),
    [("['nowhere']", "There is no interface nowhere; there are lo."), ("[]", "There is no loopback interface here")],
)
def test_what_cannot_be_captured_is_one_sentence(names: str, sentence: str) -> None:
    told = live(
        f"""
from capture.errors import CaptureError
try:
    open_feed({names}, Target(), snap_length=96, limits=Limits())
except CaptureError as error:
    print(json.dumps(dict(error=str(error))))
"""
    )
    assert str(told["error"]).startswith(sentence)


def test_a_filter_is_compiled_by_libpcap_or_refused_with_its_words() -> None:
    assert compiled(" ", 1, 96) == everything(96) == [(6, 0, 0, 96)]
    try:
        program = compiled("tcp port 80", 1, 96)
    except FilterError as error:
        pytest.skip(str(error))
    assert {code for code, _, _, _ in program} <= {6, 21, 37, 40, 48, 69, 72, 80, 84, 177}
    assert program[-2][0] == program[-1][0] == 6
    with pytest.raises(FilterError, match="syntax error"):
        compiled("tcp prt 80", 1, 96)


def test_files_of_a_chain_are_one_capture_and_dropped_ones_are_gone(tmp_path: Path) -> None:
    whole = containers.pcap([(number, bytes(60)) for number in range(6)])
    pieces = [whole[:100], whole[100:250], whole[250:]]
    ended = False
    chain = FileChain(lambda: ended)
    for number, piece in enumerate(pieces):
        file = tmp_path / str(number)
        file.write_bytes(piece)
        chain.add(os.open(file, os.O_RDONLY), keep=3)
    ended = True
    assert chain.waiting == len(whole)
    with CaptureSource("chain", chain) as source:
        (batch,) = source.batches()
        assert len(batch) == 6
        assert source.read(int(batch.offset[5]), 60) == bytes(60)
        chain.add(os.open(tmp_path / "0", os.O_RDONLY), keep=2)
        assert source.read(int(batch.offset[0]), 60) == b""
        assert source.read(int(batch.offset[5]), 60) == bytes(60)


def test_a_reader_too_slow_for_a_ring_is_told_so(tmp_path: Path) -> None:
    chain = FileChain(lambda: False)
    for number in range(3):
        (tmp_path / str(number)).write_bytes(b"some")
        chain.add(os.open(tmp_path / str(number), os.O_RDONLY), keep=1)
    with pytest.raises(DamagedStoreError, match="dropped from the ring"):
        chain.fill(memoryview(bytearray(10)))
    chain.close()


def test_a_ring_numbers_its_files_and_removes_the_oldest(tmp_path: Path) -> None:
    ring = FileRing(tmp_path / "all.pcapng", 2)
    for _ in range(3):
        os.close(ring.next())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all_00002.pcapng", "all_00003.pcapng"]


def test_saving_copies_what_was_written_and_leaves_no_half(tmp_path: Path) -> None:
    descriptor = named(tmp_path / "spool")
    os.write(descriptor, b"whole blocks, and more")
    assert copy(descriptor, [(0, 5), (7, 12)], tmp_path / "saved") == 10
    assert (tmp_path / "saved").read_bytes() == b"wholelocks"
    with pytest.raises(OSError, match="No such file"):
        copy(descriptor, [(0, 12)], tmp_path / "nowhere" / "saved")
    for there in ("saved", "spool"):
        before = (tmp_path / there).read_bytes()
        with pytest.raises(FileExistsError):
            copy(descriptor, [(0, 12)], tmp_path / there)
        assert (tmp_path / there).read_bytes() == before
    os.close(descriptor)


def test_sockets_are_named_by_their_process(tmp_path: Path) -> None:
    line = "   0: {local} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 {inode} 1 0 0"
    net = tmp_path / "self" / "net"
    net.mkdir(parents=True)
    (net / "tcp").write_text("head\n" + line.format(local=_hex("127.0.0.1", 9999), inode=41) + "\n")
    (net / "udp").write_text("head\n" + line.format(local=_hex("0.0.0.0", 53), inode=42) + "\n")
    for pid, inode in ((7, 41), (9, 41), (12, 42)):
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (tmp_path / str(pid) / "comm").write_text(f"program{pid}\n")
    found = owners(tmp_path)
    assert owner_of(found, 6, "127.0.0.1", 9999) == Owner("program7", 7)
    assert str(owner_of(found, 17, "10.0.0.1", 53)) == "program12[12]"
    assert owner_of(found, 6, "127.0.0.1", 1) is None


def _hex(address: str, port: int) -> str:
    (number,) = struct.unpack("=I", bytes(int(part) for part in address.split(".")))
    return f"{number:08X}:{port:04X}"


@linux
def test_a_saved_capture_tells_whose_its_sockets_were(tmp_path: Path) -> None:
    file = tmp_path / "named.pcapng"
    live(
        """
from capture.live.notes import notes
feed = begin(sys.argv[1]); send(3)
feed.note = lambda: notes({(17, "127.0.0.1", 7): "server[12]", (6, "::1", 80): "evil\\x1b[12]"})
tell(feed.stop())
""",
        file,
    )
    with open_source(file) as source:
        assert sum(len(batch) for batch in source.batches()) == 3
        assert source.problems == []
        assert [each.text for each in source.comments] == ["tcp [::1]:80 evil\x1b[12]\nudp 127.0.0.1:7 server[12]"]


def test_the_owner_of_an_end_stands_beside_its_address() -> None:
    snapshot = replace(capture(PAGE), owners={(6, "10.0.0.5", 51000): "curl[77]", (6, "0.0.0.0", 80): "evil\x1b[m[5]"})
    conversation = Conversation(snapshot, 0, rows(snapshot, 0))
    assert conversation.owner(client=True) == "curl[77]"
    assert "\x1b" not in conversation.owner(client=False)
    assert "curl[77]" in plain(lane_names(conversation, 10, 120, Options()))


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "private.pcapng"
    os.close(named(file))
    assert file.stat().st_mode & 0o777 == 0o600
