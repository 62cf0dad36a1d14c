"""The wires between the nodes of a test, which can be cut, slowed and made lossy.

`links(count)` gives namespaces of their own, joined by an IP switch in this process that drops and delays real
packets; where the machine does not allow that (not root, no /dev/net/tun), a proxy between each pair of nodes, which
holds back what it should lose, as TCP would send it again.
"""

import asyncio
import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from medrec.demo.ports import free_ports
from medrec.engines.cometbft_files import read_engine_settings, write_engine_settings

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
HOST = 254
RESENT_S = 0.25
SEED = 7


class Weather:
    """What the wires do now: groups that reach one another, a delay range in seconds, a share that is lost."""

    def __init__(self) -> None:
        self.groups: list[set[int]] = []
        self.delay = (0.0, 0.0)
        self.loss = 0.0
        self.dropped = 0
        self._chance = random.Random(SEED)
        self._delays: dict[tuple[int, int], float] = {}

    def cut(self, *groups: Sequence[int]) -> None:
        """Only nodes of one group reach one another; no groups: everybody reaches everybody."""
        self.groups = [set(group) for group in groups]

    def set_delay(self, least: float, most: float) -> None:
        """Every wire has a delay of its own between two bounds."""
        self.delay, self._delays = (least, most), {}

    def carries(self, one: int, other: int) -> bool:
        """Whether a wire is whole."""
        return not self.groups or any(one in group and other in group for group in self.groups)

    def lost(self) -> bool:
        """Whether this packet is lost."""
        gone = self.loss > 0 and self._chance.random() < self.loss
        self.dropped += gone
        return gone

    def wait(self, one: int, other: int) -> float:
        """How long a packet is under way."""
        pair = (min(one, other), max(one, other))
        if pair not in self._delays:
            self._delays[pair] = self._chance.uniform(*self.delay)
        return self._delays[pair]


class Namespaces:
    """A namespace a node with the address .1, .2, ...; this process is .254 and reaches all of them, always."""

    def __init__(self, count: int) -> None:
        self.weather = Weather()
        mine = os.getpid()
        self._net = f"10.{200 + mine % 50}.{mine // 50 % 250}"
        self._names = [f"mr{mine}n{number}" for number in range(1, count + 1)]
        self._fds: dict[int, int] = {}
        self._stop = os.pipe()
        try:
            for number, name in enumerate(self._names, 1):
                _ip("netns", "add", name)
                self._fds[number] = _tun(f"mr{mine % 100000}t{number}")
                _ip("link", "set", f"mr{mine % 100000}t{number}", "netns", name)
                inside = ("-n", name)
                _ip(*inside, "addr", "add", f"{self._net}.{number}/24", "dev", f"mr{mine % 100000}t{number}")
                _ip(*inside, "link", "set", f"mr{mine % 100000}t{number}", "up")
                _ip(*inside, "link", "set", "lo", "up")
            self._fds[HOST] = _tun(f"mr{mine % 100000}h")
            _ip("addr", "add", f"{self._net}.{HOST}/24", "dev", f"mr{mine % 100000}h")
            _ip("link", "set", f"mr{mine % 100000}h", "up")
        except BaseException:
            self._remove()
            raise
        self._thread = threading.Thread(target=self._switch, daemon=True)
        self._thread.start()

    @property
    def hosts(self) -> list[str]:
        """The addresses of the nodes."""
        return [f"{self._net}.{number}" for number in range(1, len(self._names) + 1)]

    def program(self, number: int, program: Path, folder: Path) -> Path:
        """The engine's program as node `number` runs it: inside its namespace."""
        script = folder / f"cometbft-{number}"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self._names[number]} {program} "$@"\n')
        script.chmod(0o755)
        return script

    def wire(self, folders: Sequence[Path]) -> None:
        """Nothing to do: the engines know one another by their addresses."""

    def _switch(self) -> None:
        numbers = {fd: number for number, fd in self._fds.items()}
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        poll = select.poll()
        for fd in [*numbers, self._stop[0]]:
            poll.register(fd, select.POLLIN)
        while True:
            left = max(0.0, waiting[0][0] - time.monotonic()) * 1000 if waiting else 1000
            for fd, _ in poll.poll(left):
                if fd == self._stop[0]:
                    return
                for packet in _packets(fd):
                    there = packet[19] if packet[0] >> 4 == 4 else 0
                    here = numbers[fd]
                    if there not in self._fds:
                        continue
                    if HOST in (here, there):
                        _send(self._fds[there], packet)
                    elif self.weather.carries(here - 1, there - 1) and not self.weather.lost():
                        count += 1
                        at = time.monotonic() + self.weather.wait(here, there)
                        heapq.heappush(waiting, (at, count, self._fds[there], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, fd, packet = heapq.heappop(waiting)
                _send(fd, packet)

    def close(self) -> None:
        """Take the wires down."""
        os.write(self._stop[1], b".")
        self._thread.join(10)
        self._remove()

    def _remove(self) -> None:
        for fd in [*self._fds.values(), *self._stop]:
            os.close(fd)
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _tun(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def _packets(fd: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # nothing more to read
        for _ in range(64):
            yield os.read(fd, 65535)


def _send(fd: int, packet: bytes) -> None:
    with contextlib.suppress(OSError):  # a full queue loses a packet, as a switch does
        os.write(fd, packet)


class Proxies:
    """A proxy for each pair of nodes, all on 127.0.0.1. What is lost arrives later, as if it had been sent again."""

    hosts = None

    def __init__(self, count: int) -> None:
        self.weather = Weather()
        self._count = count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def program(self, number: int, program: Path, folder: Path) -> Path:
        """The engine's program."""
        return program

    def wire(self, folders: Sequence[Path]) -> None:
        """Put the proxies into the engines' files."""
        real = [read_engine_settings(folder).listen for folder in folders]
        for here, folder in enumerate(folders):
            settings = read_engine_settings(folder)
            peers = []
            for peer in settings.peers:
                identity, address = peer.split("@")
                there = real.index(address)
                (port,) = free_ports(1)
                future = asyncio.run_coroutine_threadsafe(self._serve(here, there, address, port), self._loop)
                future.result(10)
                peers.append(f"{identity}@127.0.0.1:{port}")
            write_engine_settings(folder, msgspec.structs.replace(settings, peers=peers))

    async def _serve(self, here: int, there: int, address: str, port: int) -> None:
        host, _, number = address.rpartition(":")

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._open(here, there)
                far_reader, far_writer = await asyncio.open_connection(host, int(number))
                await asyncio.gather(
                    self._carry(here, there, reader, far_writer), self._carry(there, here, far_reader, writer)
                )
            except OSError:
                writer.close()

        await asyncio.start_server(connected, "127.0.0.1", port)

    async def _open(self, here: int, there: int) -> None:
        while not self.weather.carries(here, there):
            await asyncio.sleep(0.05)

    async def _carry(self, here: int, there: int, reader: Any, writer: Any) -> None:
        try:
            while data := await reader.read(16 << 10):
                await asyncio.sleep(self.weather.wait(here, there))
                while self.weather.lost():
                    await asyncio.sleep(RESENT_S)
                await self._open(here, there)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def close(self) -> None:
        """Take the wires down."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def links(count: int, kind: str = "") -> Iterator[Namespaces | Proxies]:
    """Wires for so many nodes; `kind` forces one of the two."""
    wires: Namespaces | Proxies
    if kind == "proxy":
        wires = Proxies(count)
    else:
        try:
            wires = Namespaces(count)
        except (OSError, subprocess.CalledProcessError):
            wires = Proxies(count)
    try:
        yield wires
    finally:
        wires.close()
