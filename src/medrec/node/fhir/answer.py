"""What goes back over HTTP from the FHIR API, and what every answer of it says in its fields."""

import base64
from typing import TYPE_CHECKING, NamedTuple

from medrec.core.consent.times import civil_from_days
from medrec.node.fhir import bundle
from medrec.node.peers.directory import FHIR
from medrec.node.release import access, parts
from medrec.node.release.access import Ask
from medrec.node.release.gate import Released

if TYPE_CHECKING:
    from medrec.node.node import Node

LINE = "medrec-disclosure"
"""The header field with the source's half of the disclosure: base64url of CBOR of a SentLine."""


class Answer(NamedTuple):
    """What goes back over HTTP."""

    status: int
    body: bytes
    fields: dict[str, str]


def header_fields(node: "Node", ask: Ask, released: Released | None = None) -> dict[str, str]:
    """The fields of an answer: what it is, whose request it answers, and the source's half of a disclosure."""
    fields = {"content-type": bundle.JSON, "x-request-id": ask.request.id, "cache-control": "no-store"}
    if released is not None:
        fields[LINE] = base64.urlsafe_b64encode(access.encode(parts.half_of(released))).decode()
    return fields


def base_url(node: "Node") -> str:
    """The address of a node's FHIR API."""
    found = node.directory.find(node.organisation)
    return (found.endpoint.rstrip("/") if found is not None else "") + FHIR


def instant(time: int) -> str:
    """A FHIR instant in UTC, to the millisecond."""
    days, rest = divmod(time, 86_400_000)
    year, month, day = civil_from_days(days)
    seconds, milliseconds = divmod(rest, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
    return f"{year:04}-{month:02}-{day:02}T{clock}Z"
