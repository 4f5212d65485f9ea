"""How far an address reaches, in a word: by the special-purpose registries (RFC 6890) and the RFC beside each."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from views.durations import address
from views.wording import _

if TYPE_CHECKING:
    from analysis.connections import Connections

SCOPES: Final = tuple(
    (ip_network(network), scope)
    for network, scope in (
        ("127.0.0.0/8", "loopback"),  # RFC 1122 section 3.2.1.3
        ("::1/128", "loopback"),  # RFC 4291 section 2.5.3
        ("0.0.0.0/32", "unspecified"),
        ("::/128", "unspecified"),
        ("255.255.255.255/32", "broadcast"),  # RFC 919
        ("169.254.0.0/16", "link-local"),  # RFC 3927
        ("fe80::/10", "link-local"),  # RFC 4291 section 2.5.6
        ("10.0.0.0/8", "private"),  # RFC 1918
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("fc00::/7", "private"),  # RFC 4193: unique local
        ("100.64.0.0/10", "shared"),  # RFC 6598: between a provider and its customers
        ("192.0.2.0/24", "documentation"),  # RFC 5737
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("2001:db8::/32", "documentation"),  # RFC 3849
        ("224.0.0.0/4", "multicast"),  # RFC 5771
        ("ff00::/8", "multicast"),  # RFC 4291 section 2.7
        ("240.0.0.0/4", "reserved"),  # RFC 1112 section 4
    )
)
"""The first that holds the address."""


def scope_of(text: str) -> str:
    """`loopback`, `private`, `public`, …; "" for what is no IP address."""
    try:
        given = ip_address(text)
    except ValueError:
        return ""
    if given.version == 6 and given.ipv4_mapped is not None:
        given = given.ipv4_mapped
    return next((scope for network, scope in SCOPES if given.version == network.version and given in network), "public")


def tell_scopes(connections: Connections, row: int) -> str:
    """What the addresses of a connection's two ends mean to its packets; "" where there are none."""
    family = int(connections.family[row])
    words = zip(connections.address_high[row].tolist(), connections.address_low[row].tolist(), strict=True)
    of_scope: dict[str, list[str]] = {}
    for text in dict.fromkeys(address(family, high, low) for high, low in words):
        of_scope.setdefault(scope_of(text), []).append(text)
    told = [tell_scope(scope, each) for scope, each in of_scope.items() if scope]
    return " ".join(told)


def tell_scope(scope: str, addresses: list[str]) -> str:
    """What a scope means to packets from and to these addresses: a sentence."""
    meaning = {
        "loopback": _("loopback (this machine itself; the packet never leaves it)"),
        "unspecified": _("unspecified (no address yet)"),
        "broadcast": _("broadcast (everybody in the local network; no router hands it on)"),
        "link-local": _("link-local (within one link; no router hands it on)"),
        "private": _("private (within a site; the public network does not route it)"),
        "shared": _("shared (between a provider and its customers)"),
        "documentation": _("documentation (for examples; the public network does not route it)"),
        "multicast": _("multicast (a group: whoever has joined it receives the packet)"),
        "reserved": _("reserved (no host should have it)"),
        "public": _("public (routers all over the world know the way to it)"),
    }[scope]
    return f"{_(' and ').join(addresses)}: {meaning}."
