"""The parts of the lab that need no namespace: plans, wires, calls beside packets, and why it cannot run somewhere."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from capture.source import open_source
from lab import causes, dns, pcapng
from lab.calls import ENDING, OPENED, OPENING, PAYLOAD, Attacher, Bond, Call, Seen, noted, quoted
from lab.frames import Ends, ends, kinds
from lab.netlink import link_local
from lab.network import Cable, Deed, End, Fault, Kind, Lan, Network, Wire, devices, two_hosts
from lab.renumbering import over_ipv6
from lab.wire import Direction
from packet_builder import arp, ethernet, ipv4, ipv6, tcp, udp

if TYPE_CHECKING:
    from pathlib import Path

SYN, FIN, RST, ACK = 0x02, 0x01, 0x04, 0x10
DATA = ethernet(ipv4(tcp(b"hello")))
PURE_ACK = ethernet(ipv4(tcp()))
CLIENT, SERVER = ("10.0.0.1", 40001), ("10.0.0.2", 9999)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ethernet(ipv4(tcp(flags=SYN))), {Kind.IP, Kind.TCP, Kind.SYN}),
        (ethernet(ipv4(tcp(flags=SYN | ACK))), {Kind.IP, Kind.TCP}),
        (PURE_ACK, {Kind.IP, Kind.TCP, Kind.ACK}),
        (PURE_ACK + bytes(6), {Kind.IP, Kind.TCP, Kind.ACK}),  # padding of short frames is no payload
        (DATA, {Kind.IP, Kind.TCP, Kind.DATA}),
        (ethernet(ipv4(tcp(b"bye", flags=FIN | ACK))), {Kind.IP, Kind.TCP, Kind.DATA, Kind.END}),
        (ethernet(ipv4(tcp(flags=RST))), {Kind.IP, Kind.TCP, Kind.END}),
        (ethernet(ipv4(udp(b"?"), 17)), {Kind.IP, Kind.UDP}),
        (ethernet(ipv4(b"\x08\x00", 1)), {Kind.IP}),
        (ethernet(arp(), 0x0806), set()),
        (DATA[:20], set()),
        (DATA[:40], {Kind.IP}),
        (ethernet(ipv6(tcp(flags=SYN)), 0x86DD), {Kind.IP, Kind.TCP, Kind.SYN}),
        (ethernet(ipv6(tcp(b"hello")), 0x86DD), {Kind.IP, Kind.TCP, Kind.DATA}),
        (ethernet(ipv6(tcp()), 0x86DD) + bytes(6), {Kind.IP, Kind.TCP, Kind.ACK}),
        (ethernet(ipv6(bytes(24), 58), 0x86DD), {Kind.IP}),
        (ethernet(ipv6(tcp()), 0x86DD)[:53], set()),
    ],
)
def test_what_kinds_a_frame_is_of(frame: bytes, expected: set[Kind]) -> None:
    assert kinds(frame) == expected


def test_between_which_ends_a_frame_goes() -> None:
    assert ends(DATA) == Ends(("10.0.0.1", 1000), ("10.0.0.2", 80))
    assert ends(ethernet(ipv4(b"\x08\x00", 1))) == Ends(("10.0.0.1", 0), ("10.0.0.2", 0))
    assert ends(ethernet(ipv6(tcp()), 0x86DD)) == Ends(("2001:db8::1", 1000), ("2001:db8::2", 80))
    assert ends(ethernet(arp(), 0x0806)) is None


def test_names_that_other_programs_shorten_by_pointers_are_read() -> None:
    name = b"\x03www\x04shop\x07example\0"
    answer = b"\xc0\x0c" + struct.pack(">HHIH", dns.PTR, 1, 60, 6) + b"\x03ftp\xc0\x10"
    head = struct.pack(">6H", 7, dns.RESPONSE, 1, 1, 0, 0)
    found = dns.parsed(head + name + struct.pack(">HH", dns.PTR, 1) + answer)
    assert found.answers == (dns.Record("www.shop.example", dns.PTR, "ftp.shop.example", 60),)
    with pytest.raises(ValueError, match="points at itself"):
        dns.parsed(struct.pack(">6H", 7, dns.RESPONSE, 1, 0, 0, 0) + b"\xc0\x0c" + bytes(4))


def test_devices_are_named_in_the_order_of_a_hosts_ends() -> None:
    cable = Cable(End("router", "10.0.0.1/24"), End("far", "10.0.0.2/24"))
    lan = Lan("LAN", (End("near", "10.1.0.2/24"), End("router", "10.1.0.1/24")))
    found = devices(Network(cables=(cable,), lans=(lan,)))
    assert [each.point for each in found] == ["router:eth0", "far:eth0", "near:eth0", "router:eth1"]
    assert [each.mac[-2:] for each in found] == ["01", "02", "03", "04"]
    assert [each.address for each in devices(two_hosts())] == ["10.0.0.1/24", "10.0.0.2/24"]


def test_a_plan_over_ipv6_has_the_same_places() -> None:
    four = Network(
        cables=(Cable(End("router", "203.0.113.1/24"), End("far", "203.0.113.20/24"), Wire(delay_ms=5)),),
        lans=(Lan("LAN", (End("near", "192.168.1.10/24"), End("router", "10.0.1.11/24"), End("hub"))),),
        gateways={"near": "10.0.0.1"},
        routes=(("router", "10.9.9.0/24", ""), ("near", "0.0.0.0/0", "10.0.0.1")),
        settings={"ipv4/neigh/eth0/retrans_time_ms": "150", "ipv4/tcp_syn_linear_timeouts": "0"},
    )
    six = over_ipv6(four)
    assert [each.address for each in devices(six)] == [
        *("2001:db8:0:113::1/64", "2001:db8:0:113::20/64", "fd00:192:168:1::10/64"),
        *("fd00:0:0:1::11/64", ""),
    ]
    assert six.gateways == {"near": "fd00::1"}
    assert six.routes[0] == ("router", "fd00:0:9:9::/64", "")
    assert set(six.settings) == {"ipv6/neigh/eth0/retrans_time_ms", "ipv4/tcp_syn_linear_timeouts"}
    assert six.cables[0].wire == four.cables[0].wire
    assert over_ipv6(six) == six


def test_a_link_local_address_is_made_of_the_mac() -> None:
    assert link_local("02:00:00:00:00:05") == "fe80::ff:fe00:5"


def direction(*faults: Fault, **wire: float) -> Direction:
    return Direction(Wire(faults=faults, **wire), "server")  # type: ignore[arg-type]


def test_the_nth_frame_of_a_kind_is_lost_and_no_other() -> None:
    way = direction(Fault(Deed.DROP, Kind.DATA, "server", nth=(2, 3)), Fault(Deed.DROP, Kind.ACK, "client"))
    frames = [DATA, PURE_ACK, DATA, PURE_ACK, DATA, DATA]
    assert [len(way.fate(frame, 0.0)) for frame in frames] == [1, 1, 0, 1, 0, 1]


def test_frames_arrive_after_the_delay_one_behind_the_other_at_the_rate() -> None:
    way = direction(delay_ms=10, rate_mbit=1)
    bits = len(DATA) * 8
    arrivals = [way.fate(DATA, now)[0] for now in (0.0, 0.0, 1.0)]
    assert arrivals == pytest.approx([0.01 + bits / 1e6, 0.01 + 2 * bits / 1e6, 1.01 + bits / 1e6])


def test_frames_are_held_and_doubled() -> None:
    way = direction(
        Fault(Deed.HOLD, Kind.DATA, "server", nth=(1,), late_ms=5), Fault(Deed.DUPLICATE, Kind.DATA, "server", nth=(2,))
    )
    assert [way.fate(DATA, 0.0) for _ in range(3)] == [[0.005], [0.0, 0.0], [0.0]]


def test_the_same_share_of_packets_is_lost_in_each_run_and_arp_never() -> None:
    runs = [[len(way.fate(DATA, 0.0)) for _ in range(1000)] for way in (direction(loss=0.1), direction(loss=0.1))]
    assert runs[0] == runs[1]
    assert 850 < sum(runs[0]) < 950
    way = direction(loss=0.99)
    assert all(way.fate(ethernet(arp(), 0x0806), 0.0) for _ in range(100))


def seen(time_ns: int, kind: Kind, *, from_client: bool = True) -> Seen:
    there, back = Ends(CLIENT, SERVER), Ends(SERVER, CLIENT)
    return Seen(time_ns, there if from_client else back, frozenset({kind}))


def test_each_call_stands_beside_its_packet() -> None:
    listening = ("0.0.0.0", SERVER[1])
    calls = [
        Call(5, "listen", listening, Bond.AWAITS, OPENING),
        Call(10, "connect", CLIENT, Bond.CAUSES, OPENING),
        Call(35, "accept", SERVER, Bond.RETURNS, OPENED),
        Call(39, "send", CLIENT, Bond.CAUSES, PAYLOAD),
        Call(45, "recv", SERVER, Bond.RETURNS, PAYLOAD),
        Call(50, "close", CLIENT, Bond.CAUSES, ENDING),
    ]
    packets = [
        seen(11, Kind.SYN),
        seen(20, Kind.TCP, from_client=False),
        seen(30, Kind.ACK),
        seen(40, Kind.DATA),
        seen(51, Kind.END),
    ]
    wanted = [["listen", "connect"], [], ["accept"], ["send", "recv"], ["close"]]
    assert Attacher(calls).attach(packets, len(packets)) == wanted


def test_a_call_waits_for_a_packet_that_is_not_written_yet() -> None:
    calls: list[Call] = []
    attacher = Attacher(calls)
    assert attacher.attach([seen(1, Kind.DATA), seen(9, Kind.DATA)], 1) == [[]]
    calls.append(Call(10, "recv", SERVER, Bond.RETURNS, PAYLOAD))
    assert attacher.attach([seen(9, Kind.DATA), seen(20, Kind.DATA)], 1) == [["recv"]]


def test_sockets_note_their_calls() -> None:
    calls: list[Call] = []
    left, right = socket.socketpair()
    with noted("one", calls, left) as one, right:
        one.sendall(b"hello" * 10)
        right.sendall(b"yes")
        assert one.recv(10) == b"yes"
    assert [call.text for call in calls] == [
        "one: send(b'hellohellohellohellohell'…, 50 bytes)",
        "one: recv() -> b'yes'",
        "one: close()",
    ]
    assert quoted(b"\x1b[31m") == "5 bytes"  # no text: nobody would read it
    assert quoted(b"\0") == "1 byte"


def test_what_the_recorder_writes_is_what_the_reader_reads(tmp_path: Path) -> None:
    time_ns = 1_790_000_000_123_456_789
    blocks = [
        pcapng.section("netviz lab", ["a scenario"]),
        pcapng.interface("client:eth0", "client on cable 0", mac=bytes(6)),
        pcapng.names({"10.0.0.1": "client"}),
        pcapng.packet(0, time_ns, DATA[:50], len(DATA), pcapng.OUTBOUND, ["client: connect()"]),
        pcapng.statistics(0, time_ns, 1, 3, ["an answer"]),
    ]
    file = tmp_path / "lab.pcapng"
    file.write_bytes(b"".join(blocks))
    with open_source(file) as source:
        (batch,) = source.batches()
        assert (int(batch.time_ns[0]), int(batch.captured_length[0]), int(batch.original_length[0])) == (
            time_ns,
            50,
            len(DATA),
        )
        assert [(each.name, each.dropped) for each in source.interfaces] == [("client:eth0", 3)]
        assert source.names == {"10.0.0.1": ["client"]}
        assert {(each.text, each.packet, each.interface) for each in source.comments} == {
            ("a scenario", None, None),
            ("client: connect()", 0, None),
            ("an answer", None, 0),
        }
        assert source.problems == []


CAUSES = {
    "LIMIT": ("0", errno.ENOSPC, "user.max_user_namespaces is 0"),
    "SWITCH": ("0", errno.EPERM, "kernel.unprivileged_userns_clone=1"),
    "APPARMOR": ("1", errno.EACCES, "AppArmor"),
    "STATUS": ("Name:\tx\nSeccomp:\t2\n", errno.EPERM, "seccomp=unconfined"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_why_namespaces_are_not_allowed_is_one_sentence_with_a_way_out(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content, number, words = CAUSES[name]
    for each in CAUSES:
        monkeypatch.setattr(causes, each, tmp_path / each)
    (tmp_path / name).write_text(content)
    sentence = causes.why_not(OSError(number, "no", "unshare"))
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_an_unknown_cause_names_the_call_that_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for each in CAUSES:
        monkeypatch.setattr(causes, each, tmp_path / "nothing")
    assert "unshare: Operation not permitted" in causes.why_not(OSError(1, "Operation not permitted", "unshare"))
