"""How connections begin: the three-way handshake, and what may happen instead."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.network import Network, Wire, two_hosts
from lab.scenario import Level, Scenario, Story, Told, delay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.calls import NotedSocket
    from lab.stage import Stage


def wired(options: Mapping[str, float]) -> Network:
    """A client and a server, and the delay between them that was asked for."""
    return two_hosts(Wire(delay_ms=options["delay"]))


def answer_once(listener: NotedSocket, request: int, reply: bytes, pause: float = 0.0) -> None:
    """Be a server: take one client, read its request, answer, read to the end, wait, and close."""
    connection, _ = listener.accept()
    with connection:
        connection.recv_all(request)
        connection.sendall(reply)
        connection.recv(1)
        time.sleep(pause)
    listener.close()


def ask_once(stage: Stage, pause: float) -> None:
    """A request and its answer; the server closes `pause` seconds after the client."""
    server = stage["server"]
    server.start(answer_once, server.listen(9999), 5, b"Hello, World!", pause)
    with stage["client"].connect(server.address, 9999) as connection:
        connection.sendall(b"hello")
        stage.answer(connection.recv_all(13).decode())
        # The ACK of the answer leaves by itself, before the FIN, when there is time for it.
        time.sleep(0.05)


def play_handshake(stage: Stage) -> None:
    """SYN, SYN-ACK, ACK, a few bytes each way, and the end in four segments."""
    ask_once(stage, pause=0.08)


SCENARIOS = (
    Scenario(
        name="handshake",
        topics=(2, 4),
        line="Three-way handshake: SYN, SYN-ACK, ACK, then one request and its answer.",
        network=wired,
        play=play_handshake,
        options=(delay(10),),
        points=("client:eth0",),
        story=Story(
            connections=(Told(outcome="closed normally", states=("TIME-WAIT", "CLOSED"), history="ShADadFf"),),
            answers=("Hello, World!",),
            same=Level.ORDER,
        ),
    ),
)
