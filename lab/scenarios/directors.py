"""LVS in its three ways: one address, a director behind it, and real servers behind that.

The director is a program of ours in user space, since IPVS is not in every kernel and never in a user namespace; it
writes the frames that IPVS would write (NAT: both ways through it, other addresses; DR: another MAC address and nothing
else; TUN: IP in IP; in the last two the servers answer the client directly).
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Final

from lab.headers import ETHERNET, IPV4, TCP, addresses, ipv4, ports, rewritten
from lab.netlink import mac_bytes as mac
from lab.network import End, Lan, Network
from lab.scenario import Level, Option, Scenario, Story, Told, Unit
from lab.scenarios.opening import answer_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.stage import Host, Stage

    Planner = Callable[[Mapping[str, float]], Network]

VIRTUAL: Final = "10.0.0.100"
PORT: Final = 80
ENCAPSULATED: Final = 4
TUNNEL_MACS: Final = ("02:00:00:00:fe:01", "02:00:00:00:fe:02")
CLIENTS: Final = Option("clients", Unit.COUNT, 4, "Connections, one after the other.", least=1, most=20)


def behind(options: Mapping[str, float]) -> Network:
    """The director between the client's network and that of the real servers, whose gateway it is."""
    del options
    front = Lan("front", (End("client", "10.0.0.1/24"), End("director", "10.0.0.2/24")))
    back = (End("director", "10.0.1.1/24"), End("real1", "10.0.1.11/24"), End("real2", "10.0.1.12/24"))
    gateways = {"real1": "10.0.1.1", "real2": "10.0.1.1"}
    return Network(lans=(front, Lan("back", back)), gateways=gateways)


def beside(options: Mapping[str, float]) -> Network:
    """All on one network."""
    del options
    hosts = (
        End("client", "10.0.0.1/24"),
        End("director", "10.0.0.2/24"),
        End("real1", "10.0.0.11/24"),
        End("real2", "10.0.0.12/24"),
    )
    # What comes through the tunnel comes from elsewhere than answers go to.
    settings = {"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0"}
    return Network(lans=(Lan("LAN", hosts),), settings=settings)


class Director:
    """Sends each new connection to the next real server, and whatever belongs to it to the same one."""

    def __init__(self, stage: Stage) -> None:
        self.host = stage["director"]
        self.reals = [stage["real1"], stage["real2"]]
        self._chosen: dict[tuple[str, int], Host] = {}

    def choose(self, packet: bytes) -> Host:
        """The real server of a packet that came to the virtual address."""
        client = addresses(packet)[0], ports(packet)[0]
        return self._chosen.setdefault(client, self.reals[len(self._chosen) % len(self.reals)])

    def listen(self, device: str, work: Callable[[bytes], None]) -> None:
        """Hand every TCP packet that comes in by a device to `work`, till the scenario ends."""
        wire = self.host.wire(device)
        wire.settimeout(None)

        def relay() -> None:
            while True:
                frame = wire.recv(65_536)
                if frame[12:14] == IPV4 and frame[ETHERNET + 9] == TCP:
                    work(frame[ETHERNET:])

        threading.Thread(target=relay, name="director", daemon=True).start()

    def sender(self, device: str) -> Callable[[str, bytes], None]:
        """A function that sends a packet to a MAC address by a device."""
        wire, own = self.host.wire(device), mac(self.host.devices[device].mac)

        def send(to: str, packet: bytes) -> None:
            wire.send(mac(to) + own + IPV4 + packet)

        return send


def play_nat(stage: Stage) -> None:
    """To the servers with the server's address in place of the virtual one; back with the virtual one again."""
    director = Director(stage)
    to_reals, to_client = director.sender("eth1"), director.sender("eth0")

    def inward(packet: bytes) -> None:
        if addresses(packet)[1] == VIRTUAL:
            real = director.choose(packet)
            to_reals(real.devices["eth0"].mac, rewritten(packet, destination=real.address))

    def outward(packet: bytes) -> None:
        if ports(packet)[0] == PORT:
            to_client(stage["client"].devices["eth0"].mac, rewritten(packet, source=VIRTUAL))

    director.listen("eth0", inward)
    director.listen("eth1", outward)
    play(stage)


def play_dr(stage: Stage) -> None:
    """To the servers as it came, but for the MAC address; they have the virtual address, too, and answer for it."""
    director = Director(stage)
    send = director.sender("eth0")
    have_virtual_address(director.reals)

    def inward(packet: bytes) -> None:
        if addresses(packet)[1] == VIRTUAL:
            send(director.choose(packet).devices["eth0"].mac, rewritten(packet))

    director.listen("eth0", inward)
    play(stage)


def play_tun(stage: Stage) -> None:
    """To the servers wrapped in another packet, which they unwrap; they answer directly."""
    director = Director(stage)
    send = director.sender("eth0")
    have_virtual_address(director.reals)
    for real in director.reals:
        unwrap(real)

    def inward(packet: bytes) -> None:
        if addresses(packet)[1] == VIRTUAL:
            real = director.choose(packet)
            outer = ipv4(director.host.address, real.address, ENCAPSULATED, rewritten(packet))
            send(real.devices["eth0"].mac, outer)

    director.listen("eth0", inward)
    play(stage)


def have_virtual_address(reals: list[Host]) -> None:
    """On loopback, where nobody asks for it."""
    for real in reals:
        with real.netlink() as netlink:
            netlink.add_address("lo", f"{VIRTUAL}/32")


def unwrap(real: Host) -> None:
    """Take packets out of packets: what comes by protocol 4 goes in again by a device of its own."""
    with real.netlink() as netlink:
        netlink.add_veth("tunl0", TUNNEL_MACS[0], ("tunl1", TUNNEL_MACS[1], real.namespace), 1500)
        netlink.set_up("tunl0")
        netlink.set_up("tunl1")
    for device in ("tunl0", "tunl1", "eth0"):
        real.set(f"ipv4/conf/{device}/rp_filter", "0")
    wrapped = real.new_socket(socket.SOCK_RAW, ENCAPSULATED)
    wrapped.settimeout(None)
    entrance = real.wire("tunl1")

    def relay() -> None:
        while True:
            packet, _ = socket.socket.recvfrom(wrapped, 65_536)
            entrance.send(mac(TUNNEL_MACS[0]) + mac(TUNNEL_MACS[1]) + IPV4 + packet[(packet[0] & 0xF) * 4 :])

    threading.Thread(target=relay, name="tunnel", daemon=True).start()


def play(stage: Stage) -> None:
    """The client knows the virtual address as the director's, and asks there several times."""
    client, director = stage["client"], stage["director"]
    with client.netlink() as netlink:
        netlink.add_neighbour("eth0", VIRTUAL, director.devices["eth0"].mac)
    reals, count = [stage["real1"], stage["real2"]], int(stage.options["clients"])
    for number in range(count):
        real = reals[number % 2]
        listener = real.listen(PORT)
        real.start(answer_once, listener, 5, f"I am {real.name}.".encode())
        with client.connect(VIRTUAL, PORT) as connection:
            connection.sendall(b"hello")
            stage.answer(connection.recv_all(len("I am real1.")).decode())
        stage.quiet()


def made(name: str, line: str, network: Planner, player: Callable[[Stage], None]) -> Scenario:
    """One of the three ways."""
    director = ("director:eth0", "director:eth1") if name == "lvs-nat" else ("director:eth0",)
    points = ("client:eth0", *director, "real1:eth0", "real2:eth0")
    return Scenario(
        name=name,
        topics=(17,),
        line=line,
        network=network,
        play=player,
        points=points,
        options=(CLIENTS,),
        only_ipv4="its director takes IPv4 apart",
        story=Story((Told(),) * (8 if name == "lvs-nat" else 4), ("I am real1.", "I am real2.") * 2, Level.OUTCOME),
    )


SCENARIOS = (
    made("lvs-nat", "LVS by NAT (a director in user space): addresses are rewritten on both ways.", behind, play_nat),
    made("lvs-dr", "LVS by direct routing (a director in user space): only the MAC changes.", beside, play_dr),
    made("lvs-tun", "LVS by tunnel (a director in user space): IP in IP, and the server answers.", beside, play_tun),
)
