"""A network as a plan: hosts, the cables and LANs between them, and what a cable does to the frames in it.

Nothing here touches the kernel; `lab.building` makes it real. Devices are called eth0, eth1 … in the order in which a
host's ends are named, and MAC addresses count up from 02:00:00:00:00:01 in the order of all ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MTU: Final = 1500


class Kind(Enum):
    """Which frames a fault counts."""

    DATA = "TCP segments with payload"
    SYN = "TCP segments with SYN and without ACK"
    END = "TCP segments with FIN or RST"
    ACK = "TCP segments that only acknowledge"
    TCP = "TCP segments"
    UDP = "UDP datagrams"
    IP = "IP packets"


class Deed(Enum):
    """What is done to a frame that was counted out."""

    DROP = "it is lost"
    DUPLICATE = "it arrives twice"
    HOLD = "it arrives late, after others"


@dataclass(frozen=True, slots=True)
class Fault:
    """Does something to the frames of a kind whose numbers, from 1, are in `nth`; every one if `nth` is empty.

    `towards` is the host at whose end the frame would arrive; `late_ms` is how late a held one does.
    """

    deed: Deed
    kind: Kind
    towards: str
    nth: tuple[int, ...] = ()
    late_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Wire:
    """What a cable does to frames, in each direction: delay, rate (0: any), loss (0 to 1, the same ones each time)."""

    delay_ms: float = 0.0
    rate_mbit: float = 0.0
    loss: float = 0.0
    seed: int = 1
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """Where a cable or LAN meets a host: the host's name, and its address there, as `10.0.0.1/24` or `fd00::1/64`."""

    host: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Cable:
    """A cable between two hosts. Without a wire, what one end sends is at the other end at once."""

    left: End
    right: End
    wire: Wire | None = None
    mtu: int = MTU


@dataclass(frozen=True, slots=True)
class Lan:
    """A switch and the hosts on it."""

    name: str
    ends: tuple[End, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """Everything there is. `gateways` maps a host to where it sends what is not for its own networks.

    `routers` are the hosts that forward. `routes` are further ones, as (host, network, gateway); an empty gateway means
    that the host refuses to forward there (ICMP: administratively prohibited). With `arp`, hosts have to ask for MAC
    addresses (of IPv6 addresses by neighbour discovery); otherwise they know them. `settings` are of all hosts, or of
    one as `host:name`, below /proc/sys/net.
    """

    cables: tuple[Cable, ...] = ()
    lans: tuple[Lan, ...] = ()
    gateways: Mapping[str, str] = field(default_factory=dict)
    routers: frozenset[str] = frozenset()
    routes: tuple[tuple[str, str, str], ...] = ()
    arp: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def ipv6(self) -> bool:
        """Whether any address is an IPv6 one."""
        ends = [end for cable in self.cables for end in (cable.left, cable.right)]
        return any(":" in end.address for end in [*ends, *(end for lan in self.lans for end in lan.ends)])


@dataclass(frozen=True, slots=True)
class Device:
    """A host's network device: where it is in the plan, and what it is called."""

    host: str
    name: str
    mac: str
    address: str
    segment: str  # the cable or LAN that it is on
    mtu: int = MTU

    @property
    def point(self) -> str:
        """The name of the capture point: `client:eth0`."""
        return f"{self.host}:{self.name}"


def devices(network: Network) -> tuple[Device, ...]:
    """All devices of the hosts, in the order of their ends."""
    segments: list[tuple[str, tuple[End, ...], int]] = [
        (f"cable {number}", (cable.left, cable.right), cable.mtu) for number, cable in enumerate(network.cables)
    ]
    segments += [(lan.name, lan.ends, MTU) for lan in network.lans]
    found: list[Device] = []
    counts: dict[str, int] = {}
    for segment, ends, mtu in segments:
        for end in ends:
            number = counts.get(end.host, 0)
            counts[end.host] = number + 1
            mac = f"02:00:00:00:00:{len(found) + 1:02x}"
            found.append(Device(end.host, f"eth{number}", mac, end.address, segment, mtu))
    return tuple(found)


def two_hosts(wire: Wire | None = None, *, ipv6: bool = False, **more: object) -> Network:
    """The usual network: a client 10.0.0.1 and a server 10.0.0.2 (fd00::1, fd00::2) with a cable between them."""
    addresses = ("fd00::1/64", "fd00::2/64") if ipv6 else ("10.0.0.1/24", "10.0.0.2/24")
    return Network(cables=(Cable(End("client", addresses[0]), End("server", addresses[1]), wire),), **more)  # type: ignore[arg-type]
