"""The questions that the scenarios answer: networking as it is asked about in interviews."""

from __future__ import annotations

from typing import Final

TOPICS: Final = {
    1: "OSI seven layers, five layers",
    2: "Three-way handshake",
    3: "Four-way close",
    4: "The flags",
    5: "Client/server and browser/server",
    6: "TCP and UDP",
    7: "LAN and WAN",
    8: "ARP",
    9: "Sockets",
    10: "Processes, threads, coroutines",
    11: "Thread and process pools",
    12: "Communication between processes",
    13: "Locks",
    14: "Concurrency and parallelism",
    15: "threading.local",
    16: "Name resolution",
    17: "LVS",
    18: "nginx",
    19: "keepalived, HAProxy",
    20: "RPC",
    21: "From a URL to the page",
    22: "CDN",
}
"""Title by number."""
