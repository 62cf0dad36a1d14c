"""Who can look: every permission in a sentence, those in force first, each with its way to be stopped."""

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.consent import access, plain
from medrec.core.consent.closing import takes_from
from medrec.core.consent.plain import Plain
from medrec.node.account import aftermath
from medrec.portal import person
from medrec.portal.own import disputed
from medrec.portal.own.account_act import says_herself
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 20


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/sharing.html; the form field `keep` names what she says is hers."""
    who = whose(node, visit)
    every = person.consents(node, visit, who.known, who.account)
    if visit.form:
        return _keep(node, visit, who, every)
    consents, pages = paged(visit, every, LINES)
    before, stops = _before(node, visit, who, every), _stopped(node, visit, who)
    return {
        "handle": who.handle,
        "person": who.name,
        "late": [consent for consent in consents if consent["state"] == "late"],
        "active": [
            {**consent, "before": before.get(consent["mark"], []), "stopped": stops.get(consent["mark"])}
            for consent in consents
            if consent["state"] == "active"
        ],
        "over": [consent for consent in consents if consent["state"] not in ("late", "active")],
        "pager": pages,
    }


def _stopped(node: "Node", visit: Visit, who: Whose) -> dict[str, disputed.Stopped]:
    """The mark (hex) of each yes -> what a dispute of hers stops of it."""
    stops, found = disputed.stops(node, visit, who.account), dict[str, disputed.Stopped]()
    for one in person.standing(node, who.account) if stops else ():
        statement = one.notice.manifest
        if person.in_words(visit, who.known, statement)[1] == "permit":
            houses = {party.organisation for party in person.opened_to(statement, who.known)[0]}
            said = disputed.said(node, visit, who, stops, houses)
            if said is not None:
                found[statement.nullifier] = said
    return found


def _before(node: "Node", visit: Visit, who: Whose, consents: list[dict[str, Any]]) -> dict[str, list[Markup]]:
    """The mark (hex) of each yes -> the sentences of all else at its place that takes something of it."""
    active = [consent for consent in consents if consent["state"] == "active"]
    said = {consent["mark"]: consent["sentence"] for consent in active}
    yeses = {consent["mark"] for consent in active if consent["effect"] == "permit"}
    stands = [
        one.notice.manifest for one in person.standing(node, who.account) if one.notice.manifest.nullifier in said
    ]
    noes = [(statement, no) for statement in stands for no in [_no_of(statement)] if no is not None]
    return {
        yes.nullifier: [
            said[other.nullifier]
            for other, no in noes
            if other.nullifier != yes.nullifier
            and other.organisation == yes.organisation
            and takes_from(no, person.as_plain(yes))
        ]
        for yes in stands
        if yes.nullifier in yeses
    }


def _no_of(statement: Any) -> Plain | None:
    """What a consent takes from others: it is a no, or a yes that leaves something out. None for nothing. What cannot
    be said in plain words is taken for a no to everybody and everything, if it denies anything."""
    if hasattr(statement, "grant"):
        denied = statement.grant.effect == "deny"
        return Plain("withhold", *person.opened_to(statement, {})) if denied else None
    try:
        return plain.read(statement.consent.encode())
    except plain.NotPlain:
        return Plain("withhold") if access.denies(statement) else None


def _keep(node: "Node", visit: Visit, who: Whose, consents: list[dict[str, Any]]) -> Go:
    """She says of a permission that it is hers, though its key was gone when it came: the form field `keep`."""
    says_herself(visit)
    asked = {consent["keep"] for consent in consents if consent["state"] == "late"} - {""}
    if visit.form.get("keep", "") not in asked:
        raise PageError(404, "not-found")
    aftermath.keep(node, who.account, visit.form["keep"])
    return Go(visit.link("sharing", person=who.handle), "kept")
