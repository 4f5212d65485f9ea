"""Connections that wait: for room at the receiver, for an acknowledgment, for a sign of life."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from lab.network import Network, Wire, two_hosts
from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.opening import wired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.calls import NotedSocket
    from lab.stage import Stage

PORT = 9999
MUCH = 30_000
SMALL_BUFFER = 4096
ROUNDS = 2
TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_QUICKACK, TCP_NODELAY = 4, 5, 6, 12, 1


def slow(options: Mapping[str, float]) -> Network:
    """A cable on which segments come one by one."""
    return two_hosts(Wire(delay_ms=options["delay"], rate_mbit=10))


def read_late(listener: NotedSocket, pause: float) -> int:
    """Be a server that has something else to do first; returns how much it read in the end."""
    connection, _ = listener.accept()
    with connection:
        time.sleep(pause)
        count = len(connection.recv_all(MUCH))
    listener.close()
    return count


def play_zero_window(stage: Stage) -> None:
    """Send more than the receiver has room for while it does not read."""
    server = stage["server"]
    listener = server.listen(PORT)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    serving = server.start(read_late, listener, 0.9)
    with stage["client"].connect(server.address, PORT) as connection:
        connection.sendall(bytes(MUCH))
        stage.answer(serving.result())


def keep_alive(connection: NotedSocket, *, probes: int) -> None:
    """Ask for a sign of life after a second without one, and then every second."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((TCP_KEEPIDLE, 1), (TCP_KEEPINTVL, 1), (TCP_KEEPCNT, probes)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def play_keepalive(stage: Stage) -> None:
    """Say nothing for two seconds, on a connection that asks for signs of life."""
    server = stage["server"]
    listener = server.listen(PORT)
    with stage["client"].connect(server.address, PORT) as connection, listener.accept()[0] as serving:
        keep_alive(connection, probes=3)
        time.sleep(2.2)
        connection.sendall(b"still there")
        stage.answer(serving.recv_all(11).decode())
        connection.close()
        serving.recv(1)


def play_keepalive_dead(stage: Stage) -> None:
    """The cable is cut while nobody speaks: only the missing sign of life tells."""
    server = stage["server"]
    listener = server.listen(PORT)
    with stage["client"].connect(server.address, PORT) as connection, listener.accept()[0]:
        keep_alive(connection, probes=1)
        stage.quiet()
        stage.cut()
        try:
            connection.recv(1)
        except TimeoutError as error:
            stage.answer(error.strerror)


def answer_pairs(listener: NotedSocket) -> None:
    """Be a server that answers when both halves of a question have come, and acknowledges no sooner than it must."""
    connection, _ = listener.accept()
    with connection:
        for _ in range(ROUNDS):
            connection.setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 0)
            connection.recv_all(10)
            connection.sendall(b"answer")
        connection.recv(1)
    listener.close()


def ask_in_halves(stage: Stage, port: int, *, at_once: bool) -> float:
    """Ask `ROUNDS` questions, each in two writes; returns how long it took, in seconds."""
    server = stage["server"]
    serving = server.start(answer_pairs, server.listen(port))
    with stage["client"].connect(server.address, port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, TCP_NODELAY, int(at_once))
        started = time.monotonic()
        for _ in range(ROUNDS):
            connection.sendall(b"first")
            connection.sendall(b"other")
            connection.recv_all(6)
        took = time.monotonic() - started
    serving.result()
    return took


def play_nagle(stage: Stage) -> None:
    """The same questions, first as TCP likes it, then with TCP_NODELAY."""
    waiting = ask_in_halves(stage, PORT, at_once=False)
    stage.quiet()
    at_once = ask_in_halves(stage, PORT + 1, at_once=True)
    stage.answer("the second half waits for an ACK" if waiting > at_once + 0.02 * ROUNDS else "no difference")


SCENARIOS = (
    Scenario(
        name="zero-window",
        topics=(6,),
        line="Zero window: the receiver does not read, its window closes, the sender asks, and it opens again.",
        network=slow,
        play=play_zero_window,
        options=(delay(5),),
        snap_length=128,
        story=Story(
            connections=(
                Told(
                    outcome="closed normally",
                    marks={"zero_window": 1, "keep_alive": 1, "window_full": 1, "window_update": 1},
                ),
            ),
            answers=(str(MUCH),),
            same=Level.OUTCOME,
        ),
    ),
    Scenario(
        name="keepalive",
        topics=(6,),
        line="Keep-alive: nobody speaks, and each second one end asks whether the other one is there.",
        network=wired,
        play=play_keepalive,
        options=(delay(10),),
        story=Story(
            connections=(Told(outcome="closed normally", marks={"keep_alive": 2, "keep_alive_ack": 1}),),
            answers=("still there",),
        ),
    ),
    Scenario(
        name="keepalive-dead",
        topics=(6,),
        line="Keep-alive on a cut cable: nobody answers, and the connection is given up.",
        network=wired,
        play=play_keepalive_dead,
        points=("client:eth0", "server:eth0"),
        options=(delay(10),),
        story=Story(
            connections=(Told(outcome="reset by the client", marks={"keep_alive": 1}),),
            answers=("Connection timed out",),
        ),
    ),
    Scenario(
        name="nagle",
        topics=(6,),
        line="Nagle against delayed ACKs: a second small write waits 40 ms; with TCP_NODELAY it does not.",
        network=wired,
        play=play_nagle,
        options=(delay(2),),
        story=Story(
            connections=(Told(outcome="closed normally"), Told(outcome="closed normally")),
            answers=("the second half waits for an ACK",),
            same=Level.DATA,
        ),
    ),
)
