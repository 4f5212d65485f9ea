"""Settings of the hosts below /proc/sys/net: those of every one, and those of a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.namespaces import inside

if TYPE_CHECKING:
    from lab.network import Network

ROOT: Final = "/proc/sys/net"
IPV6: Final = "ipv6/conf/default/disable_ipv6"

ALL_HOSTS: Final = {
    "ipv4/tcp_congestion_control": "reno",  # others pace, and look different on each kernel
    "ipv4/tcp_early_retrans": "0",  # no tail loss probes, but in scenarios about them
    "ipv4/tcp_no_metrics_save": "1",
    "ipv4/icmp_ratelimit": "0",
    "ipv4/icmp_msgs_per_sec": "10000",
    "ipv4/ip_unprivileged_port_start": "0",
}
WITHOUT_IPV6: Final = {"ipv6/conf/all/disable_ipv6": "1", IPV6: "1"}
WITH_IPV6: Final = {
    "ipv6/conf/all/disable_ipv6": "0",
    IPV6: "0",
    # Nothing but what the scenario's programs cause: no address of the kernel's own choice, and no duplicate detection,
    # router solicitation or late second multicast report of it.
    "ipv6/conf/default/addr_gen_mode": "1",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/default/router_solicitations": "0",
    "ipv6/conf/default/mldv2_unsolicited_report_interval": "10",
}
OPTIONAL: Final = frozenset([*WITHOUT_IPV6, "ipv4/icmp_msgs_per_sec", "ipv4/tcp_syn_linear_timeouts"])
"""Settings that some kernels lack, and whose lack does no harm."""


def set_in(namespace: int, name: str, value: str) -> None:
    """Change a setting below /proc/sys/net of a namespace. Raises `LabError`."""
    try:
        with inside(namespace):
            Path(ROOT, name).write_text(value, "ascii")
    except OSError as error:
        raise LabError(
            f"The setting net/{name} cannot be changed to {value} ({error.strerror}): /proc/sys is read-only in some "
            "containers; run netviz outside of it."
        ) from error


def planned(host: str, network: Network) -> dict[str, str]:
    """The settings that a plan has for a host, by name below /proc/sys/net."""
    pairs = [(name.rpartition(":"), value) for name, value in network.settings.items()]
    return {name: value for (owner, _, name), value in pairs if owner in ("", host)}


def settle(namespace: int, host: str, network: Network) -> None:
    """Change all that is not of one device, which comes later and takes what it has from these. Raises `LabError`."""
    switch = "ipv6/conf/all/forwarding" if network.ipv6 else "ipv4/ip_forward"
    forward = {switch: "1"} if host in network.routers else {}
    version = WITH_IPV6 if network.ipv6 else WITHOUT_IPV6
    if network.ipv6 and not Path(ROOT, IPV6).exists():
        raise LabError("This kernel has no IPv6 (it may have been turned off by ipv6.disable=1 when it was started).")
    for name, value in {**ALL_HOSTS, **version, **forward, **planned(host, network)}.items():
        if "/eth" in name:
            continue
        with inside(namespace):
            known = Path(ROOT, name).exists()
        if known or name not in OPTIONAL:
            set_in(namespace, name, value)
