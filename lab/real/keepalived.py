"""keepalived on two routers that share an address."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.headers import IPV4, addresses
from lab.real import log_of, start, wait_until, write

if TYPE_CHECKING:
    from pathlib import Path
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
        for host, priority in ((first, 150), (second, 100)):
            text = CONFIGURATION.format(name=host.name, priority=priority, address=address)
            files = ["-f", write(stage, f"{host.name}.conf", text), "-p", str(stage.files / f"{host.name}.pid")]
            files += ["-r", str(stage.files / f"{host.name}-vrrp.pid")]
            running = start(stage, host, ["keepalived", "--vrrp", "-n", "-l", *files])
            log = log_of(stage, host, "keepalived")
            wait_until(partial(is_up, log), running, log, f"keepalived on {host.name} did not start")
        for _ in range(TIMES):
            hear(wire, first)
        with first.netlink() as netlink:
            netlink.set_up("eth0", up=False)
        for _ in range(TIMES):
            hear(wire, second)
    stage.answer(f"{second.name} has {address}")


def is_up(log: Path) -> bool:
    """Whether it says so."""
    return "Startup complete" in log.read_text("utf-8", "replace")


def hear(wire: socket, router: Host) -> None:
    """Wait for an advertisement of a router. Raises `LabError`."""
    while True:
        try:
            frame = wire.recv(2000)
        except TimeoutError:
            raise LabError(f"keepalived on {router.name} did not become the master.") from None
        if frame[12:14] == IPV4 and frame[23] == VRRP and addresses(frame[14:])[0] == router.address:
            return
