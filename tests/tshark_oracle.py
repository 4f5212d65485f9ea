"""What an installed tshark 4.0 says of a capture, and what netviz says of the same things, to be held side by side.

Only tests use it; netviz itself never runs tshark.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.acknowledging import Acknowledgments
from analysis.connections import NEVER
from analysis.marks import NAMES, names
from analysis.segments import is_tcp
from analysis.session import Session
from capture.protocol import Flag
from capture.source import open_source
from export.packet_json import packet_objects

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.snapshot import Snapshot

MARKS: Final = tuple(NAMES.values())
NUMBERS: Final = (
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.acks_frame",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.duplicate_ack_frame",
    "tcp.seq",
    "tcp.ack",
    "tcp.window_size",
)
SHOWN: Final = {"seq": "seq", "ack": "ack", "window_size": "window_scaled"}
"""What tshark calls the numbers of the report's packets."""
FIELDS: Final = (
    "frame.number",
    "frame.protocols",
    "tcp.stream",
    "tcp.len",
    "tcp.flags",
    "tcp.analysis.initial_rtt",
    "tcp.completeness",
    *NUMBERS,
    *(f"tcp.analysis.{name}" for name in MARKS),
)

Frames = dict[int, dict[str, Any]]
Streams = dict[int, dict[str, Any]]


@functools.cache
def is_there() -> bool:
    """Whether a tshark of version 4.0 is installed, whose rules netviz follows."""
    if shutil.which("tshark") is None:
        return False
    said = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=False).stdout
    return "Wireshark) 4.0." in said


def by_tshark(capture: Path, passes: int = 2) -> tuple[Frames, Streams]:
    """By frame number, and by stream number, what tshark says in its second pass, or in its only one."""
    command = ["tshark", "-n", *(["-2"] if passes == 2 else []), "-r", str(capture), "-T", "fields"]
    command += [word for field in FIELDS for word in ("-e", field)]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "WIRESHARK_CONFIG_DIR": home, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    frames: Frames = {}
    streams: Streams = defaultdict(lambda: {"completeness": 0, "initial_rtt": None})
    for line in done.stdout.splitlines():
        row = dict(zip(FIELDS, line.split("\t"), strict=True))
        if not row["tcp.stream"] or "icmp" in row["frame.protocols"]:
            continue
        stream = int(row["tcp.stream"])
        frames[int(row["frame.number"])] = {
            "stream": stream,
            "marks": {name for name in MARKS if row[f"tcp.analysis.{name}"]},
            **{name.rpartition(".")[2]: float(row[name]) if row[name] else None for name in NUMBERS},
        }
        if not int(row["tcp.flags"] or "0", 16) & Flag.ACK:
            frames[int(row["frame.number"])]["ack"] = None  # tshark shows what stands there all the same
        streams[stream]["completeness"] |= int(row["tcp.completeness"] or 0)
        if row["tcp.analysis.initial_rtt"]:
            streams[stream]["initial_rtt"] = float(row["tcp.analysis.initial_rtt"])
    return frames, dict(streams)


def by_netviz(capture: Path) -> tuple[Frames, Streams]:
    """The same of netviz."""
    with open_source(capture) as source:
        session = Session(source)
        session.run()
        snapshot = session.snapshot
        told = Acknowledgments(snapshot)
        rows = np.flatnonzero([is_tcp(int(protocol)) for protocol in snapshot.packets.protocol])
        answers = [(detail.packet, told.feed(detail)) for detail in session.details(rows)]
        numbers = [{name: each[ours] for name, ours in SHOWN.items()} for each in packet_objects(session, rows)]
        session.close()
    frames = {}
    for (row, answer), shown in zip(answers, numbers, strict=True):
        frames[row + 1] = {
            "stream": int(snapshot.connections.stream[snapshot.packets.connection[row]]),
            "marks": set(names(int(snapshot.packets.marks[row]))),
            "bytes_in_flight": answer.in_flight,
            "acks_frame": None if answer.packet is None else answer.packet + 1,
            "ack_rtt": None if answer.rtt_ns is None else answer.rtt_ns / 1e9,
            "duplicate_ack_num": answer.duplicate,
            "duplicate_ack_frame": None if answer.repeats is None else answer.repeats + 1,
            **shown,
        }
    return frames, _streams(snapshot)


def _streams(snapshot: Snapshot) -> Streams:
    table = snapshot.connections
    found: Streams = {}
    for row in range(len(table)):
        if is_tcp(int(table.protocol[row])):
            rtt = int(table.initial_rtt_ns[row])
            found[int(table.stream[row])] = {
                "completeness": int(table.completeness[row]),
                "initial_rtt": None if rtt == NEVER else rtt / 1e9,
            }
    return found


def differences(capture: Path) -> list[str]:
    """A line for each thing of which the two say something else: the frame or stream, what, netviz, tshark."""
    found = []
    for kind, ours, theirs in zip(("frame", "stream"), by_netviz(capture), by_tshark(capture), strict=True):
        for number in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(number), theirs.get(number)
            if one is None or other is None:
                found.append(f"{kind} {number}: {one} here, {other} there")
                continue
            found += [
                f"{kind} {number}: {name} is {one[name]}, tshark says {other[name]}"
                for name in one
                if not same(one[name], other[name])
            ]
    return found


def same(one: Any, other: Any) -> bool:
    """Whether both are the same; times, to the nanosecond."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 2e-9
    return bool(one == other)
