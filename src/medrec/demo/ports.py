"""Ports on this machine that nobody listens on.

A port is looked for, given back and opened later by whoever is to listen there. In between, the system may hand one
of its own free choice to any outgoing connection or to another program that looks for one; two worlds that opened at
the same moment met so. These are therefore chosen below the range that Linux chooses from (32768 and up, RFC 6056
section 2.1 on such ranges), and every process goes its own way through them: none is named twice before all were.
"""

import os
import socket
from collections.abc import Iterator
from itertools import count as counting
from itertools import islice

HOST = "127.0.0.1"
LOWEST, PORTS = 20_000, 12_000
"""The first of the ports that are chosen from, and how many there are."""

_STRIDE = 211
"""So far apart begin two processes whose numbers follow one another; it shares no factor with PORTS."""


class PortError(Exception):
    """A port cannot be had; the message says which and what to do."""


def way_of(process: int) -> Iterator[int]:
    """The ports in the order in which the process of this number asks for them, over and over."""
    return (LOWEST + (process * _STRIDE + step) % PORTS for step in counting())


_ways: dict[int, Iterator[int]] = {}
"""How far this process has come, by its number: a child that was forked goes its own way."""


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _steps() -> Iterator[int]:
    """The next ports of this process's way, once round at most."""
    way = _ways.setdefault(os.getpid(), way_of(os.getpid()))
    return (next(way) for _ in range(PORTS))


def free_ports(count: int, first: int | None = None) -> list[int]:
    """Ports nobody listens on: any, or `count` in a row from `first`. Raises PortError."""
    if first is not None:
        for port in range(first, first + count):
            if not _free(port):
                raise PortError(f"Port {port} is taken; choose another first port with --port.")
        return list(range(first, first + count))
    found = list(islice(filter(_free, _steps()), count))
    if len(found) < count:
        raise PortError(f"{count} ports are not free from {LOWEST} on; end other programs and try again.")
    return found


def row_of_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on. Raises PortError."""
    row: list[int] = []
    for port in filter(_free, _steps()):
        row = [*row, port] if row and port == row[-1] + 1 else [port]
        if len(row) == count:
            return row[0]
    raise PortError(f"No {count} ports in a row are free from {LOWEST} on; end other programs and try again.")
