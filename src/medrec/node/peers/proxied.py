"""Whose visit it is, where people come through a reverse proxy.

Limits go by the visitor's address. Behind a proxy the peer is the proxy for everybody, and one visitor would use up
what all have; so a proxy that the settings name is believed about who came to it, and nobody else is.
"""

import ipaddress
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

FORWARDED = b"x-forwarded-for"
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def visitor(peer: str, forwarded: Sequence[str], proxies: frozenset[str]) -> str:
    """The visitor's address: the last in X-Forwarded-For that is no proxy of ours. What stands before it anybody may
    have written. What is no address leaves it at the peer."""
    if _address(peer) not in proxies:
        return peer
    found = peer
    for text in reversed([part.strip() for line in forwarded for part in line.split(",")]):
        address = _address(text)
        if not address:
            break
        found = address
        if address not in proxies:
            break
    return found


def limited(address: str) -> str:
    """The name that limits go by: of IPv6 the first 64 bits, which one connection at home has for itself, and of an
    IPv4 address that is written as IPv6 the IPv4 address. What is no address stays as it is."""
    try:
        found = _plain(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return f"{ipaddress.IPv6Address(int(found) >> 64 << 64)}/64"


def site_of(name: str) -> str:
    """Of a name that limits go by, the site it belongs to: of IPv6 the first 48 bits, which is the most that one
    customer has. Who has so much is 65,536 names."""
    try:
        found = ipaddress.ip_network(name)
    except ValueError:
        return name
    return str(found.supernet(new_prefix=48)) if found.version == 6 and found.prefixlen > 48 else str(found)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address; one of IPv4 that is written as IPv6 is IPv4: as a socket of both kinds has it (::ffff:127.0.0.1), or
    as it comes through NAT64 (64:ff9b::/96, RFC 6052)."""
    found = ipaddress.ip_address(text)
    if not isinstance(found, ipaddress.IPv6Address):
        return found
    return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in NAT64 else found.ipv4_mapped or found


def _address(text: str) -> str:
    """An address in its one form, without a port; "" for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(_plain(text))
    except ValueError:
        return ""


class Proxied:
    """An application whose visitors' addresses are those that our proxies name."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        """`proxies` are IP addresses. Raises ValueError for what is none."""
        self._app = app
        self._proxies = frozenset(str(_plain(proxy)) for proxy in proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the visitor in place of the proxy."""
        if scope["type"] == "http" and scope.get("client"):
            peer, port = scope["client"]
            lines = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == FORWARDED]
            scope = {**scope, "client": (visitor(peer, lines, self._proxies), port)}
        await self._app(scope, receive, send)
