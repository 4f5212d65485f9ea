"""NAT: a router that lends its one public address to a whole network at home."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from lab.headers import ETHERNET, IPV4, TCP, addresses, ports, rewritten
from lab.netlink import mac_bytes
from lab.network import Cable, End, Lan, Network, Wire
from lab.real import nft
from lab.scenario import Level, Real, Scenario, Story, Told, delay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.calls import NotedSocket
    from lab.stage import Host, Stage

PUBLIC: Final = "203.0.113.1"
INSIDE, OUTSIDE = "eth1", "eth0"
PORT: Final = 80
CLOSED: Final = Told(outcome="closed normally")


def home(options: Mapping[str, float]) -> Network:
    """Two at home, a router, and a server far away, which knows no way to private addresses."""
    ends = (End("alice", "192.168.1.10/24"), End("bob", "192.168.1.20/24"), End("router", "192.168.1.1/24"))
    # The router's outer device has its address from the play: by hand it must not be the kernel's, which would reset
    # connections that it does not know.
    far = Cable(End("router"), End("server", "203.0.113.80/24"), Wire(delay_ms=options["delay"]))
    gateways = {"alice": "192.168.1.1", "bob": "192.168.1.1"}
    return Network(cables=(far,), lans=(Lan("home", ends),), gateways=gateways)


class Translator:
    """Writes another source into what leaves, and the old destination into what comes back (RFC 3022 section 2.2)."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._router = stage["router"]
        self._known: dict[tuple[str, int], int] = {}  # the public port of each end at home
        self._senders = {device: self._router.wire(device) for device in (INSIDE, OUTSIDE)}

    def start(self) -> None:
        """Translate both ways till the scenario ends."""
        self._listen(INSIDE, self._out)
        self._listen(OUTSIDE, self._back)

    def port_of(self, end: tuple[str, int]) -> int:
        """The same port, where no other end at home has it; else the next one."""
        if end not in self._known:
            port = end[1]
            while port in self._known.values():
                port += 1
            self._known[end] = port
        return self._known[end]

    def _out(self, packet: bytes) -> None:
        source, destination = addresses(packet)
        port = self.port_of((source, ports(packet)[0]))
        if destination == self._stage["server"].address:
            self._send(OUTSIDE, self._stage["server"], rewritten(packet, source=PUBLIC, source_port=port))

    def _back(self, packet: bytes) -> None:
        if addresses(packet)[1] != PUBLIC:
            return
        for (address, port), public in self._known.items():
            if public == ports(packet)[1]:
                host = next(each for each in self._stage.hosts.values() if address in each.addresses)
                self._send(INSIDE, host, rewritten(packet, destination=address, destination_port=port))

    def _send(self, device: str, to: Host, packet: bytes) -> None:
        own = mac_bytes(self._router.devices[device].mac)
        self._senders[device].send(mac_bytes(to.devices["eth0"].mac) + own + IPV4 + packet)

    def _listen(self, device: str, work: Callable[[bytes], None]) -> None:
        wire = self._router.wire(device)
        wire.settimeout(None)

        def relay() -> None:
            while True:
                frame = wire.recv(65_536)
                if frame[12:14] == IPV4 and frame[ETHERNET + 9] == TCP:
                    work(frame[ETHERNET:])

        threading.Thread(target=relay, name="translator", daemon=True).start()


def tell_who(listener: NotedSocket, count: int) -> None:
    """Be the server: tell each client where it comes from."""
    with listener:
        for _ in range(count):
            connection, (address, port) = listener.accept()
            with connection:
                connection.recv_all(5)
                connection.sendall(f"{address} {port}".encode())
                connection.recv(1)


def ask_both(stage: Stage) -> None:
    """Both ask the same server from the same port; the server sees one address, and two ports."""
    server, router = stage["server"], stage["router"]
    with server.netlink() as netlink:
        netlink.add_neighbour("eth0", PUBLIC, router.devices[OUTSIDE].mac)
    server.start(tell_who, server.listen(PORT), 2)
    for name in ("alice", "bob"):
        with stage[name].connect(server.address, PORT) as connection:
            connection.sendall(b"hello")
            address, port = connection.recv(100).decode().split(" ")
            own = connection.getsockname()[1]
        stage.answer(f"{name} is {address}, port {'kept' if int(port) == own else 'changed'}")
        stage.quiet()


def play(stage: Stage) -> None:
    """By hand."""
    Translator(stage).start()
    ask_both(stage)


def play_real(stage: Stage) -> None:
    """By the kernel, as nft tells it."""
    router, server = stage["router"], stage["server"]
    with router.netlink() as netlink:
        netlink.add_address(OUTSIDE, f"{PUBLIC}/24")
        netlink.add_neighbour(OUTSIDE, server.address, server.devices["eth0"].mac)
    router.set("ipv4/ip_forward", "1")
    nft.masquerade(stage, router, OUTSIDE)
    ask_both(stage)


ANSWERS: Final = (f"alice is {PUBLIC}, port kept", f"bob is {PUBLIC}, port changed")

SCENARIOS = (
    Scenario(
        name="nat",
        topics=(7,),
        line="NAT (a router in user space): two at home with one public address, told apart by their ports.",
        network=home,
        play=play,
        options=(delay(5),),
        points=("alice:eth0", "bob:eth0", "router:eth1", "router:eth0", "server:eth0"),
        only_ipv4="it is IPv4's way out of its few addresses",
        story=Story((CLOSED,) * 4, ANSWERS, Level.CONVERSATION),
        real=Real(
            "nft",
            "NAT by the kernel's nftables: two at home with one public address.",
            play_real,
            (CLOSED,) * 4,
            ANSWERS,
        ),
    ),
)
