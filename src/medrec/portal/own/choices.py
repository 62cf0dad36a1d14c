"""Yes or no by purpose, and what is hidden: both are permissions and prohibitions in plain sentences."""

from typing import TYPE_CHECKING, Any

from medrec.core.consent import plain
from medrec.core.consent.plain import Plain
from medrec.node.disputing import organisations
from medrec.portal import person, words
from medrec.portal.own.allow import propose
from medrec.portal.own.whose import whose
from medrec.portal.page import PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

PURPOSES = ("care", "family", "research", "public-health")
ICONS = {"care": "tick", "family": "people", "research": "chart", "public-health": "seal", "everything": "globe"}


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/choices.html; the form field `purpose` says yes to one."""
    who = whose(node, visit)
    given = person.plain_consents(node, who.account, visit.now)
    places = organisations(node, who.account)
    if visit.form:
        purpose = visit.form.get("purpose", "")
        if purpose == "everything":
            return propose(node, visit, who, plain.EVERYTHING, places, "choices")
        if purpose not in PURPOSES:
            raise PageError(400, "policy-unfit")
        chosen = [] if purpose == "care" else [purpose]
        return propose(node, visit, who, Plain("share", purposes=chosen), places, "choices")
    general = [one for one in given if one.effect == "share" and not one.to and not one.kinds and not one.about]
    rows = []
    for purpose in (*PURPOSES, "everything"):
        wanted = ["any"] if purpose == "everything" else [] if purpose == "care" else [purpose]
        rows.append(
            {
                "name": purpose,
                "icon": ICONS[purpose],
                "title": words.CHOICES[purpose],
                "more": words.CHOICES[purpose + "_more"],
                "given": any(one.purposes == wanted for one in general),
            }
        )
    return {"handle": who.handle, "rows": rows}


def show_hidden(node: "Node", visit: Visit) -> Any:
    """The values of own/hidden.html; the form field `topic` hides one, `emergency` says what holds then."""
    who = whose(node, visit)
    places = organisations(node, who.account)
    topic, emergency = visit.form.get("topic", ""), visit.form.get("emergency", "")
    if topic in plain.TOPICS:
        return propose(node, visit, who, Plain("withhold", about=[topic]), places, "hidden")
    if emergency in ("yes", "no"):
        effect: Any = f"emergency-{emergency}"
        return propose(node, visit, who, Plain(effect), places, "hidden")
    if visit.form:
        raise PageError(400, "policy-unfit")
    given = person.plain_consents(node, who.account, visit.now)
    hidden = {topic for one in given if one.effect == "withhold" and not one.to for topic in one.about}
    consents = person.consents(node, visit, who.known, who.account)
    return {
        "handle": who.handle,
        "hidden": [one for one in consents if one["state"] == "active" and one["effect"] == "deny"],
        "topics": [(topic, words.POLICY_TOPICS[topic]) for topic in plain.TOPICS if topic not in hidden],
    }
