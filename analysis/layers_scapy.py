"""Scapy, imported late, one module at a time, and kept from touching anything but the bytes it is given.

Left to itself, importing Scapy unpickles and writes caches in the home directory, reads the routing table and
100 ms of manufacturers' names, and its dissectors log to the terminal that we draw on.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any, Final

_STATIC_TABLES: Final = ("scapy.libs.manuf", "scapy.libs.bluetoothids")
_lock = Lock()


@cache
def _prepared() -> None:
    """Import Scapy's core and the layers of almost every packet (Ethernet, IP, TCP, UDP): 170 ms instead of 280."""
    with _lock:
        main: Any = importlib.import_module("scapy.main")
        main.SCAPY_CACHE_FOLDER = None  # else data tables are unpickled from, and written to, the home directory
        conf = importlib.import_module("scapy.config").conf
        conf.route_autoload = conf.route6_autoload = False
        conf.verb = 0
        conf.logLevel = 100  # above CRITICAL: standard error is the screen
        absent = [name for name in _STATIC_TABLES if name not in sys.modules]
        for name in absent:
            empty = ModuleType(name)
            empty.__dict__["DATA"] = {} if name.endswith("bluetoothids") else ""
            sys.modules[name] = empty
        try:
            importlib.import_module("scapy.layers.inet")
        finally:
            for name in absent:
                del sys.modules[name]
        # Where Wireshark is installed, Scapy took the names from its file: a packet reads the same everywhere.
        importlib.import_module("scapy.data").MANUFDB.d.clear()


@cache
def scapy_class(module: str, name: str) -> Any:
    """The class `name` of Scapy's module `module` ("layers.l2"), or None if this version of Scapy has none."""
    _prepared()
    with _lock:
        try:
            return getattr(importlib.import_module(f"scapy.{module}"), name, None)
        except ImportError:
            return None
