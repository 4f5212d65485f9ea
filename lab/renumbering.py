"""A network with IPv6 addresses in place of its IPv4 ones, so that a scenario can be played over either: `--ipv6`.

10.0.x.y becomes fd00:0:0:x::y, read as it is written: 10.0.1.11 is fd00:0:0:1::11. Private addresses stay private
(RFC 4193), those for documentation become those for documentation (RFC 3849).
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lab.network import End, Network

LENGTHS: Final = {24: 64, 32: 128}
"""Of prefixes: IPv4's, and what IPv6 has for it."""
EVERYWHERE: Final = {"0.0.0.0/0": "::/0"}
TEN: Final = 10
DOCUMENTATION: Final = frozenset({"192.0.2", "198.51.100", "203.0.113"})  # RFC 5737
NEIGHBOURS: Final = "ipv4/neigh/"


def over_ipv6(network: Network) -> Network:
    """The same plan with IPv6 addresses. One that has them already stays as it is."""
    if network.ipv6:
        return network
    return replace(
        network,
        cables=tuple(replace(each, left=_end(each.left), right=_end(each.right)) for each in network.cables),
        lans=tuple(replace(each, ends=tuple(map(_end, each.ends))) for each in network.lans),
        gateways={host: renumbered(gateway) for host, gateway in network.gateways.items()},
        routes=tuple((host, renumbered(to), renumbered(gateway)) for host, to, gateway in network.routes),
        settings={_setting(name): value for name, value in network.settings.items()},
    )


def renumbered(address: str) -> str:
    """`10.0.0.1` as `fd00::1`, `10.0.0.1/24` as `fd00::1/64`; nothing and IPv6 addresses stay as they are."""
    if not address or ":" in address:
        return address
    if address in EVERYWHERE:
        return EVERYWHERE[address]
    host, slash, length = address.partition("/")
    first, second, third, fourth = map(int, str(ip_address(host)).split("."))
    if first == TEN:
        groups = ["fd00", "0", f"{second}", f"{third}"]
    elif host.rpartition(".")[0] in DOCUMENTATION:
        groups = ["2001", "db8", "0", f"{third}"]
    else:
        groups = ["fd00", f"{first}", f"{second}", f"{third}"]
    made = f"{':'.join(groups)}:0:0:0:{fourth}"
    return str(ip_interface(f"{made}/{LENGTHS[int(length)]}")) if slash else str(ip_address(made))


def _end(end: End) -> End:
    return replace(end, address=renumbered(end.address))


def _setting(name: str) -> str:
    return name.replace(NEIGHBOURS, "ipv6/neigh/")
