"""Yes or no by purpose: permissions and prohibitions in plain sentences."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.consent import plain, terms
from medrec.core.consent.plain import Plain
from medrec.node.looks.disputing import organisations
from medrec.portal import person, policies, render, words
from medrec.portal.own.acts import Act, begun, signer
from medrec.portal.own.allow import propose, taking_back
from medrec.portal.own.hidden import always, can_end
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.person import Given

if TYPE_CHECKING:
    from medrec.node.node import Node

PURPOSES = ("care", "family", "research", "public-health", "everything")
ICONS = {"care": "tick", "family": "people", "research": "chart", "public-health": "seal", "everything": "globe"}
ANSWERS = ("yes", "no", "open")


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/choices.html; the form fields `purpose` and `answer` (yes, no, open) answer for one."""
    who = whose(node, visit)
    given = person.plain_consents(node, who.account, visit.now)
    places = organisations(node, who.account)
    if visit.form:
        return _answer(node, visit, who, given, places)
    rows = []
    for purpose in PURPOSES:
        yes, no = (standing(given, purpose, answer) for answer in ("yes", "no"))
        # A no goes before every yes.
        stands = no or yes
        where = {one.place for one in stands}
        before = [] if no else noes_before(given, yes)
        rows.append(
            {
                "name": purpose,
                "icon": ICONS[purpose],
                "title": words.CHOICES[purpose],
                "answer": "no" if no else "yes" if yes else "open",
                "where": render.listed([who.place(name) for name in places if name in where])
                if stands and not where.issuperset(places)
                else None,
                "before": [
                    sentence
                    for one in before
                    for sentence in policies.sentences(plain.write(one, who.account, visit.now), who.known)
                ]
                + ([] if no else grants_before(node, visit, who, where)),
                # A no that was said in other words: the card of this answer would promise more.
                "always": any(always(one.says) for one in no),
                "means": [(answer, words.CHOICES[f"{purpose}_{answer}"]) for answer in ANSWERS],
            }
        )
    return {"handle": who.handle, "rows": rows, "linked": bool(places)}


def _sentence(purpose: str, answer: str) -> Plain:
    """What a yes or a no to a purpose says. A no to everything, or to care, leaves emergencies to what she says of
    them."""
    if purpose == "everything":
        return plain.EVERYTHING if answer == "yes" else Plain("withhold", emergencies=True)
    if answer == "yes":
        return Plain("share", purposes=[] if purpose == "care" else [purpose])
    return Plain("withhold", purposes=[purpose], emergencies=purpose == "care")


def standing(given: Sequence[Given], purpose: str, answer: str) -> list[Given]:
    """Her general sentences that say this: they name nobody, no kind, no topic, no time of records."""
    wanted = _sentence(purpose, answer)
    return [
        one
        for one in given
        if one.says.effect == wanted.effect
        and one.says.purposes == wanted.purposes
        and not (one.says.to or one.says.kinds or one.says.about or one.says.since or one.says.before)
    ]


def noes_before(given: Sequence[Given], yes: Sequence[Given]) -> list[Plain]:
    """Her noes under other headings that go before a yes where it stands: to everybody, of all kinds and topics, for a
    purpose of it. Emergencies are answered for on the page of what is hidden."""
    found: list[Plain] = []
    for no in given:
        says = no.says
        if says.effect != "withhold" or says.to or says.kinds or says.about or says.since or says.before:
            continue
        met = any(no.place == one.place and _meet(says, one.says) for one in yes)
        if met and says not in found:
            found.append(says)
    return found


def grants_before(node: "Node", visit: Visit, who: Whose, where: Collection[str]) -> list[Markup]:
    """Her noes of the simple form, to everybody and of everything, that go before a yes at one of these places."""
    said = [one.notice.manifest for one in person.standing(node, who.account)]
    grants = [one for one in said if hasattr(one, "grant") and one.organisation in where]
    marks = {
        one.nullifier
        for one in grants
        if one.grant.effect == "deny" and "*" in one.grant.recipients and not one.grant.types
    }
    shown = person.consents(node, visit, who.known, who.account) if marks else []
    return [one["sentence"] for one in shown if one["mark"] in marks and one["state"] == "active"]


def _meet(no: Plain, yes: Plain) -> bool:
    """Whether a no is about a purpose that a yes opens."""
    denied = [code for purpose in no.purposes for code in plain.PURPOSES[purpose]]
    opened = [code for purpose in yes.purposes for code in plain.PURPOSES[purpose]]
    asked = terms.covered(opened) if opened else terms.CARE
    return not denied or not terms.met(denied).isdisjoint(asked)


def _answer(node: "Node", visit: Visit, who: Whose, given: Sequence[Given], places: Sequence[str]) -> Go:
    """Begin the act of answering: what says otherwise is taken back with the same act."""
    purpose, answer = visit.form.get("purpose", ""), visit.form.get("answer", "")
    if purpose not in PURPOSES or answer not in ANSWERS:
        raise PageError(400, "policy-unfit")
    yes, no = (standing(given, purpose, said) for said in ("yes", "no"))
    if answer != "open":
        # A no goes before every yes, so one that cannot be taken back here is no ground to refuse it.
        ends = can_end(node, visit, who)
        instead = no if answer == "yes" else [one for one in yes if one.mark in ends]
        return propose(node, visit, who, _sentence(purpose, answer), places, "choices", instead=instead)
    if not yes + no:
        raise PageError(404, "unknown-line")
    signs = signer(node, visit, who)
    said = [Markup("{}").format(words.SIGN["take_back"])]
    said += dict.fromkeys(
        sentence
        for one in yes + no
        for sentence in policies.sentences(plain.write(one.says, who.account, visit.now), who.known)
    )
    parts = tuple(taking_back(node, who, signs, yes + no))
    act = Act(who.account, said, [], parts, signs.key, "choices", "taken_back_answer")
    return begun(node, visit, who, act)
