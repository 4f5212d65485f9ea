"""What a scenario's programs find when they run: their hosts, and a few things to do with them."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.calls import Call, NotedSocket, noted
from lab.errors import LabError
from lab.namespaces import inside
from lab.netlink import Netlink, family_of
from lab.settings import set_in
from lab.wire import packet_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lab.building import Built
    from lab.recorder import Recorder
    from lab.wire import Relay

FIRST_PORT: Final = 40_001
PATIENCE: Final = 5.0
"""Seconds that sockets wait before they give up, so that a fault ends a scenario with a reason."""

LISTENING: Final = "0A"  # TCP_LISTEN in /proc/net/tcp
QUIET: Final = 0.06


class Program:
    """Something that runs on a host beside the rest. `result` waits for it and raises what it raised."""

    def __init__(self, work: Callable[..., Any], arguments: tuple[Any, ...], namespace: int, name: str) -> None:
        self._work, self._arguments, self._namespace = work, arguments, namespace
        self._value: Any = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with inside(self._namespace):
                self._value = self._work(*self._arguments)
        except BaseException as failure:  # noqa: BLE001 - handed on to whoever asks for the result
            self._failure = failure

    def result(self, timeout: float = PATIENCE) -> Any:
        """What the program returned."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise LabError(f"{self._thread.name} was not done after {timeout:g} s.")
        if self._failure is not None:
            raise self._failure
        return self._value


class Host:
    """A machine of the network: sockets, threads and processes made by it are in its namespace."""

    def __init__(self, name: str, built: Built, calls: list[Call]) -> None:
        self.name = name
        self.namespace = built.namespaces[name]
        self.devices = {each.name: each for each in built.devices if each.host == name}
        self.addresses = [each.address.partition("/")[0] for each in self.devices.values() if each.address]
        self._calls = calls
        self._port = FIRST_PORT - 1
        self._programs: list[Program] = []

    @property
    def address(self) -> str:
        """The first address."""
        return self.addresses[0]

    def inside(self) -> Any:
        """A context in which the calling thread is on this host."""
        return inside(self.namespace)

    def next_port(self) -> int:
        """The next client port: 40001, 40002 …, the same ones in each run."""
        self._port += 1
        return self._port

    def new_socket(self, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> NotedSocket:
        """A new socket of the family of this host's first address, IPv4 without one; it gives up after `PATIENCE`."""
        family = family_of(self.address) if self.addresses else socket.AF_INET
        with inside(self.namespace):
            made = noted(self.name, self._calls, socket.socket(family, kind, protocol))
        made.settimeout(PATIENCE)
        return made

    def listen(self, port: int, *, backlog: int = 16, address: str = "") -> NotedSocket:
        """A listening socket: clients may connect as soon as this returns."""
        made = self.new_socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(backlog)
        return made

    def bound(self, port: int, kind: int = socket.SOCK_STREAM) -> NotedSocket:
        """A socket bound to this host's first address (where there is one) and a port."""
        made = self.new_socket(kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((self.address, port))
        return made

    def connect(self, address: str, port: int, *, from_port: int | None = None) -> NotedSocket:
        """A connection to somewhere, from the next client port."""
        made = self.bound(from_port or self.next_port())
        try:
            made.connect((address, port))
        except OSError:
            made.close()
            raise
        return made

    def wire(self, device: str = "eth0") -> socket.socket:
        """A socket for whole Ethernet frames on a device."""
        with inside(self.namespace):
            made = packet_socket(device, ignore_outgoing=True)
        made.settimeout(PATIENCE)
        return made

    def start(self, work: Callable[..., Any], *arguments: Any) -> Program:
        """Run a function on this host, beside the rest, on a thread of its own."""
        made = Program(work, arguments, self.namespace, f"{self.name}'s {work.__name__}")
        self._programs.append(made)
        return made

    def run(self, command: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
        """Start an installed program on this host; it ends with the scenario."""
        with inside(self.namespace):
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)

    def listens(self, port: int) -> bool:
        """Whether some program on this host listens on a TCP port."""
        with inside(self.namespace):
            files = [Path("/proc/thread-self/net", table) for table in ("tcp", "tcp6")]
            lines = [line for file in files if file.exists() for line in file.read_text("ascii").splitlines()[1:]]
        fields = map(str.split, lines)
        return any(each[3] == LISTENING and int(each[1].rpartition(":")[2], 16) == port for each in fields)

    def wait_for_port(self, port: int) -> None:
        """Wait until some program on this host listens on a TCP port."""
        end = time.monotonic() + PATIENCE
        while not self.listens(port):
            if time.monotonic() > end:
                raise LabError(f"Nobody listened on port {port} of {self.name} after {PATIENCE:g} s.")
            time.sleep(0.005)

    def set(self, name: str, value: str) -> None:
        """Change a setting below /proc/sys/net."""
        set_in(self.namespace, name, value)

    @contextmanager
    def netlink(self) -> Iterator[Netlink]:
        """Change devices, addresses and routes of this host."""
        with inside(self.namespace), Netlink() as made:
            yield made

    def finish(self) -> None:
        """Wait for all that was started here; raises what any of it raised."""
        for program in self._programs:
            program.result()


class Stage:
    """Hosts by name, the options' values, a private directory, and what is said to the audience."""

    def __init__(self, built: Built, recorder: Recorder, options: Mapping[str, float], files: Path) -> None:
        self.hosts = {name: Host(name, built, recorder.calls) for name in built.namespaces}
        self.options = options
        self.files = files
        self.answers: list[str] = []
        self._relays = built.relays
        self._recorder = recorder

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def answer(self, text: object) -> None:
        """Say what a program saw; it is compared with the story."""
        self.answers.append(str(text))

    def cut(self, cable: int = 0) -> None:
        """Cut a cable that has a wire."""
        self._relays[cable].cut()

    def relay(self, cable: int = 0) -> Relay:
        """The relay of a cable that has a wire."""
        return self._relays[cable]

    def quiet(self, seconds: float = QUIET) -> None:
        """Wait until no frame has passed for a while."""
        self._recorder.quiet(seconds)

    def finish(self) -> None:
        """Wait for every program, and for the last frames; raises what any program raised."""
        for host in self.hosts.values():
            host.finish()
        self.quiet()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not all(relay.idle for relay in self._relays.values()):
            self.quiet()
