"""At the desk: who stands there is held against the record that is meant before a code is given.

The clerk types what the person's papers say. Only where that contradicts nothing of the local patient, and says enough
to be sure, is there a code; the person's agent presents it, signed, and is held against the same record once more.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core.matching import Demographics, Field, contradictions, doubts, is_told
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.account import devices
from medrec.node.keeping import charted, store
from medrec.node.right_person import desk_hands, said_to_be_one
from medrec.node.right_person.contradicting import WHOLE, closed, merged_into
from medrec.node.right_person.link import LinkError, link_payload, link_words

if TYPE_CHECKING:
    from medrec.node.node import Node


class ContradictedError(LinkError):
    """What the papers say is of somebody else than the record; `fields` by which."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        super().__init__("another-person", "The papers are not of the patient with this number.")
        self.fields = fields


class DoubtfulError(LinkError):
    """What the papers say is not what the record says, and may be of the same person all the same; `fields` by which.
    Whoever has the papers in hand is asked."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        super().__init__("not-the-same", "The papers and the record do not say the same of who this is.")
        self.fields = fields


class DeskCode(NamedTuple):
    """A code for the person at the desk: `address` is what her phone's camera reads, where she said who serves her;
    `payload` the same without an address; `words` what she can type."""

    payload: str
    words: str
    address: str


def give_code(
    node: "Node",
    patient: str,
    shown: Demographics,
    agent: str = "",
    by: str = "",
    member: str = "",
    looked: Collection[str] = (),
) -> DeskCode:
    """A code for a local patient whose papers were `shown`, to be scanned on the pages of `agent`. Raises LinkError.

    `by` is who looked at the papers, and `member` her id: her name stands in the journal before anybody has the code.

    The code stands behind the # of the address, which a browser sends to nobody.

    `looked`: the fields of which she was told that they are not the same, and says that the papers are of this patient.

    another-person (ContradictedError), not-the-same (DoubtfulError), papers-missing, unknown-patient, chart-replaced,
    chart-inactive, nothing-to-compare, already-linked.
    """
    if not (shown.birth and shown.family and shown.given):
        raise LinkError("papers-missing", "The date of birth, the family name and the given name are all needed.")
    local = node.linker.patient(patient)
    if local is None:
        raise LinkError("unknown-patient", "There is no patient with this number here.")
    shut, whose = _closed(node, patient)
    if shut and whose is None:
        raise LinkError(f"chart-{shut[0]}", "This is not the record of the patient that is in use.")
    against = contradictions(local, shown)
    if against:
        raise ContradictedError(against)
    if not is_told(local, shown):
        raise LinkError("nothing-to-compare", "The record says too little of who this is.")
    unlike = doubts(local, shown)
    if not {*unlike} <= {*looked}:
        raise DoubtfulError(unlike)
    with node.store.read() as connection:
        chosen = sql.select(store.person.c.account).where(charted.under(patient))
        if connection.execute(chosen).scalar() is not None:
            raise LinkError("already-linked", "This patient is already linked to an account.")
    # What was merged into the chart of somebody who is linked is hers, or is nobody's to link.
    code = node.linker.invite(patient, at_desk=True, whose=whose)
    if by:
        desk_hands.gave(node, code, patient, by, member)
    payload = link_payload(node.network, node.organisation, code)
    return DeskCode(payload, link_words(node.network, node.organisation, code), scan_address(node, agent, payload))


def _closed(node: "Node", patient: str) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    """Why a local patient's record is not the one that is in use, as its source has it now; and if it was merged into
    the chart of somebody who is linked here, her account and her agent."""
    raw = node.source.read(WHOLE, patient)
    with suppress(RecordError):
        value = canonical(raw).value if raw is not None else {}
        into = merged_into(value)
        with node.store.read() as connection:
            # Of two charts that somebody found to be two people's the one is not the other's.
            of_one = [one for one in into if not said_to_be_one.apart(connection, patient, one)]
            found = [charted.account_of(connection, one) for one in of_one]
        one = found[0] if found and len({*found}) == 1 else None
        return closed(value), one
    return (), None


def scan_address(node: "Node", agent: str, payload: str) -> str:
    """Where a camera leads with what stands in a code: the pages of an agent; the code alone for one without pages."""
    try:
        return f"{devices.pages_of(node, agent)}/scan#{payload}" if agent else payload
    except LookupError:
        return payload
