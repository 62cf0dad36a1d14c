"""The sentences of a policy, made from the very bytes that are signed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.consent import names as ledger
from medrec.core.consent.access import looked_up, read_fhir, rules_of
from medrec.core.consent.clauses import Clause, clauses
from medrec.core.consent.plain import NotPlain, Party, read
from medrec.core.consent.policy import Given, Unreadable
from medrec.portal import render, words
from medrec.portal.page import names

if TYPE_CHECKING:
    from medrec.node.node import Node

DATES = ("day", "since", "before")
LISTED = {"kinds": words.POLICY_KINDS, "topics": words.POLICY_TOPICS, "purposes": words.POLICY_PURPOSES}


def called(node: "Node") -> dict[str, str]:
    """The names of all organisations by id, and of the people who work here by their references."""
    people = {ledger.practitioner(node.organisation, one): name for one, name, _, _ in node.practitioners.all()}
    return {**names(node), **people}


def sentences(consent: bytes, organisations: Mapping[str, str]) -> list[Markup]:
    """What a FHIR consent says, in the language of the visit: one short sentence a clause.

    `organisations` are the names on the ledger by id, with those of people who are known by their references. A consent
    that is no plain sentence is said to be one.
    """
    try:
        plain = read(consent)
    except NotPlain:
        return [render.say(words.POLICY["other"]), *_more(consent)]
    return [_said(clause, organisations) for clause in clauses(plain)]


def _more(consent: bytes) -> list[Markup]:
    """What a person has to know of a consent that is no plain sentence: that nobody reads it, or whom it names."""
    try:
        policy = read_fhir(consent)
    except Unreadable:
        return [render.say(words.POLICY["unreadable"])]
    named = looked_up(rules_of([Given("", policy)], ()))
    return [render.say(words.POLICY["other-names"], names=render.listed(list(named)))] if named else []


def _said(clause: Clause, organisations: Mapping[str, str]) -> Markup:
    values: dict[str, Any] = {}
    for name, value in clause.parameters.items():
        if name in LISTED:
            values[name] = render.listed([LISTED[name][word] for word in value])
        elif name == "parties":
            values[name] = render.listed([_party(party, organisations) for party in value])
        elif name in DATES:
            values[name] = render.known_date(str(value))
        else:
            values[name] = value
    return render.say(words.POLICY[clause.key], **values)


def _party(party: Party, organisations: Mapping[str, str]) -> Markup | str:
    """A party by the ledger's name of its organisation; somebody by the name that is known here, else by what the
    consent calls her, beside her id."""
    place = organisations.get(party.organisation, party.organisation)
    if not party.practitioner:
        return place
    name = organisations.get(party.reference, party.name)
    person = f"{name} ({party.practitioner})" if name else party.practitioner
    return render.say(words.POLICY["party"], person=person, organisation=place)
