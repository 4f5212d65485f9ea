"""keepalived on two routers that share an address."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.headers import IPV4, addresses
from lab.real import PATIENCE, last_of, start, write

if TYPE_CHECKING:
    from socket import socket

    from lab.stage import Host, Stage

CONFIGURATION: Final = """\
global_defs {{
    router_id {name}
    vrrp_version 3
    vrrp_garp_master_delay 0
}}
vrrp_instance shop {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 0.1
    virtual_ipaddress {{ {address}/24 }}
}}
"""
VRRP: Final = 112
TIMES: Final = 4
"""Advertisements of each that are waited for."""


def play(stage: Stage, address: str) -> None:
    """The master's cable is pulled; the backup notices, and takes the address over."""
    first, second = stage["router1"], stage["router2"]
    with stage["client"].wire() as wire:
        become(stage, first, 150, address)
        for _ in range(TIMES):
            hear(stage, wire, first)
        become(stage, second, 100, address)
        for _ in range(TIMES):  # meanwhile the second one is ready; a backup says nothing by which to know
            hear(stage, wire, first)
        with first.netlink() as netlink:
            netlink.set_up("eth0", up=False)
        for _ in range(TIMES):
            hear(stage, wire, second)
    stage.answer(f"{second.name} has {address}")


def become(stage: Stage, router: Host, priority: int, address: str) -> None:
    """Start keepalived on a router."""
    text = CONFIGURATION.format(name=router.name, priority=priority, address=address)
    files = ["-f", write(stage, f"{router.name}.conf", text), "-p", str(stage.files / f"{router.name}.pid")]
    files += ["-r", str(stage.files / f"{router.name}-vrrp.pid")]
    start(stage, router, ["keepalived", "--vrrp", "-n", "-l", *files])


def hear(stage: Stage, wire: socket, router: Host) -> None:
    """Wait for an advertisement of a router. Raises `LabError`, with what keepalived said last, if none comes."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            frame = wire.recv(2000)
        except TimeoutError:
            break
        if frame[12:14] == IPV4 and frame[23] == VRRP and addresses(frame[14:])[0] == router.address:
            return
    raise LabError(f"keepalived on {router.name} did not become the master: {last_of(stage, router, 'keepalived')}")
