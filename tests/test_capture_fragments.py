"""IP fragments: the whole datagram belongs to the packet that completes it."""

from __future__ import annotations

import struct
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.decode import Decoder, decode_alone
from capture.fragments import Reassembler
from capture.protocol import Flag
from packet_builder import TCP_4, TCP_6, batch_of, ethernet, ipv4, ipv6, mentions_of, tcp, told, udp, vlan

if TYPE_CHECKING:
    from capture.headers import Headers

SEGMENT = tcp(b"0123456789abcdefghij", flags=0x18)
MORE = 0x2000


def pieces_4(content: bytes, size: int, *, protocol: int = 6, identification: int = 1) -> list[bytes]:
    starts = range(0, len(content), size)
    return [
        ethernet(
            ipv4(
                content[start : start + size],
                protocol,
                fragment=start // 8 | (MORE if start + size < len(content) else 0),
                identification=identification,
            )
        )
        for start in starts
    ]


def pieces_6(content: bytes, size: int) -> list[bytes]:
    starts = range(0, len(content), size)
    heads = [struct.pack(">BBHI", 6, 0, start | (start + size < len(content)), 7) for start in starts]
    return [
        ethernet(ipv6(head + content[start : start + size], 44), 0x86DD)
        for head, start in zip(heads, starts, strict=True)
    ]


def stories(headers: Headers) -> list[str]:
    return [told(headers, row).protocol for row in range(len(headers))]


@pytest.mark.parametrize("order", permutations(range(3)))
def test_the_segment_is_the_last_piece_s_in_any_order(order: tuple[int, ...]) -> None:
    for pieces, whole, fragment, ends, network in (
        (pieces_4(SEGMENT, 16), "TCP4", "FRAGMENT4", TCP_4, 14),
        (pieces_6(SEGMENT, 16), "TCP6", "FRAGMENT6", TCP_6, 14),
    ):
        headers = decode_alone(batch_of([pieces[index] for index in order]))
        assert stories(headers) == [fragment, fragment, whole]
        first, last = told(headers, 0), told(headers, 2)
        assert first.ends == ends.replace(" 1000", "").replace(" 80", "")
        assert (first.transport, first.payload, first.payload_length, first.flags) == (-1, -1, 0, 0)
        assert last.ends == ends
        assert (last.network, last.transport, last.payload) == (network, -1, -1)
        assert (last.payload_length, last.numbers) == (20, (5, 6, 700))
        assert last.flags == Flag.PSH | Flag.ACK | Flag.REASSEMBLED


def test_pieces_are_remembered_from_batch_to_batch() -> None:
    decoder = Decoder()
    told_one_by_one = [stories(decoder.decode(batch_of([piece]))) for piece in pieces_4(SEGMENT, 8)]
    assert told_one_by_one == [["FRAGMENT4"]] * 4 + [["TCP4"]]
    assert stories(decode_alone(batch_of(pieces_4(SEGMENT, 8)[-1:]))) == ["FRAGMENT4"]


def test_datagrams_are_told_apart_by_identification_and_protocol() -> None:
    mine, other = pieces_4(SEGMENT, 24), pieces_4(SEGMENT, 24, identification=2)
    udp_pieces = pieces_4(udp(b"0123456789abcdef"), 16, protocol=17)
    headers = decode_alone(batch_of([mine[0], other[1], udp_pieces[1], udp_pieces[0], other[0], mine[1]]))
    assert stories(headers) == ["FRAGMENT4", "FRAGMENT4", "FRAGMENT4", "UDP4", "TCP4", "TCP4"]


def test_repeated_and_overlapping_pieces() -> None:
    first, second, third = pieces_4(SEGMENT, 16)
    overlapping = ethernet(ipv4(SEGMENT[8:32], fragment=1 | MORE))
    headers = decode_alone(batch_of([first, first, overlapping, overlapping, third, second]))
    assert stories(headers) == ["FRAGMENT4"] * 4 + ["TCP4", "FRAGMENT4"]


def test_a_hole_is_not_filled() -> None:
    first, _, third = pieces_4(SEGMENT, 16)
    assert stories(decode_alone(batch_of([third, first, third, first]))) == ["FRAGMENT4"] * 4


def test_a_datagram_in_one_piece_that_says_it_is_the_first() -> None:
    alone = ethernet(ipv4(SEGMENT, fragment=MORE))
    assert stories(decode_alone(batch_of([alone]))) == ["FRAGMENT4"]


def test_a_piece_that_the_capture_cut_is_not_put_together() -> None:
    first, second = pieces_4(SEGMENT, 32)
    headers = decode_alone(batch_of([first[:-4], second], original=[len(first), len(second)]))
    cut = told(headers, 0)
    # Its header is there and is read; its length cannot be known.
    assert (cut.protocol, cut.ends, cut.numbers) == ("TCP4", TCP_4, (5, 6, 700))
    assert cut.flags == Flag.PSH | Flag.ACK | Flag.NOT_ANALYSED
    assert told(headers, 1).protocol == "FRAGMENT4"


def test_of_a_first_piece_over_ipv6_that_the_capture_cut_no_transport_is_read() -> None:
    first, second = pieces_6(SEGMENT, 32)
    headers = decode_alone(batch_of([first[:-4], second], original=[len(first), len(second)]))
    assert stories(headers) == ["FRAGMENT6", "FRAGMENT6"]


def test_behind_different_tags_but_in_the_packets_order() -> None:
    first, second = pieces_4(SEGMENT, 24)
    tagged = vlan(second[14:])
    assert stories(decode_alone(batch_of([tagged, first]))) == ["FRAGMENT4", "TCP4"]
    assert stories(decode_alone(batch_of([first, tagged]))) == ["FRAGMENT4", "TCP4"]


def test_what_is_in_a_reassembled_datagram_is_followed() -> None:
    inner = pieces_4(SEGMENT, 24)
    vxlan = [udp(b"\x08\0\0\0\0\0\x07\0" + frame, 4789) for frame in inner]
    outer = [pieces_4(content, 32, protocol=17, identification=9 + index) for index, content in enumerate(vxlan)]
    headers = decode_alone(batch_of([piece for pieces in outer for piece in pieces]))
    assert stories(headers)[-1] == "TCP4"
    assert told(headers, len(headers) - 1).network == -1
    assert told(headers, len(headers) - 1).payload_length == 20
    assert [before for _, before, _ in mentions_of(headers)] == ["before", "before"]


def test_an_icmp_error_in_fragments_mentions_what_it_quotes() -> None:
    error = b"\x03\x01" + bytes(6) + ipv4(tcp())
    headers = decode_alone(batch_of(pieces_4(error, 24, protocol=1)))
    assert stories(headers) == ["FRAGMENT4", "FRAGMENT4", "ICMP4"][-len(headers) :]
    assert mentions_of(headers) == [(len(headers) - 1, "after", TCP_4)]


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    reassembler = Reassembler(most_bytes=1000, most_datagrams=3)
    for key in range(4):
        assert reassembler.add((key,), 0, b"12345678", last=False) is None
    assert reassembler.add((0,), 8, b"end", last=True) is None  # given up
    assert reassembler.add((3,), 8, b"end", last=True) == b"12345678end"
    assert reassembler.add((2,), 8, bytes(2000), last=False) is None  # more than all the memory
    assert reassembler.add((2,), 2008, b"end", last=True) is None


def test_repetitions_take_no_memory() -> None:
    reassembler = Reassembler(most_bytes=1000)
    for _ in range(100):
        assert reassembler.add((1,), 8, b"87654321", last=True) is None
    assert reassembler.add((1,), 0, b"12345678", last=False) == b"1234567887654321"


@given(st.permutations(range(10)), st.integers(0, 9), st.data())
def test_any_order_with_repetitions_gives_the_bytes(order: list[int], twice: int, data: st.DataObject) -> None:
    content = bytes(range(100))
    reassembler = Reassembler()
    results = []
    for index in [order[twice], *order]:
        begin = index * 10
        end = data.draw(st.integers(begin + 10, 100)) if index < 9 else 100
        results.append(reassembler.add((1,), begin, content[begin:end], last=index == 9))
        if results[-1] is not None:
            break
    assert results[-1] == content
    assert set(results[:-1]) <= {None}
