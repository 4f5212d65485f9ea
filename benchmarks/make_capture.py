"""Make a large capture of ordinary and troubled traffic: the same bytes each time, about a million packets a second.

    python -m benchmarks.make_capture big.pcap --packets 1000000
    python -m benchmarks.make_capture --pcapng --snap 128 big.pcapng
    python -m benchmarks.make_capture --syn-scan scan.pcap          every packet opens a connection
    python -m benchmarks.make_capture --one-connection long.pcap    every packet belongs to one

Conversations are written once, as bytes; each copy gets addresses, ports, sequence numbers and times of its own, by
numpy. Checksums hold: each is changed by what was changed in the packet (RFC 1624), so that they do in cut packets too.
"""

from __future__ import annotations

import argparse
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from benchmarks import traffic
from fixtures import containers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.traffic import Template

START_NS: Final = 1_700_000_000 * 10**9
CHUNK: Final = 200_000
"""Packets made at a time; conversations do not cross from one chunk to the next."""

PACKETS_PER_SECOND: Final = 20_000
PCAP_HEADER, EPB_HEADER = 16, 28
Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Frames:
    """All frames of all templates, one row a frame; offsets count from the record's first byte, -1 where absent."""

    records: list[bytes]
    length: Integers
    time_ns: Integers
    from_client: Integers
    source: Integers  # of the last two bytes of the source address
    ports: Integers
    sequence: Integers
    header_checksum: Integers
    checksum: Integers
    has_ack: Integers
    is_udp: Integers


@dataclass
class Copies:
    """What makes each copy of a conversation one of its own, one row a conversation."""

    template: Integers
    start_ns: Integers
    client: Integers  # last 16 bits of the client's address, and of the server's
    server: Integers
    client_port: Integers
    server_port: Integers  # -1: as in the template
    client_sequence: Integers  # what is added to the template's
    server_sequence: Integers


def record(frame: bytes, snap: int, *, pcapng: bool) -> bytes:
    """One packet as its file holds it, at time 0."""
    if pcapng:
        kept = frame[:snap]
        head = struct.pack("<IIIII", 0, 0, 0, len(kept), len(frame))
        return containers.block(6, head + kept)
    return containers.pcap([(0, frame)], snap_length=snap)[24:]


def flatten(templates: list[Template], snap: int, *, pcapng: bool) -> Frames:
    """The frames of all templates, ready to be copied."""
    frames = [frame for template in templates for frame in template.frames]
    shift = EPB_HEADER if pcapng else PCAP_HEADER
    records = [record(frame.data, snap, pcapng=pcapng) for frame in frames]

    def offsets(values: list[int]) -> Integers:
        return np.array([value + shift if value >= 0 else -1 for value in values])

    return Frames(
        records=records,
        length=np.array([len(one) for one in records]),
        time_ns=np.array([frame.time_ns for frame in frames]),
        from_client=np.array([int(frame.from_client) for frame in frames]),
        source=offsets([frame.source for frame in frames]),
        ports=offsets([frame.ports for frame in frames]),
        sequence=offsets([frame.sequence for frame in frames]),
        header_checksum=offsets([frame.header_checksum for frame in frames]),
        checksum=offsets([frame.checksum for frame in frames]),
        has_ack=np.array([int(frame.has_ack) for frame in frames]),
        is_udp=np.array([int(frame.is_udp) for frame in frames]),
    )


def words(buffer: NDArray[np.uint8], where: Integers, width: int) -> Integers:
    """The sum of the 16-bit words, in network order, in `width` bytes at each of the given places."""
    total = np.zeros(len(where), np.int64)
    for byte in range(width):
        total += buffer[where + byte].astype(np.int64) << (0 if byte % 2 else 8)
    return total


def put(buffer: NDArray[np.uint8], where: Integers, value: Integers, width: int) -> Integers:
    """Write integers in network order at the given places; says how much larger the sum of their words has become."""
    before = words(buffer, where, width)
    for byte in range(width):
        buffer[where + byte] = (value >> (8 * (width - 1 - byte))) & 0xFF
    return words(buffer, where, width) - before


def add(buffer: NDArray[np.uint8], where: Integers, value: Integers) -> Integers:
    """Add to the 32-bit numbers in network order at the given places, modulo 2^32; says the same."""
    old = sum((buffer[where + byte].astype(np.int64) << (24 - 8 * byte) for byte in range(4)), np.zeros(1, np.int64))
    return put(buffer, where, (old + value) % 2**32, 4)


def mend(buffer: NDArray[np.uint8], where: Integers, change: Integers, is_udp: Integers) -> None:
    """Make checksums hold again after the words that they cover have grown by `change` (RFC 1624, equation 3)."""
    total = 0xFFFF - words(buffer, where, 2) + change
    # The same modulo 65,535, but never 0: the sum of words of which one is not 0 is not. UDP's 0 means none (RFC 768).
    value = 0xFFFF - ((total - 1) % 0xFFFF + 1)
    put(buffer, where, np.where((value == 0) & (is_udp == 1), 0xFFFF, value), 2)


def personalise(buffer: NDArray[np.uint8], place: Integers, frames: Frames, row: Integers, copies: Copies) -> None:
    """Give each packet the addresses, ports and sequence numbers of its copy; `row` is (frame, copy) a packet."""
    frame, copy = row
    client_sends = frames.from_client[frame] == 1
    known = frames.source[frame] >= 0
    source = np.where(client_sends, copies.client[copy], copies.server[copy])
    destination = np.where(client_sends, copies.server[copy], copies.client[copy])
    change = np.zeros(len(frame), np.int64)
    at = (place + frames.source[frame])[known]
    wide = np.where(buffer[at - 22] >> 4 == 6, 16, 4)  # IPv6: the version stands 22 bytes before the source's end
    change[known] += put(buffer, at, source[known], 2)
    change[known] += put(buffer, at + wide, destination[known], 2)
    covered = frames.header_checksum[frame] >= 0
    mend(buffer, (place + frames.header_checksum[frame])[covered], change[covered], np.zeros(1, np.int64))
    ported = frames.ports[frame] >= 0
    at = (place + frames.ports[frame])[ported]
    change[ported] += put(buffer, at + np.where(client_sends, 0, 2)[ported], copies.client_port[copy][ported], 2)
    chosen = ported & (copies.server_port[copy] >= 0)
    at = (place + frames.ports[frame])[chosen]
    change[chosen] += put(buffer, at + np.where(client_sends, 2, 0)[chosen], copies.server_port[copy][chosen], 2)
    tcp = frames.sequence[frame] >= 0
    at = (place + frames.sequence[frame])[tcp]
    mine = np.where(client_sends, copies.client_sequence[copy], copies.server_sequence[copy])[tcp]
    other = np.where(client_sends, copies.server_sequence[copy], copies.client_sequence[copy])[tcp]
    change[tcp] += add(buffer, at, mine)
    acknowledges = np.flatnonzero(tcp & (frames.has_ack[frame] == 1))
    acknowledging = frames.has_ack[frame][tcp] == 1
    change[acknowledges] += add(buffer, at[acknowledging] + 4, other[acknowledging])
    covered = frames.checksum[frame] >= 0
    mend(buffer, (place + frames.checksum[frame])[covered], change[covered], frames.is_udp[frame][covered])


def stamp(buffer: NDArray[np.uint8], place: Integers, time_ns: Integers, *, pcapng: bool) -> None:
    """Write the times, in microseconds, little-endian."""
    micros = time_ns // 1000
    words = (micros >> 32, micros & 0xFFFFFFFF) if pcapng else (micros // 10**6, micros % 10**6)
    for number, word in enumerate(words):
        for byte in range(4):
            buffer[place + 4 * number + byte + (12 if pcapng else 0)] = (word >> (8 * byte)) & 0xFF


def write_chunk(out: BinaryIO, templates: list[Template], frames: Frames, copies: Copies, *, pcapng: bool) -> int:
    """Write all packets of these copies in the order of their times; says when the last one was, in ns."""
    count = np.array([len(template.frames) for template in templates])
    first = np.cumsum(count) - count
    repeats = count[copies.template]
    copy = np.repeat(np.arange(len(repeats)), repeats)
    within = np.arange(len(copy)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    frame = first[copies.template][copy] + within
    time_ns = copies.start_ns[copy] + frames.time_ns[frame]
    order = np.argsort(time_ns, kind="stable")
    copy, frame, time_ns = copy[order], frame[order], time_ns[order]
    data = bytearray(b"".join(map(frames.records.__getitem__, frame.tolist())))
    data += bytes(64)  # a cut record may end before the fields that are written
    buffer = np.frombuffer(data, np.uint8)
    place = np.cumsum(frames.length[frame]) - frames.length[frame]
    personalise(buffer, place, frames, np.stack([frame, copy]), copies)
    stamp(buffer, place, time_ns, pcapng=pcapng)
    out.write(memoryview(data)[:-64])
    return int(time_ns[-1])


def mixed(templates: list[Template], packets: int) -> Iterator[Copies]:
    """Copies of all templates in their shares, chunk by chunk; start times count from the chunk's beginning."""
    generator = np.random.default_rng(20260101)
    lengths = np.array([len(template.frames) for template in templates])
    weights = np.array([template.share for template in templates]) / lengths
    weights /= weights.sum()
    mean = float((weights * lengths).sum())
    for begin in range(0, packets, CHUNK):
        wanted = min(CHUNK, packets - begin)
        draw = generator.choice(len(templates), size=int(wanted / mean * 1.2) + 50, p=weights)
        draw = draw[: int(np.searchsorted(np.cumsum(lengths[draw]), wanted)) + 1]
        size = len(draw)
        yield Copies(
            template=draw,
            start_ns=np.sort(generator.integers(0, wanted * 10**9 // PACKETS_PER_SECOND + 1, size)),
            client=generator.integers(1, 60_000, size),
            server=generator.integers(60_000, 65_000, size),
            client_port=generator.integers(32_768, 60_999, size),
            server_port=np.full(size, -1),
            client_sequence=generator.integers(0, 2**32, size),
            server_sequence=generator.integers(0, 2**32, size),
        )


def scan(packets: int) -> Iterator[Copies]:
    """One SYN to each of many ports and hosts."""
    for begin in range(0, packets, CHUNK):
        number = np.arange(begin, min(begin + CHUNK, packets))
        zeros = np.zeros(len(number), np.int64)
        start = (number - begin) * (10**9 // PACKETS_PER_SECOND)
        host, port = number // 60_000 + 1, number % 60_000 + 1
        yield Copies(zeros, start, zeros + 60_001, host, zeros + 54_321, port, zeros, zeros)


def endless(templates: list[Template], packets: int) -> Iterator[Copies]:
    """One connection: a handshake, then the same exchange again and again, further on in the stream each time."""
    length = len(templates[1].frames)
    total = max(1, (packets - len(templates[0].frames)) // length)
    each = max(1, CHUNK // length)
    for begin in range(0, total, each):
        number = np.arange(begin, min(begin + each, total))
        opening = [-1] if begin == 0 else []
        number = np.concatenate([np.array(opening, np.int64), number])
        zeros = np.zeros(len(number), np.int64)
        steps = np.maximum(number, 0)
        yield Copies(
            template=(number >= 0).astype(np.int64),
            start_ns=(steps - begin) * traffic.BULK_NS,
            client=zeros + 1,
            server=zeros + 2,
            client_port=zeros + 40_001,
            server_port=zeros - 1,
            client_sequence=zeros,
            server_sequence=steps * traffic.BULK_BYTES,
        )


def header(snap: int, *, pcapng: bool) -> bytes:
    """What stands before the packets."""
    if pcapng:
        return containers.section() + containers.interface("eth0", snap_length=snap)
    return containers.pcap([], snap_length=snap)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write one capture, by the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--packets", type=int, default=1_000_000, help="about how many packets (default: a million)")
    parser.add_argument("--snap", type=int, default=262_144, help="keep this many bytes of each packet, at least 96")
    parser.add_argument("--pcapng", action="store_true", help="write pcapng instead of pcap")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--one-connection", action="store_true", help="all packets in one TCP connection")
    kind.add_argument("--syn-scan", action="store_true", help="every packet a SYN of a connection of its own")
    options = parser.parse_args(arguments)
    if options.syn_scan:
        templates, chunks = traffic.one_syn(), scan(options.packets)
    elif options.one_connection:
        templates = traffic.long_connection()
        chunks = endless(templates, options.packets)
    else:
        templates = traffic.mix()
        chunks = mixed(templates, options.packets)
    frames = flatten(templates, options.snap, pcapng=options.pcapng)
    time_ns = START_NS
    with options.file.open("wb") as out:
        out.write(header(options.snap, pcapng=options.pcapng))
        for copies in chunks:
            copies.start_ns = copies.start_ns + time_ns
            time_ns = write_chunk(out, templates, frames, copies, pcapng=options.pcapng) + 1000


if __name__ == "__main__":
    main()
