"""Neighbour discovery in words, as ARP is told: on the lab's own packets."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.discovery import ADVERTISEMENT, OVERRIDE, SOLICITATION, discovery
from analysis.session import Session
from capture.source import open_source
from views.explanation import Explanation
from views.options import Options
from views.text import plain

FIXTURES = Path(__file__).parents[1] / "fixtures"


def told(name: str, packet: int) -> str:
    with closing(Session(open_source(FIXTURES / name))) as session:
        session.run()
        details = {each.packet: each for each in session.details(np.array([packet]))}
        connection = int(session.snapshot.packets.connection[packet])
        made = Explanation(session.snapshot, connection, packet, details, full=False, options=Options())
    return " ".join(plain(made.draw(index, 120)).strip() for index in range(len(made)))


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (0, "fd00::1 asks for the hardware address of fd00::2: whoever shares its last 24 bits hears it."),
        (1, "fd00::2 is at 02:00:00:00:00:02: who asked can send frames there from now on."),
        (7, ":: tells ff02::16: multicast listener report v2."),
        (9, "fd00::2 tells, unasked, that fd00::2 is at 02:00:00:00:00:03: whoever knew it elsewhere sends there now."),
    ],
)
def test_each_step_is_told(packet: int, words: str) -> None:
    assert words in told("ndp.pcapng", packet)


def packet(kind: int, flags: int, options: bytes) -> bytes:
    ends = bytes(15) + b"\x01" + bytes(15) + b"\x02"
    return bytes(8) + ends + bytes([kind, 0, 0, 0, flags, 0, 0, 0]) + bytes(15) + b"\x03" + options


def test_options_are_skipped_by_their_length_up_to_the_right_one() -> None:
    nonce, own = b"\x0e\x01" + bytes(6), b"\x01\x01\x02\x00\x00\x00\x00\x09"
    found = discovery(packet(SOLICITATION, 0, nonce + own), 40)
    assert found is not None
    assert (found.asks, str(found.target), found.hardware) == (True, "::3", "02:00:00:00:00:09")
    assert discovery(packet(ADVERTISEMENT, OVERRIDE, own), 40) == (False, *found[1:3], None, False, True)


@given(st.binary(max_size=120), st.integers(-1, 70))
def test_any_bytes_may_claim_to_be_one(data: bytes, at: int) -> None:
    found = discovery(data, at)
    assert found is None or at >= 40
