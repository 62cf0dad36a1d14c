"""Who can look: every permission in a sentence, those in force first, each with its way to be stopped."""

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.consent.closing import takes_from
from medrec.node.account import aftermath
from medrec.portal import person
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
    before = _before(node, visit, who, every)
    return {
        "handle": who.handle,
        "person": who.name,
        "late": [consent for consent in consents if consent["state"] == "late"],
        "active": [
            {**consent, "before": before.get(consent["mark"], [])}
            for consent in consents
            if consent["state"] == "active"
        ],
        "over": [consent for consent in consents if consent["state"] not in ("late", "active")],
        "pager": pages,
    }


def _before(node: "Node", visit: Visit, who: Whose, consents: list[dict[str, Any]]) -> dict[str, list[Markup]]:
    """The mark (hex) of each yes -> the sentences of the noes at its place that take something of it."""
    said = {consent["mark"]: consent["sentence"] for consent in consents if consent["state"] == "active"}
    noes = [one for one in person.plain_consents(node, who.account, visit.now) if one.mark in said]
    found: dict[str, list[Markup]] = {}
    for one in person.standing(node, who.account):
        yes = one.notice.manifest
        if yes.nullifier in said:
            sentence = person.as_plain(yes)
            found[yes.nullifier] = [
                said[no.mark] for no in noes if no.place == yes.organisation and takes_from(no.says, sentence)
            ]
    return found


def _keep(node: "Node", visit: Visit, who: Whose, consents: list[dict[str, Any]]) -> Go:
    """She says of a permission that it is hers, though its key was gone when it came: the form field `keep`."""
    says_herself(visit)
    asked = {consent["keep"] for consent in consents if consent["state"] == "late"} - {""}
    if visit.form.get("keep", "") not in asked:
        raise PageError(404, "not-found")
    aftermath.keep(node, who.account, visit.form["keep"])
    return Go(visit.link("sharing", person=who.handle), "kept")
