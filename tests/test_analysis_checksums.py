"""Checksums verified in bulk, against the fixtures' own computation one packet at a time."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.checksums import Check, check_header, check_transport
from capture.batch import PADDING, Batch
from capture.decode import decode_alone
from fixtures import wire

CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
CLIENT6, SERVER6 = "2001:db8::10", "2001:db8::20"
RAW_IP = 101


def batch_of(frames: list[bytes], gap: int = 0) -> Batch:
    """Frames one after the other, with `gap` bytes between them, so that they begin at even and at odd places."""
    starts = np.cumsum([gap, *(len(frame) + gap for frame in frames)])[:-1].astype(np.int64)
    data = b"".join(bytes([0xA5]) * gap + frame for frame in frames) + bytes(PADDING)
    lengths = np.array([len(frame) for frame in frames], np.uint32)
    count = len(frames)
    return Batch(
        buffer=np.frombuffer(data, np.uint8),
        start=starts,
        offset=starts,
        captured_length=lengths,
        original_length=lengths,
        time_ns=np.zeros(count, np.int64),
        interface=np.zeros(count, np.uint16),
        link_type=np.full(count, RAW_IP, np.uint16),
    )


def tcp(payload: bytes, *, v6: bool = False) -> bytes:
    one, other = (CLIENT6, SERVER6) if v6 else (CLIENT, SERVER)
    data = wire.tcp((one, 40001), (other, 80), sequence=7, acknowledgment=9, flags=0x18, window=502, payload=payload)
    return wire.ip(one, other, wire.TCP, data)


def udp(payload: bytes, *, v6: bool = False) -> bytes:
    one, other = (CLIENT6, SERVER6) if v6 else (CLIENT, SERVER)
    return wire.ip(one, other, wire.UDP, wire.udp((one, 40001), (other, 9), payload))


def checked(frames: list[bytes], gap: int = 0) -> list[Check]:
    batch = batch_of(frames, gap)
    return [Check(each) for each in check_transport(batch, decode_alone(batch)).tolist()]


@given(st.lists(st.tuples(st.binary(max_size=80), st.booleans(), st.booleans()), min_size=1), st.integers(0, 3))
def test_what_is_intact_is_right_wherever_it_lies(packets: list[tuple[bytes, bool, bool]], gap: int) -> None:
    frames = [(tcp if is_tcp else udp)(payload, v6=v6) for payload, v6, is_tcp in packets]
    assert checked(frames, gap) == [Check.RIGHT] * len(frames)


@given(st.binary(min_size=1, max_size=80), st.data(), st.integers(0, 1))
def test_one_flipped_bit_is_seen(payload: bytes, data: st.DataObject, gap: int) -> None:
    frame = bytearray(tcp(payload))
    place = data.draw(st.integers(40, len(frame) - 1))
    frame[place] ^= 1 << data.draw(st.integers(0, 7))
    assert checked([tcp(b"before"), bytes(frame)], gap) == [Check.RIGHT, Check.WRONG]


@pytest.mark.parametrize(
    ("what", "frame", "expected"),
    [
        ("UDP over IPv4 may go without", udp(b"hello")[:26] + b"\0\0" + b"hello", Check.UNKNOWN),
        ("TCP may not", tcp(b"hello")[:36] + b"\0\0" + tcp(b"hello")[38:], Check.UNFINISHED),
        ("a packet that the snap length cut", tcp(b"hello")[:-1], Check.UNKNOWN),
        ("a piece of a datagram", tcp(b"hello")[:6] + b"\x20\0" + tcp(b"hello")[8:], Check.UNKNOWN),
        ("what is no TCP or UDP", wire.ip(CLIENT, SERVER, wire.ICMP, wire.icmp(8, 0, 1, b"ping")), Check.UNKNOWN),
    ],
)
def test_what_cannot_be_verified_is_not_called_wrong(what: str, frame: bytes, expected: Check) -> None:
    assert checked([frame]) == [expected], what


def test_a_sum_over_the_pseudo_header_alone_is_only_begun() -> None:
    frame = tcp(b"hello")
    pseudo = 0xFFFF - wire.checksum(wire.pseudo_header(CLIENT, SERVER, wire.TCP, len(frame) - 20))
    assert checked([frame[:36] + struct.pack("!H", pseudo) + frame[38:]]) == [Check.UNFINISHED]


def test_the_ipv4_header_has_one_of_its_own() -> None:
    good = tcp(b"hello")
    frames = [good, good[:8] + b"\x3f" + good[9:], good[:10] + b"\0\0" + good[12:], tcp(b"hello", v6=True)]
    batch = batch_of(frames, 1)
    assert check_header(batch, decode_alone(batch)).tolist() == [
        Check.RIGHT,
        Check.WRONG,
        Check.UNFINISHED,
        Check.UNKNOWN,
    ]
