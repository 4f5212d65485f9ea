"""dnsmasq twice: as the name server of a domain, and as a resolver that asks it and remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import dns
from lab.real import last_of, start, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.stage import Host, Stage


def serve(stage: Stage, host: Host, options: Iterable[str]) -> None:
    """Start one, and return when it listens. Raises `LabError`."""
    alone = ["--no-daemon", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-poll", "--bind-interfaces"]
    running = start(stage, host, ["dnsmasq", *alone, f"--listen-address={host.address}", *options])
    why = "dnsmasq on {} did not start: {}".format
    wait_until(lambda: host.listens(dns.PORT), running, lambda: why(host.name, last_of(stage, host, "dnsmasq")))


def play(stage: Stage, questions: Iterable[tuple[str, int]], authority: Iterable[str]) -> None:
    """Questions of the client to the resolver; `authority` are the options that say what the name server knows."""
    serve(stage, stage["authority"], authority)
    resolver = stage["resolver"]
    serve(stage, resolver, [f"--server={stage['authority'].address}"])
    for number, (name, kind) in enumerate(questions, 1):
        found = dns.ask(stage["client"], resolver.address, name, kind, number=number)
        stage.answer(found.answers[-1].value if found.answers else "no such name")
