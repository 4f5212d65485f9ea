"""The same clients against servers of each make: one at a time, by threads, processes, coroutines or a pool; locks.

Each request costs the server `--work` milliseconds of waiting (for a disk, say): a server that waits for one client at
a time lets the others queue, all others let the waits overlap. With `--busy 1` it costs as much computing: then only
processes overlap, on as many processors as there are; Python's threads take turns, and coroutines do not even that.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.network import Network, Wire, two_hosts
from lab.scenario import Level, Option, Scenario, Story, Told, Unit, clients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.calls import NotedSocket
    from lab.stage import Host, Stage

    Server = Callable[[NotedSocket, int, "Work"], None]

PORT: Final = 9999
APART: Final = 0.004
"""Seconds between two clients, so that they come in the same order in each run."""
FAR_APART: Final = 0.03
"""The same where that order is what is told, on a busy machine too."""
WORK: Final = Option("work", Unit.MILLISECONDS, 60, "What one request costs the server.", least=1, most=500)
BUSY: Final = Option("busy", Unit.COUNT, 0, "1: the work is computing, not waiting; calls are not noted then.", most=1)
LONG_WORK: Final = replace(WORK, default=200)
"""Long enough for all clients to come meanwhile, on a busy machine too."""
CLOSED: Final = Told(outcome="closed normally")


@dataclass(frozen=True, slots=True)
class Work:
    """What a request costs: seconds of waiting, or of a processor's time."""

    seconds: float
    busy: bool = False

    def do(self) -> None:
        """Wait, or compute."""
        if not self.busy:
            time.sleep(self.seconds)
            return
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            pass


def lan(options: Mapping[str, float]) -> Network:
    """A machine of clients and a server."""
    del options
    return two_hosts(Wire(delay_ms=1))


def ask(client: Host, server: Host, number: int, port: int, apart_s: float) -> bytes:
    """Be one client: say who you are, and read the answer to its end."""
    time.sleep(number * apart_s)
    with client.connect(server.address, port, from_port=40_001 + number + 100 * (PORT - port)) as connection:
        connection.sendall(f"client {number}".encode())
        return connection.recv_all(100)


def ask_all(stage: Stage, port: int = PORT, apart_s: float = APART) -> list[str]:
    """All clients at once, or this many seconds apart; their answers in their order."""
    client, server = stage["client"], stage["server"]
    asking = [
        client.start(ask, client, server, number, port, apart_s) for number in range(int(stage.options["clients"]))
    ]
    return [each.result().decode() for each in asking]


def serve(connection: NotedSocket, work: Work) -> None:
    """Read a request, do the work, answer, close."""
    with connection:
        request = connection.recv(100)
        work.do()
        connection.sendall(b"hello, " + request)


def one_by_one(listener: NotedSocket, count: int, work: Work) -> None:
    """An iterative server."""
    with listener:
        for _ in range(count):
            serve(listener.accept()[0], work)


def by_threads(listener: NotedSocket, count: int, work: Work) -> None:
    """A thread for each client."""
    with listener:
        in_threads(listener, count, lambda connection: serve(connection, work))


def in_threads(listener: NotedSocket, count: int, work: Callable[[NotedSocket], None]) -> None:
    """Take `count` clients, each on a thread of its own, and wait for all of them."""
    threads = []
    for _ in range(count):
        threads.append(threading.Thread(target=work, args=(listener.accept()[0],)))
        threads[-1].start()
    for each in threads:
        each.join()


def by_processes(listener: NotedSocket, count: int, work: Work) -> None:
    """A process for each client."""
    with listener:
        children = []
        for _ in range(count):
            connection, _ = listener.accept()
            children.append(forked(partial(serve, connection, work)))
            os.close(connection.detach())  # the child has it
        reap(children)


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own; returns its number."""
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            work()
            failed = 0
        finally:  # whatever happens: the child must not go on in its parent's place
            os._exit(failed)
    return child


def reap(children: list[int]) -> None:
    """Wait for all of them. Raises `LabError` if any failed."""
    statuses = [os.waitpid(each, 0)[1] for each in children]
    if any(statuses):
        raise LabError("A process of the server failed before its clients were answered.")


def apart(server: Server, listener: NotedSocket, count: int, work: Work) -> None:
    """Let a server have a process, and so an interpreter, for itself: what it computes holds nobody else up."""
    child = forked(partial(server, listener, count, work))
    os.close(listener.detach())
    reap([child])


def by_coroutines(listener: NotedSocket, count: int, work: Work) -> None:
    """One thread whose coroutines wait side by side."""

    async def answer(connection: NotedSocket) -> None:
        loop = asyncio.get_running_loop()
        with connection:
            request = await loop.sock_recv(connection, 100)
            if work.busy:
                work.do()
            else:
                await asyncio.sleep(work.seconds)
            await loop.sock_sendall(connection, b"hello, " + request)

    async def accept() -> None:
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                connection, _ = await loop.sock_accept(listener)
                group.create_task(answer(connection))  # type: ignore[arg-type] # a noted socket accepts noted ones

    with listener:
        asyncio.run(accept())


def by_pool(listener: NotedSocket, count: int, work: Work) -> None:
    """A pool of two threads: two requests are in work, the others wait."""
    with listener, ThreadPoolExecutor(2) as pool:
        for _ in range(count):
            pool.submit(serve, listener.accept()[0], work)


def playing(server: Server) -> Callable[[Stage], None]:
    """The play for a server of one make."""

    def play(stage: Stage) -> None:
        busy = bool(stage.options["busy"])
        count, work = int(stage.options["clients"]), Work(stage.options["work"] / 1000, busy)
        host, listener = stage["server"], stage["server"].listen(PORT)
        if busy:
            host.start(apart, server, listener, count, work)
        else:
            host.start(server, listener, count, work)
        for text in ask_all(stage):
            stage.answer(text)

    return play


def play_lock(stage: Stage) -> None:
    """Each client asks for the next number of a counter: first without a lock, then with one.

    Who gets which number is chance, on a busy machine: what is told are the numbers that were given out.
    """
    server, count = stage["server"], int(stage.options["clients"])
    for port, lock in ((PORT, None), (PORT - 1, threading.Lock())):
        server.start(count_up, server.listen(port), count, stage.options["work"] / 1000, lock)
        stage.answer(
            ("without a lock: " if lock is None else "with a lock: ") + ", ".join(sorted(ask_all(stage, port), key=int))
        )


def count_up(listener: NotedSocket, count: int, work: float, lock: threading.Lock | None) -> None:
    """Read the counter, think, write it back: what is written meanwhile is lost, unless a lock keeps others out."""
    counter = 0

    def take() -> int:
        nonlocal counter
        seen = counter
        time.sleep(work)
        counter = seen + 1
        return counter

    def answer(connection: NotedSocket) -> None:
        with connection:
            connection.recv(100)
            if lock is None:
                number = take()
            else:
                with lock:
                    number = take()
            connection.sendall(str(number).encode())

    with listener:
        in_threads(listener, count, answer)


def play_thread_local(stage: Stage) -> None:
    """Each thread keeps its client's name twice: in a variable of its own, and in one that all share."""
    server = stage["server"]
    server.start(keep_names, server.listen(PORT), int(stage.options["clients"]), stage.options["work"] / 1000)
    for text in ask_all(stage, apart_s=FAR_APART):
        stage.answer(text)


def keep_names(listener: NotedSocket, count: int, work: float) -> None:
    """Answer with both names after a pause in which other clients come."""
    own = threading.local()
    shared = {"name": b""}

    def answer(connection: NotedSocket) -> None:
        with connection:
            own.name = shared["name"] = connection.recv(100)
            time.sleep(work)
            connection.sendall(b"own: %s, shared: %s" % (own.name, shared["name"]))

    with listener:
        in_threads(listener, count, answer)


def told(count: int) -> tuple[Told, ...]:
    """That many connections, all closed as they should be."""
    return (CLOSED,) * count


def made(name: str, topics: tuple[int, ...], line: str, server: Server) -> Scenario:
    """One make of server, with six clients."""
    return Scenario(
        name=name,
        topics=topics,
        line=line,
        network=lan,
        play=playing(server),
        options=(clients(6), WORK, BUSY),
        story=Story(told(6), tuple(f"hello, client {number}" for number in range(6)), Level.OUTCOME),
    )


SCENARIOS = (
    made("server-iterative", (10, 14), "A server that takes one client at a time: the others queue.", one_by_one),
    made("server-threads", (10, 14), "A thread for each client: their waits overlap.", by_threads),
    made("server-processes", (10, 14), "A process for each client: they run beside one another.", by_processes),
    made("server-asyncio", (10, 14), "Coroutines: one thread, and the waits overlap all the same.", by_coroutines),
    made("server-pool", (11,), "A pool of two threads: two requests are in work, four wait.", by_pool),
    Scenario(
        name="server-lock",
        topics=(13,),
        line="A shared counter: without a lock updates get lost, with one the clients are served in turn.",
        network=lan,
        play=play_lock,
        options=(clients(3), LONG_WORK),
        story=Story(told(6), ("without a lock: 1, 1, 1", "with a lock: 1, 2, 3"), Level.OUTCOME),
    ),
    Scenario(
        name="server-thread-local",
        topics=(15,),
        line="threading.local: each thread keeps its own client's name, and all of them mix up a shared one.",
        network=lan,
        play=play_thread_local,
        options=(clients(3), LONG_WORK),
        story=Story(told(3), tuple(f"own: client {number}, shared: client 2" for number in range(3)), Level.OUTCOME),
    ),
)
