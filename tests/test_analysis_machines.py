"""Which addresses are one machine's, and which are never taken for it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from analysis.learned import learn
from analysis.machines import Ground, Machine, Machines
from analysis.session import Session
from capture.source import open_source
from fixtures import containers, wire

FIXTURES = Path(__file__).parents[1] / "fixtures"


def of(file: Path) -> Machines:
    with closing(Session(open_source(file))) as session:
        session.run()
        return learn(session).machines


def made(folder: Path, *packets: tuple[int, int, str, str, int]) -> Machines:
    """Machines of datagrams: numbers of both hardware addresses, both IP addresses, time to live."""
    frames = []
    for number, (one, other, source, destination, life) in enumerate(packets):
        datagram = wire.udp((source, 4000), (destination, 5000), b"hello there")
        packet = bytearray(wire.ip(source, destination, wire.UDP, datagram, identification=number + 1))
        packet[7 if ":" in source else 8] = life
        kind = wire.IPV6 if ":" in source else wire.IPV4
        frames.append((number * 10**9, wire.ethernet(wire.mac(one), wire.mac(other), kind, bytes(packet))))
    file = folder / "some.pcap"
    file.write_bytes(containers.pcap(frames))
    return of(file)


def test_a_machine_of_the_lab_is_named_and_has_all_its_addresses() -> None:
    found = of(FIXTURES / "nginx-reverse.pcapng")
    assert found.key("10.0.0.2") == found.key("10.0.1.2") == found.key("02:00:00:00:00:03")
    assert (found.name("10.0.1.2"), found.name("02:00:00:00:00:01")) == ("proxy", "client")
    assert found.key("10.0.0.1") != found.key("10.0.0.2")


def test_arp_tells_whose_an_address_is() -> None:
    proxy = next(each for each in of(FIXTURES / "browse.pcapng").all if each.name == "web")
    assert (proxy.addresses, proxy.hardware) == (("10.0.0.80",), ("02:00:00:00:00:03",))
    assert Ground.TOLD in proxy.grounds


def test_the_address_that_moved_belongs_to_nobody() -> None:
    found = of(FIXTURES / "arp.pcapng")  # 192.168.1.2 is told twice, with another hardware address each time
    assert found.of("192.168.1.2") is None or not found.all[found.of("192.168.1.2") or 0].hardware


def test_a_hardware_address_that_speaks_for_one_address_has_both_families(tmp_path: Path) -> None:
    found = made(
        tmp_path,
        (1, 2, "10.0.0.1", "10.0.0.2", 64),
        (1, 2, "fe80::1", "fe80::2", 64),
        (1, 2, "2001:db8::1", "2001:db8::2", 64),
    )
    assert found.all == (Machine("", ("10.0.0.1", "fe80::1", "2001:db8::1"), (wire.mac(1).hex(":"),), (Ground.SENT,)),)


def test_what_is_behind_a_router_is_not_the_router(tmp_path: Path) -> None:
    one = made(tmp_path, (1, 2, "10.0.0.1", "192.0.2.1", 64), (2, 1, "192.0.2.1", "10.0.0.1", 57))
    assert one.of("192.0.2.1") is None
    # Some routers do not lower it: then there are several that one hardware address speaks for.
    many = made(tmp_path, *((2, 1, f"192.0.2.{number}", "10.0.0.1", 64) for number in range(1, 4)))
    assert many.all == ()


def test_an_address_that_two_speak_for_belongs_to_neither(tmp_path: Path) -> None:
    found = made(tmp_path, (1, 3, "10.0.0.100", "10.0.0.1", 64), (2, 3, "10.0.0.100", "10.0.0.1", 64))
    assert found.all == ()
