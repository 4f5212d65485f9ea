"""Who is a virtual router's master, and how it came to be: RFC 9568 and RFC 3768, worked out by hand."""

from __future__ import annotations

import ipaddress
import struct
from contextlib import closing
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.learned import Learned, learn
from analysis.masters import Began
from analysis.session import Session
from analysis.vrrp import advertisement, vrrp_words
from capture.source import open_source
from fixtures import containers
from packet_builder import ethernet, ipv4
from views.explanation import Explanation
from views.learned import LearnedList, learned_lines
from views.options import Options
from views.text import line_cells, plain

if TYPE_CHECKING:
    from analysis.masters import Mastership

FIXTURES = Path(__file__).parents[1] / "fixtures"
MILLISECOND, SECOND = 10**6, 10**9
ADDRESS = "10.0.0.254"
ONE, TWO = "10.0.0.251", "10.0.0.252"


def message(priority: int, *, version: int = 3, router: int = 51, interval: int = 100, address: str = ADDRESS) -> bytes:
    """An advertisement of one address; `interval` in hundredths of a second, in version 2 in seconds."""
    virtual = ipaddress.ip_address(address).packed
    if version == 3:
        return struct.pack(">BBBBHH", 0x31, router, priority, 1, interval, 0) + virtual
    return struct.pack(">BBBBBBH", 0x21, router, priority, 1, 0, interval, 0) + virtual + bytes(8)


def packet(sender: str, content: bytes, *, life: int = 255) -> bytes:
    made = bytearray(ipv4(content, 112, source=sender, destination="224.0.0.18"))
    made[8] = life
    return bytes(made)


def six(content: bytes) -> bytes:
    ends = ipaddress.ip_address("fe80::1").packed + ipaddress.ip_address("ff02::12").packed
    return struct.pack(">IHBB", 6 << 28, len(content), 112, 255) + ends + content


def of(folder: Path, *told: tuple[int, str, bytes]) -> tuple[Mastership, ...]:
    """What a capture of these advertisements tells: time in ms, sender, message."""
    file = folder / "vrrp.pcap"
    packets = [(at * MILLISECOND, ethernet(packet(sender, content))) for at, sender, content in told]
    file.write_bytes(containers.pcap(packets))
    return learned(file).masters


def learned(file: Path) -> Learned:
    with closing(Session(open_source(file))) as session:
        session.run()
        return learn(session)


def spells(found: tuple[Mastership, ...]) -> list[tuple[str, int, int, Began]]:
    return [(each.master, each.packet, each.last_packet, each.began) for each in found]


def test_a_backup_takes_over_after_silence() -> None:
    first, second = learned(FIXTURES / "keepalived.pcapng").masters
    assert (first.master, first.priority, first.began, first.advertisements) == (ONE, 150, Began.SEEN, 4)
    assert (second.master, second.priority, second.began, second.advertisements) == (TWO, 100, Began.SILENCE, 4)
    # Three intervals of 100 ms, and the skew: (256 - 100) / 256 of one.
    assert second.waits_ns == 360_937_500
    assert second.silence_ns is not None
    assert 360_000_000 < second.silence_ns < 1_000_000_000
    assert (first.addresses, first.router, first.version, first.interval_ns) == ((ADDRESS,), 51, 3, 100 * MILLISECOND)


def test_in_version_2_the_skew_is_part_of_a_second() -> None:
    told = advertisement(packet(ONE, message(100, version=2, interval=5)), 20)
    assert told is not None
    assert (told.interval_ns, told.down_ns) == (5 * SECOND, 15 * SECOND + 609_375_000)


def test_version_3_serves_ipv6_with_its_own_addresses() -> None:
    told = advertisement(six(message(200, address="fe80::99")), 40)
    assert told is not None
    assert (str(told.sender), told.addresses, told.interval_ns) == ("fe80::1", ("fe80::99",), SECOND)


def test_who_resigns_is_followed_at_once(tmp_path: Path) -> None:
    found = of(tmp_path, (0, ONE, message(150)), (1000, ONE, message(0)), (1700, TWO, message(100)))
    assert spells(found) == [(ONE, 0, 1, Began.SEEN), (TWO, 2, 2, Began.RESIGNED)]
    assert found[0].resigned
    assert found[0].priority == 150
    assert found[1].silence_ns == 700 * MILLISECOND


def test_one_that_resigned_and_comes_back_itself_followed_nobody(tmp_path: Path) -> None:
    found = of(tmp_path, (0, ONE, message(150)), (1000, ONE, message(0)), (9000, ONE, message(150)))
    assert spells(found) == [(ONE, 0, 1, Began.SEEN), (ONE, 2, 2, Began.AGAIN)]
    assert found[1].silence_ns == 8 * SECOND


def test_a_higher_priority_needs_no_silence(tmp_path: Path) -> None:
    found = of(tmp_path, (0, TWO, message(100)), (1000, TWO, message(100)), (1200, ONE, message(150)))
    assert spells(found) == [(TWO, 0, 1, Began.SEEN), (ONE, 2, 2, Began.PRIORITY)]


def test_of_two_with_one_priority_the_greater_address_wins(tmp_path: Path) -> None:
    assert of(tmp_path, (0, ONE, message(100)), (200, TWO, message(100)))[1].began is Began.PRIORITY
    assert of(tmp_path, (0, TWO, message(100)), (200, ONE, message(100)))[1].began is Began.BESIDE


def test_two_who_do_not_hear_each_other_are_both_masters(tmp_path: Path) -> None:
    turns = [(1000 * turn, ONE, message(150)) for turn in range(4)]
    turns += [(1000 * turn + 500, TWO, message(100)) for turn in range(4)]
    assert spells(of(tmp_path, *sorted(turns))) == [(ONE, 0, 6, Began.SEEN), (TWO, 1, 7, Began.BESIDE)]


def test_one_that_comes_back_begins_anew(tmp_path: Path) -> None:
    # B waits 3.609 s; A is back after 4 s of B's silence, which A (150) ends after 3.414 s.
    a, b = message(150), message(100)
    found = of(tmp_path, (0, ONE, a), (3700, TWO, b), (4700, TWO, b), (8700, ONE, a), (14_000, ONE, a))
    assert spells(found) == [
        (ONE, 0, 0, Began.SEEN),
        (TWO, 1, 2, Began.SILENCE),
        (ONE, 3, 3, Began.SILENCE),
        (ONE, 4, 4, Began.AGAIN),
    ]


def test_one_number_in_two_networks_is_two_routers(tmp_path: Path) -> None:
    other = message(100, address="192.168.7.1")
    found = of(tmp_path, (0, ONE, message(150)), (100, "192.168.7.2", other), (1000, ONE, message(150)))
    assert [(each.virtual, each.master, each.advertisements) for each in found] == [(0, ONE, 2), (1, "192.168.7.2", 1)]
    assert {each.began for each in found} == {Began.SEEN}


def test_addresses_of_two_routers_make_them_the_first_from_then_on(tmp_path: Path) -> None:
    two = struct.pack(">BBBBHH", 0x31, 51, 150, 2, 100, 0) + b"".join(
        ipaddress.ip_address(each).packed for each in ("192.168.7.1", ADDRESS)
    )
    one, other = message(150), message(150, address="192.168.7.1")
    found = of(tmp_path, (0, ONE, one), (100, TWO, other), (200, ONE, two), (300, ONE, other))
    assert [(each.virtual, each.master, each.advertisements) for each in found] == [(0, ONE, 3), (1, TWO, 1)]


def test_the_time_for_many_routers_grows_with_their_number(tmp_path: Path) -> None:
    def many(first: int) -> bytes:
        virtual = b"".join(struct.pack(">I", 0x0A000000 + first + place) for place in range(100))
        return struct.pack(">BBBBHH", 0x31, 51, 150, 100, 100, 0) + virtual

    told = [(number, ONE, many(100 * (number % 900))) for number in range(9000)]
    started = process_time()
    assert len(of(tmp_path, *told)) == 900
    assert process_time() - started < 5  # with each compared with each it takes more than ten


@pytest.mark.parametrize(
    "wrong",
    [
        packet(ONE, message(100), life=254),  # it came through a router
        packet(ONE, message(100)[:-1]),
        packet(ONE, message(100, router=0)),
        packet(ONE, message(100, interval=0)),
        packet(ONE, b"\x32" + message(100)[1:]),  # another type than an advertisement
        packet(ONE, b"\x41" + message(100)[1:]),  # a version that does not exist
        six(message(100, version=2)),  # version 2 knows no IPv6
    ],
)
def test_what_no_router_would_take_tells_nothing(wrong: bytes) -> None:
    assert advertisement(wrong, 40 if wrong[0] >> 4 == 6 else 20) is None


@given(st.binary(max_size=120), st.integers(-1, 60))
def test_any_bytes_may_claim_to_be_an_advertisement(data: bytes, at: int) -> None:
    assert vrrp_words(data, at).isprintable()


def test_the_masters_stand_on_one_time_axis() -> None:
    found = learned(FIXTURES / "keepalived.pcapng")
    told = [line.split() for line in learned_lines(found, Options(ascii=True), 80)]
    assert ["VRRPv3", "51", ADDRESS, "every", "100.0", "ms", "packet", "2"] in told
    (first,) = [row for row in told if row[:2] == [ONE, "(150)"]]
    (second,) = [row for row in told if row[:2] == [TWO, "(100)"]]
    assert first[2].index("#") == 0
    assert first[2].rindex("#") < second[2].index("#")
    assert second[3:] == ["after", second[4], "ms", "silence", "packet", "7"]
    shown = LearnedList(found, Options())
    assert 6 in [shown.packet_at(index) for index in range(len(shown))]


def test_many_addresses_do_not_widen_a_line(tmp_path: Path) -> None:
    body = message(100)
    many = body[:3] + b"\x32" + body[4:8] + b"".join(bytes([10, 0, 1, number]) for number in range(50))
    file = tmp_path / "many.pcap"
    file.write_bytes(containers.pcap([(0, ethernet(packet(ONE, many)))]))
    shown = LearnedList(learned(file), Options())
    assert {line_cells(shown.draw(index, 60)) for index in range(len(shown))} == {60}


def test_the_explanation_says_when_another_one_would_take_over() -> None:
    with closing(Session(open_source(FIXTURES / "keepalived.pcapng"))) as session:
        session.run()
        details = {each.packet: each for each in session.details(np.array([1]))}
        made = Explanation(session.snapshot, 1, 1, details, full=True, options=Options())
    text = " ".join(plain(made.draw(index, 80)).strip() for index in range(len(made)))
    assert f"{ONE} says that it is the master of virtual router 51 and has {ADDRESS}." in text
    assert "with priority 150 after 341.4 ms" in text
