"""What an act is worked out from: the permissions and prohibitions that are in force. Where they have changed since, it
is not signed.

A page reads what she has said, works out what has to be signed for her new answer, and waits for her key. In the
meantime she, a helper or a place may say something else. So each act that gives or ends a consent carries what was in
force at its places when it began, and is held against that before anything of it is done (acts.py). An act that makes a
link is worked out from what she said at all places.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from markupsafe import Markup

from medrec.core.consent import plain
from medrec.node.keeping import store
from medrec.portal import person, policies, render, untold, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node
    from medrec.portal.own.acts import Act

CONSENT, REVOCATION, LINK = "medrec/consent/2", "medrec/revocation/1", "medrec/link/1"


class Ground(NamedTuple):
    """What an act was worked out from: the marks (hex) of what was in force at these places (None: at all)."""

    places: tuple[str, ...] | None
    marks: tuple[str, ...]


def in_force(node: "Node", account: str) -> dict[str, Any]:
    """Every consent of a person that is in force now, by its mark (hex): as places told of it, or as signed here."""
    signed, over = untold.said(node, account)
    told = person.standing(node, account)
    known = {one.notice.manifest.nullifier for one in told}
    stands = [one.notice.manifest for one in told if not one.over and not one.gone]
    every = [*stands, *(one for one in signed if one.nullifier not in known)]
    now = node.clock()
    return {one.nullifier: one for one in every if one.nullifier not in over and _goes_on(one, now)}


def _goes_on(statement: Any, now: int) -> bool:
    if hasattr(statement, "grant"):
        return statement.grant.until is None or statement.grant.until > now
    try:
        return plain.goes_on(plain.read(statement.consent.encode()), now)
    except plain.NotPlain:
        return True


def has_ground(node: "Node", act: "Act") -> bool:
    """Whether an act gives or ends a consent of somebody who is served here."""
    return node.agent is not None and any(part.tag in (CONSENT, REVOCATION) for part in act.parts)


def ground_of(node: "Node", act: "Act") -> Ground | None:
    """What an act is worked out from as of now; None for one that has none."""
    if not has_ground(node, act):
        return None
    stands = in_force(node, act.account)
    places = None if any(part.tag == LINK for part in act.parts) else _places(act, stands)
    return Ground(places, _marks(stands, places))


def _marks(stands: dict[str, Any], places: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(sorted(mark for mark, one in stands.items() if places is None or one.organisation in places))


def _places(act: "Act", stands: dict[str, Any]) -> tuple[str, ...]:
    found = set()
    for part in act.parts:
        if part.tag == CONSENT:
            found.add(json.loads(part.statement).get("organisation", ""))
        elif part.tag == REVOCATION and part.statement.hex() in stands:
            found.add(stands[part.statement.hex()].organisation)
    return tuple(sorted(found))


def changed(node: "Node", act: "Act") -> tuple[list[Any], ...] | None:
    """What came and what went since an act was worked out (consents); None where nothing did that concerns it.

    What the act itself gives is no change: a place may have taken it, and its answer may have been lost.
    """
    if act.ground is None:
        return None
    stands = in_force(node, act.account)
    own = {json.loads(part.statement).get("nullifier") for part in act.parts if part.tag == CONSENT}
    before = {mark for mark in act.ground.marks if mark not in own}
    now = {mark for mark in _marks(stands, act.ground.places) if mark not in own}
    if now == before:
        return None
    every = {one.notice.manifest.nullifier: one.notice.manifest for one in person.standing(node, act.account)}
    every |= {one.nullifier: one for one in untold.said(node, act.account)[0]} | stands
    return tuple([every[mark] for mark in sorted(marks) if mark in every] for marks in (now - before, before - now))


def said_since(node: "Node", account: str, time: int) -> bool:
    """Whether anything was given or ended after a time (ms): what a page that began then has read is old."""
    column = store.notice.c
    later = (column.account == account) & column.kind.in_(person.CONSENTS) & (column.received > time)
    with node.store.read() as connection:
        told = connection.execute(sql.select(column.tag).where(later).limit(1)).first()
    return told is not None or untold.since(node, account, time)


def told(node: "Node", visit: Visit, changes: tuple[list[Any], ...]) -> list[Markup]:
    """The same in sentences."""
    known = policies.called(node)
    return [
        render.say(words.GROUND[name], sentence=person.in_words(visit, known, statement)[0])
        for name, statements in zip(("came", "went"), changes, strict=True)
        for statement in statements
    ]
