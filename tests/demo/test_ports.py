"""Ports of this machine: free when named, below those that the system hands out, and named once."""

import socket
from itertools import islice
from pathlib import Path

import pytest

from medrec.demo.ports import HOST, LOWEST, PORTS, PortError, free_ports, row_of_ports, way_of

OF_THE_SYSTEM = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_named_twice_and_none_is_one_that_the_system_hands_out() -> None:
    found = [*free_ports(20), *free_ports(20), row_of_ports(1)]
    assert len(set(found)) == len(found) and all(LOWEST <= port < LOWEST + PORTS for port in found)
    if OF_THE_SYSTEM.exists():
        assert max(found) < int(OF_THE_SYSTEM.read_text().split()[0])


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    (first,) = free_ports(1)
    with socket.socket() as taken:
        taken.bind((HOST, first + 1))
        taken.listen()
        with pytest.raises(PortError, match=f"Port {first + 1} is taken"):
            free_ports(2, first)
        assert first + 1 not in free_ports(3)
        row = row_of_ports(3)
        assert first + 1 not in range(row, row + 3)


def test_processes_whose_numbers_follow_one_another_go_ways_of_their_own() -> None:
    ways = [set(islice(way_of(process), 200)) for process in range(5000, 5040)]
    assert len(set().union(*ways)) == 40 * 200
    assert set(islice(way_of(5000), PORTS)) == set(range(LOWEST, LOWEST + PORTS))
