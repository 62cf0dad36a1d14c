"""What she keeps to herself, and what holds in an emergency: each answer takes the place of the one before it."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core.consent import access, emergency, plain, terms
from medrec.core.consent.decide import decide
from medrec.core.consent.plain import Plain
from medrec.node.consent import own_consents
from medrec.node.looks.disputing import organisations
from medrec.portal import person, render, words
from medrec.portal.own.acts import signer
from medrec.portal.own.allow import Word, propose_all
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import PageError, Visit
from medrec.portal.person import Given

if TYPE_CHECKING:
    from medrec.node.node import Node

ANSWERS = ("yes", "no")


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/hidden.html; the form field `topic` hides one, `emergency` (yes, no) says what holds then."""
    who = whose(node, visit)
    places = organisations(node, who.account)
    given = person.plain_consents(node, who.account, visit.now)
    topic, answer = visit.form.get("topic", ""), visit.form.get("emergency", "")
    kept = frozenset(mark.hex() for mark in own_consents.known(node, who.account))
    if topic in plain.TOPICS:
        ends = can_end(node, visit, who)
        return propose_all(node, visit, who, hiding(topic, given, places, kept, ends), "hidden")
    if answer in ANSWERS:
        ends = can_end(node, visit, who)
        # A no goes before every yes, and two yeses say the same: none that cannot be taken back here is in the way.
        mine = [one for one in given if one.mark in ends or (answer == "yes" and one.says.effect != "emergency-yes")]
        return propose_all(node, visit, who, in_emergencies(answer, mine, places), "hidden")
    if visit.form:
        raise PageError(400, "policy-unfit")
    says = {one.mark: one.says for one in given}
    consents = person.consents(node, visit, who.known, who.account)
    opened = [place for place in places if _opens(node, who.account, place, visit.now)]
    named = {
        "emergency_now": [place for place in places if place in opened],
        "emergency_shut": [place for place in places if place not in opened],
    }
    return {
        "handle": who.handle,
        "hidden": [
            {**one, "always": one["mark"] in says and always(says[one["mark"]])}
            for one in consents
            if one["state"] == "active" and one["effect"] == "deny"
        ],
        "topics": [
            (topic, _button(who, topic, where, places))
            for topic in plain.TOPICS
            for where in [_not_hidden_at(topic, given, places, kept)]
            if where or not places
        ],
        "emergency": [
            render.say(words.HIDDEN[text], places=render.listed([who.place(place) for place in where]))
            for text, where in named.items()
            if where
        ],
    }


def _button(who: Whose, topic: str, where: Sequence[str], places: Sequence[str]) -> Any:
    """What hides a topic; where it is hidden at some of her places, it names the others."""
    name = words.POLICY_TOPICS[topic]
    if len(where) == len(places):
        return render.say(words.HIDDEN["button"], topic=name)
    return render.say(words.HIDDEN["button_at"], topic=name, places=render.listed([who.place(one) for one in where]))


def hiding(
    topic: str, given: Sequence[Given], places: Sequence[str], kept: Collection[str], ends: Collection[str]
) -> list[Word]:
    """The words that hide a topic at each place where it is not hidden: with what she said there of emergencies.

    `kept` are the marks whose secrets lie here, `ends` those that can be taken back now. What hid the topic but in
    emergencies, while no yes of hers stands, ends with it.
    """
    where = _not_hidden_at(topic, given, places, kept)
    allowed = [place for place in where if _lets_look(topic, [one for one in given if one.place == place], kept)]
    closed = [place for place in where if place not in allowed]
    but, always = Plain("withhold", about=[topic], emergencies=True), Plain("withhold", about=[topic])
    instead = [one for one in given if one.says == but and one.place in closed and one.mark in ends]
    return [word for word in (Word(always, closed, instead), Word(but, allowed)) if word.places]


def _not_hidden_at(topic: str, given: Sequence[Given], places: Sequence[str], kept: Collection[str]) -> list[str]:
    hidden = {
        one.place
        for one in given
        if hides(one.says, topic)
        # Open in emergencies without a yes of hers: she is asked once more.
        and not (one.says.emergencies and not _lets_look(topic, [it for it in given if it.place == one.place], kept))
    }
    return [place for place in places if place not in hidden]


def hides(says: Plain, topic: str) -> bool:
    """Whether a sentence keeps a whole topic from everybody, for every purpose, without an end."""
    return (
        says.effect == "withhold"
        and topic in says.about
        and not (says.to or says.kinds or says.purposes)
        and not (says.since or says.before or says.until)
    )


def _lets_look(topic: str, said: Sequence[Given], kept: Collection[str]) -> bool:
    """Whether she said at a place that whoever treats her in an emergency may look, and nothing against it.

    What is hidden under such a yes is open in emergencies, and is hidden again with the same signature that stops the
    yes. So it has to be one that ends by that alone: without a time of its own, and with its secret here. A yes that
    another program or a place may end without this page opens nothing that is hidden here.
    """
    yes = [one.says for one in said if one.says.effect == "emergency-yes" and one.mark in kept]
    return not any(one.says.effect == "emergency-no" for one in said) and any(
        topic not in says.but_not and not (says.kinds or says.about or says.since or says.before or says.until)
        for says in yes
    )


def in_emergencies(answer: str, given: Sequence[Given], places: Sequence[str]) -> list[Word]:
    """The words that answer whether they may look in an emergency. What she said of it before ends; and each no to
    everybody that says otherwise is said anew: one that meets emergencies without them, or the other way."""
    here = [one for one in given if one.place in places]
    said = [one for one in here if one.says.effect.startswith("emergency-")]
    found = [Word(Plain("emergency-yes" if answer == "yes" else "emergency-no"), places, said)]
    other = [one for one in here if (always(one.says) if answer == "yes" else one.says.emergencies)]
    made: list[Plain] = []
    for one in other:
        wanted = msgspec.structs.replace(one.says, emergencies=answer == "yes")
        if wanted in made or one.says.to:
            continue
        made.append(wanted)
        same = [no for no in other if no.says == one.says]
        found.append(Word(wanted, [place for place in places if place in {no.place for no in same}], same))
    return found


def always(says: Plain) -> bool:
    """Whether a no holds in emergencies, too."""
    codes = [code for purpose in says.purposes for code in plain.PURPOSES[purpose]]
    meets = not codes or not terms.EMERGENCY.isdisjoint(terms.met(codes))
    return says.effect == "withhold" and not says.emergencies and meets


def can_end(node: "Node", visit: Visit, who: Whose) -> Collection[str]:
    """The marks (hex) of the sentences that can be taken back here: none by a helper."""
    if signer(node, visit, who).acting is not None:
        return frozenset()
    return frozenset(mark.hex() for mark in person.endable(node, who.account))


def _opens(node: "Node", account: str, place: str, now: int) -> bool:
    """Whether a declared emergency would open anything at a place, by all that she said there: as its gate decides."""
    said = [
        access.given(one.notice.manifest, one.notice.manifest.nullifier)
        for one in person.standing(node, account)
        if not one.over and not one.gone and one.notice.manifest.organisation == place
    ]
    rules = emergency.with_default(access.rules_of(said))
    request = access.requested(rules, requester="", holder=place, purposes=["ETREAT"])
    settled = emergency.settled(request, rules, now)
    return decide(settled.request, settled.rules, now).effect == "permit"
