"""How far addresses reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from views.scope import scope_of, tell_scope

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("255.255.255.255", "broadcast"),
        ("169.254.7.7", "link-local"),
        ("fe80::1", "link-local"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", "public"),
        ("fd12::1", "private"),
        ("100.127.0.1", "shared"),
        ("203.0.113.20", "documentation"),
        ("2001:db8::1", "documentation"),
        ("224.0.0.18", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("8.8.8.8", "public"),
        ("2606:4700::1111", "public"),
        ("02:00:00:00:00:01", ""),
    ],
)
def test_the_scope_of_an_address(address: str, scope: str) -> None:
    assert scope_of(address) == scope


@given(st.ip_addresses())
def test_every_address_has_a_scope_that_python_does_not_deny(address: IPv4Address | IPv6Address) -> None:
    scope = scope_of(str(address))
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    assert (scope == "loopback") == address.is_loopback
    assert (scope == "multicast") == address.is_multicast
    assert (scope == "link-local") == address.is_link_local
    assert tell_scope(scope, [str(address)]).startswith(f"{address}: {scope} (")


def test_both_ends_of_one_scope_are_told_together() -> None:
    told = tell_scope("private", ["192.168.1.10", "192.168.1.20"])
    assert told == "192.168.1.10 and 192.168.1.20: private (within a site; the public network does not route it)."
