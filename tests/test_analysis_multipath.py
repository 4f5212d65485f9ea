"""MPTCP: the segment after a new kind of option is no duplicate ACK, in any subflow, as Wireshark has it."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tshark_oracle
from analysis.multipath import Multipath
from fixtures import containers
from segments_builder import ACK, RAW_IP, SERVER, SYN, Segment, analysed, client, server

if TYPE_CHECKING:
    from pathlib import Path

KEYS = (b"A's key.", b"B's key.")
SECOND = ("10.0.0.6", 51001)


def capable(*keys: bytes, version: int = 1) -> bytes:
    """MP_CAPABLE (RFC 8684 section 3.1)."""
    return bytes((30, 4 + 8 * len(keys), version, 0x81)) + b"".join(keys)


def join(key: bytes, version: int = 1) -> bytes:
    """MP_JOIN of a SYN, by the token of that key (section 3.2)."""
    hashed = hashlib.sha256(key) if version else hashlib.sha1(key)
    return bytes((30, 12, 0x10, 1)) + hashed.digest()[:4] + b"rand"


DSS = bytes((30, 8, 0x20, 1)) + struct.pack("!I", 7)
ADD_ADDRESS = bytes((30, 16, 0x30, 1)) + bytes((192, 0, 2, 9)) + b"hashhash"
RESET = bytes((30, 4, 0x80, 0))

OPENING = [
    client(SYN, 100, options=capable()),
    server(SYN | ACK, 500, 101, options=capable(KEYS[1])),
    client(ACK, 101, 501, options=capable(*KEYS)),
    server(ACK, 501, 101),  # the next after the server's first key
]


def mine(options: bytes = b"") -> Segment:
    return client(ACK, 101, 501, options=options)


def theirs(options: bytes = b"") -> Segment:
    return server(ACK, 501, 101, options=options)


def other(options: bytes = b"") -> Segment:
    return Segment(SECOND, SERVER, ACK, 101, 501, options=options)


def joined(key: bytes) -> list[Segment]:
    """A second subflow opens."""
    return [
        Segment(SECOND, SERVER, SYN, 100, options=join(key)),
        Segment(SERVER, SECOND, SYN | ACK, 500, 101, options=bytes((30, 16, 0x10, 1)) + b"hashhashrand"),
        Segment(SECOND, SERVER, ACK, 101, 501, options=bytes((30, 24, 0x10, 0)) + bytes(20)),
    ]


# name: (segments after the opening; D for those that are duplicate ACKs)
STORIES: dict[str, tuple[list[Segment], str]] = {
    "nothing new": ([mine(), mine()], "DD"),
    "a new kind excuses the next one, and no more": ([mine(DSS), mine(), mine()], "D.D"),
    "it excuses the other end's next, too": ([mine(DSS), theirs(), theirs()], "D.D"),
    "what is known excuses nothing": ([mine(DSS), mine(DSS), mine(DSS), mine()], "D.DD"),
    "another kind does it again": ([mine(DSS), mine(ADD_ADDRESS), mine(), mine()], "D..D"),
    "MP_TCPRST does not": ([mine(RESET), mine()], "DD"),
    "another subflow knows it, too": ([mine(DSS), mine(), theirs(), *joined(KEYS[1]), other(DSS), other()], "D.....DD"),
    "and excuses those of the first": (
        [mine(DSS), mine(), theirs(), *joined(KEYS[1]), mine(), theirs(), other(ADD_ADDRESS), mine(), mine()],
        "D.......D.D",
    ),
    "what joins by another token is another connection": (
        [mine(DSS), mine(), theirs(), *joined(b"a stranger"), other(DSS), other()],
        "D.....D.",
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_an_option_excuses(story: str) -> None:
    segments, expected = STORIES[story]
    whole = [*OPENING, *segments]
    for cuts in ((), range(len(whole)), (5, 8)):
        marks = analysed(whole, cuts).packets.snapshot().marks[len(OPENING) :].tolist()
        assert "".join(".D"[bool(each)] for each in marks) == expected


def test_without_multipath_on_the_syn_nothing_is_excused() -> None:
    opening = [client(SYN, 100), server(SYN | ACK, 500, 101), client(ACK, 101, 501)]
    marks = analysed([*opening, mine(DSS), mine()]).packets.snapshot().marks.tolist()
    assert [bool(each) for each in marks[3:]] == [True, True]


@pytest.mark.parametrize("version", [0, 1])
def test_tokens_are_hashed_as_their_version_says(version: int) -> None:
    first = [
        client(SYN, 100, options=capable(KEYS[0], version=version)),
        server(SYN | ACK, 500, 101, options=capable(KEYS[1], version=version)),
    ]
    second = Segment(SECOND, SERVER, SYN, 100, options=join(KEYS[1], version))
    told = [Multipath(), Multipath()]
    for each in told:
        for segment in first:
            each._learn(0, segment.options)
    assert told[0]._learn(1, second.options) >= {2, 3}
    assert told[1]._learn(1, join(b"a stranger", version)) == {2, 3}


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_may_stand_in_place_of_options(options: list[bytes]) -> None:
    followed = Multipath()
    for number, content in enumerate(options):
        assert followed._learn(number % 3, content) <= {0, 1, 2, 3, 4, 5}


@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
def test_wireshark_says_the_same_of_every_story(tmp_path: Path) -> None:
    capture = tmp_path / "multipath.pcap"
    for story, (segments, expected) in STORIES.items():
        whole = [*OPENING, *segments]
        packets = [(number * 10**6, segment.to_bytes()) for number, segment in enumerate(whole, start=1)]
        capture.write_bytes(containers.pcap(packets, link_type=RAW_IP))
        frames, _ = tshark_oracle.by_tshark(capture)
        told = ["duplicate_ack" in frames[number]["marks"] for number in range(len(OPENING) + 1, len(whole) + 1)]
        assert "".join(".D"[each] for each in told) == expected, story
