"""The decoder as a whole: it never fails, never reads beyond a packet, and does not depend on batches."""

from __future__ import annotations

import sys
from subprocess import run
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture.decode as capture_decode
from capture.batch import PADDING, Batch
from capture.decode import Decoder, decode_alone
from capture.protocol import Flag
from capture.wrappers import LINK_TYPES
from packet_builder import Told, arp, batch_of, ethernet, ipv4, ipv6, mentions_of, tcp, told, udp, vlan

OPTIONS = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\x02\x01\x03\x03\x07"
SYN = tcp(b"data", flags=0x02, options=OPTIONS)
VXLAN = b"\x08\0\0\0\0\0\x07\0"
SAMPLES = [
    ethernet(ipv4(SYN)),
    vlan(ipv4(SYN, options=b"\x01" * 8)),
    ethernet(ipv6(b"\x3c\0" + bytes(6) + b"\x06\0" + bytes(6) + SYN, 0), 0x86DD),
    ethernet(arp(), 0x0806),
    ethernet(b"\xaa\xaa\x03\0\0\0\x08\0" + ipv4(SYN), 92),
    ethernet(b"\x11\0\0\x07\0\x56\x00\x21" + ipv4(SYN), 0x8864),
    ethernet(b"\0\x01\x00\x40\0\x02\x01\x40" + bytes(4) + ethernet(ipv4(SYN)), 0x8847),
    ethernet(ipv4(udp(VXLAN + ethernet(ipv4(udp(b"\x34\xff\0\x40" + bytes(8) + ipv6(SYN), 2152), 17)), 4789), 17)),
    ethernet(ipv4(b"\xb0\0\x65\x58" + bytes(12) + vlan(ipv4(SYN)), 47)),
    ethernet(ipv4(b"\x03\x01" + bytes(6) + ipv4(udp(VXLAN + ethernet(ipv4(SYN)), 4789), 17), 1)),
    ethernet(ipv4(SYN[:24], fragment=0x2000)),
    ethernet(ipv4(SYN[24:], fragment=3)),
    ethernet(ipv6(b"\x06\0\0\x01\0\0\0\x07" + SYN[:24], 44), 0x86DD),
    ethernet(ipv6(b"\x06\0\0\x18\0\0\0\x07" + SYN[24:], 44), 0x86DD),
    ethernet(ipv4(b"\x80\x21" + bytes(10), 132)),
]
if TYPE_CHECKING:
    from capture.headers import Headers

LINKS = [*LINK_TYPES, 147, 65535]

link_types = st.sampled_from(LINKS)
cut_samples = st.tuples(st.sampled_from(SAMPLES), st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
changed_samples = st.tuples(st.sampled_from(SAMPLES), st.integers(0, 149), st.integers(0, 255)).map(
    lambda change: bytes(change[2] if at == change[1] else octet for at, octet in enumerate(change[0]))
)
frames = st.one_of(cut_samples, changed_samples, st.binary(max_size=120), st.sampled_from(SAMPLES))
captures = st.lists(st.tuples(frames, link_types | st.just(1), st.sampled_from([0, 0, 1, 3000])), max_size=12)


def batch_from(capture: list[tuple[bytes, int, int]]) -> Batch:
    return batch_of(
        [frame for frame, _, _ in capture],
        [link for _, link, _ in capture],
        [len(frame) + more for frame, _, more in capture],
    )


def everything(headers: Headers) -> list[object]:
    """All that is told of each packet, mentions and options of SYNs included, without the paths' numbers."""
    syn = headers.syn_options
    syns = zip(
        syn.row.tolist(), syn.mss.tolist(), syn.window_scale.tolist(), syn.sack_permitted.tolist(),
        syn.timestamps.tolist(), syn.fast_open.tolist(), strict=True,
    )  # fmt: skip
    by_row = {row: rest for row, *rest in syns}
    mentions = mentions_of(headers)
    return [
        (told(headers, row), by_row.get(row), [mention[1:] for mention in mentions if mention[0] == row])
        for row in range(len(headers))
    ]


def assert_within(packet: Told, captured: int) -> None:
    """Whatever is said to be in the packet is in it."""
    for offset in (packet.network, packet.transport, packet.payload):
        assert -1 <= offset <= captured
    if packet.flags & Flag.REASSEMBLED:
        assert (packet.transport, packet.payload) == (-1, -1)


@given(captures)
def test_nothing_captured_makes_it_fail_or_read_too_far(capture: list[tuple[bytes, int, int]]) -> None:
    headers = decode_alone(batch_from(capture))
    assert len(headers) == len(capture)
    for row, (frame, _, _) in enumerate(capture):
        assert_within(told(headers, row), len(frame))
    assert headers.mentions.row.tolist() == sorted(headers.mentions.row.tolist())
    assert headers.syn_options.row.tolist() == sorted(set(headers.syn_options.row.tolist()))


@given(captures)
def test_packet_by_packet_tells_the_same_as_all_at_once(capture: list[tuple[bytes, int, int]]) -> None:
    decoder = Decoder()
    one_by_one = [everything(decoder.decode(batch_from([packet])))[0] for packet in capture]
    assert one_by_one == everything(decode_alone(batch_from(capture)))


@given(captures, st.binary(min_size=1, max_size=300))
def test_what_lies_between_packets_is_never_read(capture: list[tuple[bytes, int, int]], noise: bytes) -> None:
    plain = batch_from(capture)
    lengths = [len(frame) for frame, _, _ in capture]
    gaps = np.arange(len(capture), dtype=np.int64) * len(noise)
    noisy = Batch(
        buffer=np.frombuffer(b"".join(frame + noise for frame, _, _ in capture) + bytes(PADDING), np.uint8),
        start=plain.start + gaps,
        offset=plain.offset,
        captured_length=np.array(lengths, np.uint32),
        original_length=plain.original_length,
        time_ns=plain.time_ns,
        interface=plain.interface,
        link_type=plain.link_type,
    )
    assert everything(decode_alone(noisy)) == everything(decode_alone(plain))


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
def test_every_cut_of_a_packet_keeps_what_is_left(sample: int) -> None:
    frame = SAMPLES[sample]
    cuts = [frame[:length] for length in range(len(frame) + 1)]
    headers = decode_alone(batch_of(cuts, 1, len(frame)))
    # The whole packet is left out: a whole first fragment waits for the others instead of showing its ports.
    depths = [len(headers.paths[path]) for path in headers.path.tolist()[:-1]]
    assert depths == sorted(depths), "more bytes never tell less"
    for row, cut in enumerate(cuts):
        assert_within(told(headers, row), len(cut))


def test_the_common_shape_is_read_as_the_walk_reads_it() -> None:
    # The same segments behind a tag of an old kind take the long way; only what the tag adds may differ.
    for content in (SYN, tcp(b"data"), tcp(), tcp(b"x", offset=4), tcp(b"x", offset=15), tcp(flags=0xFFF)):
        for total in (None, 0, 39, 40, 1500):
            for captured in range(54, 100):
                short = told(decode_alone(batch_of([ethernet(ipv4(content, total=total))[:captured]], 1, 110)))
                tagged = vlan(ipv4(content, total=total), outer=0x9100)
                long = told(decode_alone(batch_of([tagged[: captured + 4]], 1, 114)))
                assert short.path == long.path.replace(" vlan", "")
                assert short[2:3] + short[6:] == long[2:3] + long[6:]
                for offset, moved in zip(short[3:6], long[3:6], strict=True):
                    assert moved == (offset if offset < 0 else offset + 4)


SHAPED = [
    ethernet(ipv4(SYN)),
    vlan(ipv4(SYN)),
    vlan(ipv4(tcp(b"data" * 9)) + b"trailer"),
    ethernet(ipv6(SYN), 0x86DD),
    ethernet(ipv6(tcp(b"data" * 9)) + b"trailer", 0x86DD),
    ethernet(ipv4(udp(b"datagram"), 17)),
    ethernet(ipv4(udp(VXLAN + ethernet(ipv4(SYN)), 4789), 17)),
]
shaped = st.tuples(
    st.sampled_from(SHAPED), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), max_size=3)
).map(lambda change: bytes(dict(change[1]).get(at, octet) for at, octet in enumerate(change[0])))
cut_shaped = st.tuples(shaped, st.integers(0, 150)).map(lambda pair: pair[0][: pair[1]])


@given(st.lists(st.tuples(shaped | cut_shaped, st.just(1), st.sampled_from([0, 0, 1, 3000])), max_size=12))
def test_the_shapes_are_read_as_the_walk_reads_them(capture: list[tuple[bytes, int, int]]) -> None:
    at_once = everything(decode_alone(batch_from(capture)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture_decode, "read_shapes", lambda _: None)
        assert everything(decode_alone(batch_from(capture))) == at_once


def test_each_shape_is_read_without_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_decode, "walk", lambda *_: None)
    headers = decode_alone(batch_of(SHAPED))
    assert [told(headers, row).path for row in range(len(SHAPED))] == [
        *("ethernet ipv4 tcp", "ethernet vlan ipv4 tcp", "ethernet vlan ipv4 tcp"),
        *("ethernet ipv6 tcp", "ethernet ipv6 tcp", "ethernet ipv4 udp", ""),
    ]


def test_no_packets() -> None:
    headers = decode_alone(batch_of([]))
    assert len(headers) == len(headers.mentions.row) == len(headers.syn_options.row) == 0


def test_the_buffer_may_be_reused_afterwards() -> None:
    batch = batch_of(SAMPLES)
    decoder = Decoder()
    writable = Batch(batch.buffer.copy(), *(getattr(batch, name) for name in Batch.__slots__[1:]))
    headers = decoder.decode(writable)
    before = everything(headers)
    writable.buffer[:] = 0xFF
    assert everything(headers) == before


def test_decoding_needs_neither_scapy_nor_textual() -> None:
    code = "import sys, capture.decode; sys.exit(bool({'scapy', 'textual'} & set(sys.modules)))"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
