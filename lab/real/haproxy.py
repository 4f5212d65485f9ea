"""HAProxy as a balancer that checks its servers."""

from __future__ import annotations

import csv
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from lab import http
from lab.real import last_of, start, wait_until, write

if TYPE_CHECKING:
    from lab.calls import NotedSocket
    from lab.stage import Stage

CONFIGURATION: Final = """\
global
    maxconn 64
    stats socket {files}/haproxy.sock
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    option http-server-close
    option forwardfor
frontend shop
    bind {address}:80
    default_backend shop
backend shop
    balance roundrobin
    default-server check inter 100ms fall 1 rise 1
    server backend1 10.0.1.11:8080
    server backend2 10.0.1.12:8080
"""


def play(stage: Stage, address: str, name: str) -> None:
    """One server is down at first: a check finds that out, and all requests go to the other; later both get some."""
    proxy, first, second = (stage[host] for host in ("proxy", "backend1", "backend2"))
    over = threading.Event()
    first.start(serve, first.listen(8080), over)
    text = CONFIGURATION.format(files=stage.files, address=address)
    running = start(stage, proxy, ["haproxy", "-db", "-f", write(stage, "haproxy.cfg", text)])

    def wait(backend: str, state: str) -> None:
        def why() -> str:
            return f"HAProxy did not find {backend} {state}: {last_of(stage, proxy, 'haproxy')}"

        wait_until(lambda: states(stage).get(backend) == state, running, why)

    wait("backend2", "DOWN")
    stage.answer(http.get(stage["client"], address, name, "/1").body)
    second.start(serve, second.listen(8080), over)
    wait("backend2", "UP")
    bodies = [http.get(stage["client"], address, name, f"/{number}").body for number in (2, 3)]
    stage.answer(" ".join(sorted(bodies)))
    running.terminate()  # or its checks would go on
    running.wait()
    over.set()


def serve(listener: NotedSocket, over: threading.Event) -> None:
    """Answer requests until all is said; a connection that ends without one was a check."""
    with listener:
        while not over.is_set():
            listener.settimeout(0.05)
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                answer(connection)


def answer(connection: NotedSocket) -> None:
    """One request; HAProxy ends its checks, and connections that it needs no more, by a reset."""
    with suppress(ConnectionResetError):
        if http.receive(connection):
            connection.sendall(http.reply(f"I am {connection.host}"))
            connection.recv(1)


def states(stage: Stage) -> dict[str, str]:
    """What HAProxy says of its servers; nothing before it can be asked."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(stage.files / "haproxy.sock"))
        except (FileNotFoundError, ConnectionRefusedError):
            return {}
        asking.sendall(b"show stat\n")
        with asking.makefile("r", encoding="utf-8") as told:
            rows = list(csv.DictReader(told))
    return {row["svname"]: row["status"].split(" ")[0] for row in rows}
