"""How connections end: in four segments, in three, half, from both sides at once, and by a reset."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.opening import ANSWERED, ask_once, wired

if TYPE_CHECKING:
    from lab.calls import NotedSocket
    from lab.stage import Stage

PORT = 9999
CHUNKS = (b"one, ", b"two, ", b"three.")


def play_close(stage: Stage) -> None:
    """The server closes later than it must acknowledge the client's FIN: its ACK and its FIN are two segments."""
    ask_once(stage, pause=0.08)


def play_close_at_once(stage: Stage) -> None:
    """The server closes as soon as it reads the end, so that its FIN rides on its ACK."""
    ask_once(stage, pause=0)


def speak_on(listener: NotedSocket) -> None:
    """Be a server that goes on speaking when the client has said all it had to say."""
    connection, _ = listener.accept()
    with connection:
        connection.recv_all(5)
        connection.recv(1)
        for chunk in CHUNKS:
            time.sleep(0.05)
            connection.sendall(chunk)
        time.sleep(0.05)
    listener.close()


def play_half_close(stage: Stage) -> None:
    """The client ends its half after the question, and still reads the whole answer."""
    server = stage["server"]
    server.start(speak_on, server.listen(PORT))
    with stage["client"].connect(server.address, PORT) as connection:
        connection.sendall(b"count")
        connection.shutdown(socket.SHUT_WR)
        stage.answer(b"".join(iter(lambda: connection.recv(100), b"")).decode())


def close_together(listener: NotedSocket, agreed: threading.Barrier) -> None:
    """Be a server that closes when the client does."""
    connection, _ = listener.accept()
    connection.recv_all(5)
    connection.sendall(b"bye")
    agreed.wait()
    connection.close()
    listener.close()


def play_simultaneous_close(stage: Stage) -> None:
    """Both say goodbye, wait until all is acknowledged, and close at the same time."""
    server, agreed = stage["server"], threading.Barrier(2, timeout=5)
    server.start(close_together, server.listen(PORT), agreed)
    connection = stage["client"].connect(server.address, PORT)
    connection.sendall(b"hello")
    stage.answer(connection.recv_all(3).decode())
    stage.quiet(0.15)
    agreed.wait()
    connection.close()


def read_until_reset(listener: NotedSocket) -> str:
    """Be a server whose client breaks the connection; returns what the system says about it."""
    connection, _ = listener.accept()
    with connection:
        connection.recv_all(5)
        try:
            connection.recv(1)
        except ConnectionResetError as error:
            return str(error.strerror)
    return "nothing"


def play_reset(stage: Stage) -> None:
    """A port where nobody listens refuses; a program that lingers for no time breaks its connection."""
    client, server = stage["client"], stage["server"]
    try:
        client.connect(server.address, 9998)
    except ConnectionRefusedError as error:
        stage.answer(error.strerror)
    listener = server.listen(PORT)
    serving = server.start(read_until_reset, listener)
    connection = client.connect(server.address, PORT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.sendall(b"hello")
    stage.quiet()
    connection.close()
    stage.answer(serving.result())
    listener.close()


SCENARIOS = (
    Scenario(
        name="close",
        topics=(3,),
        line="Close in four segments: FIN, ACK, and later FIN, ACK; the client closes first and stays in TIME-WAIT.",
        network=wired,
        play=play_close,
        options=(delay(10),),
        story=ANSWERED,
    ),
    Scenario(
        name="close-3",
        topics=(3,),
        line="Close in three segments: the server closes at once, and its FIN rides on its ACK.",
        network=wired,
        play=play_close_at_once,
        options=(delay(10),),
        story=ANSWERED,
    ),
    Scenario(
        name="half-close",
        topics=(3,),
        line="Half-close: the client has nothing more to say, and the server goes on speaking.",
        network=wired,
        play=play_half_close,
        options=(delay(10),),
        story=Story(
            connections=(Told(outcome="closed normally", states=("TIME-WAIT", "CLOSED")),),
            answers=("one, two, three.",),
            same=Level.ORDER,
        ),
    ),
    Scenario(
        name="simultaneous-close",
        topics=(3,),
        line="Both ends close at the same time: the FINs cross, and both go through CLOSING to TIME-WAIT.",
        network=wired,
        play=play_simultaneous_close,
        options=(delay(30),),
        story=Story(
            connections=(Told(outcome="closed normally", states=("TIME-WAIT", "TIME-WAIT")),),
            answers=("bye",),
        ),
    ),
    Scenario(
        name="reset",
        topics=(3, 4),
        line="RST twice: nobody listens on the port, and a program that breaks its connection off.",
        network=wired,
        play=play_reset,
        options=(delay(10),),
        story=Story(
            connections=(
                Told(outcome="refused", states=("CLOSED", "CLOSED")),
                Told(outcome="reset by the client", states=("CLOSED", "CLOSED")),
            ),
            answers=("Connection refused", "Connection reset by peer"),
            same=Level.ORDER,
        ),
    ),
)
