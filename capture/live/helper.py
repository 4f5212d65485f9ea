"""The only part of netviz that needs rights: opens packet sockets, gives all rights up, then copies packets to a file.

A program of its own, of the standard library alone: `python -I -S helper.py N`, where descriptor N is a Unix socket of
sequenced packets to the process that wants packets (`capture.live.starting`). That process sends one JSON object with
what is wanted and, beside it, the descriptor to write to; it is told `ready` or `error`, then counts several times a
second, and `done` at the end. With `rotate_bytes`, `next` asks for another descriptor. A word from that process, or
the end of the socket, ends the capture.

Packets come through TPACKET_V3 rings (Linux, Documentation/networking/packet_mmap.rst) and leave as pcapng
(draft-ietf-opsawg-pcapng), many whole blocks at a time; where one cannot be written whole, the file is cut before it.
"""

from __future__ import annotations

import array
import ctypes
import errno
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SOL_PACKET = 263
RX_RING, STATISTICS, VERSION, IGNORE_OUTGOING = 5, 6, 10, 23
TPACKET_V3 = 2
SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44
ETH_P_ALL = 0x0003
BLOCK_BYTES, BLOCKS, FRAME_BYTES, RETIRE_MS = 256 << 10, 128, 2048, 20
KERNEL, USER = 0, 1
VLAN_VALID, VLAN_TPID_VALID = 1 << 4, 1 << 6
OUTGOING = 4

PACKET = struct.Struct("=IIIIIIH2xIIH")  # tpacket3_hdr: next, s, ns, captured, length, status, mac; hash, tag, its type
PACKET_KIND = 48 + 10  # where sockaddr_ll, behind the header, tells the packet's direction
EPB = struct.Struct("<IIIIIII")
INBOUND_TAIL, OUTBOUND_TAIL = (struct.pack("<HHII", 2, 4, way, 0) for way in (1, 2))
TOLD_SECONDS = 0.2
LAST_SECONDS = 0.5  # many times what the kernel needs to hand over a block that is not full


def option(code: int, value: bytes) -> bytes:
    """A pcapng option (section 3.5)."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes) -> bytes:
    """A pcapng block (section 3.1)."""
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


class Ring:
    """What one interface captures. Opening one needs CAP_NET_RAW."""

    def __init__(self, wanted: dict[str, Any], snap_length: int) -> None:
        self.name: str = wanted["name"]
        self.link_type: int = wanted["link_type"]
        self.loopback: bool = wanted["loopback"]
        self.snap_length = snap_length
        self.seen = self.dropped = 0
        # Protocol 0: nothing comes before the filter is there.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, VERSION, TPACKET_V3)
        self._filter(wanted["filter"])
        if self.loopback:
            self.socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)  # or each packet would come twice
        frames = BLOCK_BYTES // FRAME_BYTES * BLOCKS
        sizes = struct.pack("=7I", BLOCK_BYTES, BLOCKS, FRAME_BYTES, frames, RETIRE_MS, 0, 0)
        self.socket.setsockopt(SOL_PACKET, RX_RING, sizes)
        self.memory = mmap.mmap(self.socket.fileno(), BLOCK_BYTES * BLOCKS)
        self.at = 0
        self.socket.bind((self.name, ETH_P_ALL))

    def _filter(self, program: list[list[int]]) -> None:
        """Attach classic BPF instructions, for good."""
        code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
        held = ctypes.create_string_buffer(code)
        self.socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(held))
        )
        self.socket.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)

    def description(self) -> bytes:
        """The Interface Description Block (section 4.2); times are in ns."""
        options = option(2, self.name.encode()) + option(9, b"\x09") + bytes(4)
        return block(1, struct.pack("<HHI", self.link_type, 0, self.snap_length) + options)

    def count(self) -> None:
        """Fetch the kernel's counts, which reading sets to 0: packets (with the dropped ones), dropped, freezes."""
        seen, dropped, _ = struct.unpack("=III", self.socket.getsockopt(SOL_PACKET, STATISTICS, 12))
        self.seen += seen
        self.dropped += dropped

    def statistics(self, number: int) -> bytes:
        """The Interface Statistics Block (section 4.6)."""
        now = time.time_ns()
        counts = option(4, struct.pack("<Q", self.seen)) + option(5, struct.pack("<Q", self.dropped)) + bytes(4)
        return block(5, struct.pack("<III", number, now >> 32, now & 0xFFFFFFFF) + counts)

    def ready(self) -> bool:
        """Whether the kernel has handed a block over."""
        status: int = struct.unpack_from("=I", self.memory, self.at + 8)[0]
        return bool(status & USER)

    def take(self, number: int, most: int) -> tuple[list[bytes], int, int]:
        """The packets of the next block as pieces of pcapng, at most `most`; how many, and how many bytes in all."""
        memory, at, plain = self.memory, self.at, self.loopback
        count, offset = struct.unpack_from("=II", memory, at + 12)
        count = min(count, most)
        pieces: list[bytes] = []
        add, unpack, pack, size, here = pieces.append, PACKET.unpack_from, EPB.pack, 0, at + offset
        for _ in range(count):
            step, seconds, ns, captured, length, status, start, _, tag, kind = unpack(memory, here)
            data = memory[here + start : here + start + captured]
            if status & VLAN_VALID and captured >= 12:  # the kernel has taken the tag out
                tag_type = kind if status & VLAN_TPID_VALID else 0x8100
                data = data[:12] + struct.pack("!HH", tag_type, tag & 0xFFFF) + data[12:]
                captured, length = captured + 4, length + 4
            tail = b"" if plain else OUTBOUND_TAIL if memory[here + PACKET_KIND] == OUTGOING else INBOUND_TAIL
            total = 32 + ((captured + 3) & ~3) + len(tail)
            stamp = seconds * 1_000_000_000 + ns
            add(pack(6, total, number, stamp >> 32, stamp & 0xFFFFFFFF, captured, length))
            add(data)
            add(bytes(-captured % 4) + tail + total.to_bytes(4, "little"))
            size += total
            here += step
        struct.pack_into("=I", memory, at + 8, KERNEL)
        self.at = (at + BLOCK_BYTES) % (BLOCK_BYTES * BLOCKS)
        return pieces, count, size


class Copier:
    """Copies from the rings to a descriptor until it is told to stop, or a limit is reached."""

    def __init__(self, control: socket.socket, rings: list[Ring], out: int, wanted: dict[str, Any]) -> None:
        self.control, self.rings, self.out = control, rings, out
        self.packets_left: int = wanted["packets"] or sys.maxsize
        self.bytes_left: int = wanted["bytes"] or sys.maxsize
        self.rotate_bytes: int = wanted["rotate_bytes"] or 0
        self.deadline = time.monotonic() + (wanted["seconds"] or 1e9)
        self.packets = self.written = self.in_file = 0
        self.head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(4, b"netviz live") + bytes(4))
        self.head += b"".join(ring.description() for ring in rings)

    def run(self) -> str:
        """Copy; returns why it ended."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        for ring in self.rings:
            poll.register(ring.socket, select.POLLIN | select.POLLERR)
        self._write(self.head)
        told = 0.0
        while True:
            now = time.monotonic()
            if now >= self.deadline:
                self._drain_last()
                return "limit"
            if self.packets_left <= 0 or self.bytes_left <= 0:
                return "limit"
            if now - told >= TOLD_SECONDS:
                told = now
                self._tell()
            waiting = min(max(self.deadline - now, 0.0), TOLD_SECONDS) * 1000
            events = dict(poll.poll(waiting))
            if self.control.fileno() in events:
                self.control.recv(16)  # its end, or a word: both mean to stop; a word left unread would undo our last
                self._drain_last()
                return "stopped"
            if not self._drain():
                for ring in self.rings:
                    if events.get(ring.socket.fileno(), 0) & select.POLLERR:
                        return _why(ring)

    def _drain(self) -> bool:
        """Copy all that the kernel has handed over; whether there was any."""
        some = False
        for number, ring in enumerate(self.rings):
            while ring.ready() and self.packets_left > 0:
                pieces, count, size = ring.take(number, self.packets_left)
                some = True
                if size > self.bytes_left:
                    self.bytes_left = 0
                    return True
                if self.rotate_bytes and self.in_file + size > self.rotate_bytes and self.in_file > len(self.head):
                    self._next_file()
                self._write(b"".join(pieces))
                self.packets += count
                self.packets_left -= count
                self.bytes_left -= size
        return some

    def _drain_last(self) -> None:
        """Copy what was captured so far: the kernel hands over a block that is not full a little later."""
        wanted = self._captured()
        patience = time.monotonic() + LAST_SECONDS
        while self._drain() or (self.packets < wanted and time.monotonic() < patience):
            time.sleep(RETIRE_MS / 4000)

    def _captured(self) -> int:
        """How many packets the kernel has put into the rings so far."""
        for ring in self.rings:
            ring.count()
        return sum(ring.seen - ring.dropped for ring in self.rings)

    def _write(self, data: bytes) -> None:
        """Write whole blocks, or none of them and raise OSError."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.out, view) :]
        except OSError:
            os.ftruncate(self.out, self.in_file)
            raise
        self.in_file += len(data)
        self.written += len(data)

    def _next_file(self) -> None:
        """Ask for another file, and go on in it."""
        self._statistics()
        os.close(self.out)
        self.control.send(b'{"next": true}')
        self.out, _ = receive(self.control)
        self.in_file = 0
        self._write(self.head)

    def _statistics(self) -> None:
        for number, ring in enumerate(self.rings):
            ring.count()
            self._write(ring.statistics(number))

    def finish(self) -> None:
        """Write the statistics."""
        self._statistics()
        self._tell()

    def _tell(self) -> None:
        self._captured()
        tell(
            self.control,
            seen=sum(ring.seen for ring in self.rings),
            dropped=sum(ring.dropped for ring in self.rings),
            packets=self.packets,
            written=self.written,
        )


def _why(ring: Ring) -> str:
    code = ring.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code == errno.ENETDOWN:
        return f"{ring.name} went down"
    return f"{ring.name}: {os.strerror(code)}" if code else f"{ring.name} is gone"


def tell(control: socket.socket, **what: object) -> None:
    """Tell the other process; if it is gone, the next look at the socket will end the capture."""
    try:
        control.send(json.dumps(what).encode(), socket.MSG_DONTWAIT)
    except (BrokenPipeError, ConnectionResetError, BlockingIOError):
        return


def receive(control: socket.socket) -> tuple[int, dict[str, Any]]:
    """One object and the descriptor beside it. Raises EOFError when the other process is gone."""
    data, ancillary, _, _ = control.recvmsg(1 << 20, socket.CMSG_SPACE(4))
    if not data:
        raise EOFError
    descriptors = array.array("i")
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(value[:4])
    return descriptors[0], json.loads(data)


def give_rights_up(user: int, group: int) -> None:
    """Become that user without any capability, now and ever. Raises OSError where that fails.

    In a user namespace that knows no other user than root, the user stays; the capabilities go there as well.
    """
    library = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        library.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    library.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT_CLEAR_ALL
    if os.geteuid() == 0:
        changes: tuple[Callable[[], None], ...] = (
            lambda: os.setgroups([]),
            lambda: os.setresgid(group, group, group),
            lambda: os.setresuid(user, user, user),
        )
        for change in changes:
            try:
                change()
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EPERM):
                    raise
    version_3_of_this_process = struct.pack("=Ii", 0x20080522, 0)
    if library.capset(version_3_of_this_process, bytes(24)):
        raise OSError(ctypes.get_errno(), "capset")
    if library.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "prctl")


def main(descriptor: int) -> int:
    """Serve the process at the other end of a socket. Returns the exit status."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the whole terminal: the other process ends the capture
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    control = socket.socket(fileno=descriptor)
    try:
        out, wanted = receive(control)
        rings = [Ring(each, wanted["snap_length"]) for each in wanted["interfaces"]]
        give_rights_up(wanted["user"], wanted["group"])
    except EOFError:
        return 0
    except OSError as error:
        tell(control, error=error.errno, text=os.strerror(error.errno or 0))
        return 1
    copier = Copier(control, rings, out, wanted)
    tell(control, ready=True)
    try:
        why = copier.run()
        copier.finish()
    except EOFError:
        return 0
    except OSError as error:
        why = f"it cannot be written: {os.strerror(error.errno or 0)}"
    tell(control, done=why)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
