"""What a page calls closed opens nothing: every pair of a yes and a no, held against the decision."""

from itertools import product

import pytest
from consent_forms import NOW

from medrec.core.consent.access import read_fhir, requested, rules_of
from medrec.core.consent.closing import beyond, closes, doubted, opposite, takes_from
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import describing
from medrec.core.consent.plain import EVERYTHING, NOTHING, Party, Plain, write
from medrec.core.consent.policy import Given

SOUTH, EAST, DOCTOR = Party("south"), Party("east"), Party("south", "dr-x", "Dr X")
PARTIES: list[list[Party]] = [[], [SOUTH], [DOCTOR], [SOUTH, EAST]]
KINDS: list[list[str]] = [[], ["results"], ["results", "problems"]]
RECORDS = [
    describing("Observation", "bp"),
    describing("Observation", "hiv", labels=["HIV"]),
    describing("Condition", "asthma"),
    describing("Encounter", "visit"),
]
YES = [
    EVERYTHING,
    *(Plain("share", to, kinds) for to, kinds in product(PARTIES, KINDS)),
    *(Plain("share", to, purposes=["research"]) for to in PARTIES),
    *(Plain("emergency-yes", kinds=kinds) for kinds in KINDS),
]
NO = [
    NOTHING,
    *(Plain("withhold", to, kinds, emergencies=but) for to, kinds, but in product(PARTIES, KINDS, (False, True))),
    *(Plain("emergency-no", kinds=kinds) for kinds in KINDS),
    Plain("withhold", about=["hiv"]),
    Plain("withhold", purposes=["research"]),
    Plain("withhold", until="2030-01-01"),
    Plain("withhold", since="2020-01-01"),
    Plain("withhold", purposes=["care"], emergencies=True),
    Plain("withhold", purposes=["any"]),
    Plain("withhold", [SOUTH, DOCTOR], purposes=["research"]),
    Plain("withhold", about=["hiv"], until="2030-01-01"),
]
SOME = [
    Plain("share", [DOCTOR], ["results"], ["hiv"]),
    Plain("share", about=["hiv"], purposes=["research", "payment"], until="2029-06-01"),
    Plain("share", [SOUTH], since="2020-01-01", before="2024-12-31", purposes=["any"], marks=True),
    Plain("share", [DOCTOR, EAST], but_not=["hiv"]),
    Plain("emergency-yes", about=["hiv"], until="2029-06-01"),
    Plain("emergency-yes", but_not=["hiv"]),
]
ASKERS = [("south", ""), ("south", "dr-x"), ("south", "dr-y"), ("east", "")]


def opened(*sentences: Plain, purposes: tuple[str, ...]) -> set[tuple[str, str, str, str]]:
    """Who would be sent which record for what, if these sentences stood."""
    consents = [read_fhir(write(one, "mr1ada", NOW), NOW) for one in sentences]
    rules = rules_of([Given(str(number), one) for number, one in enumerate(consents)])
    found = set()
    for (house, doctor), purpose in product(ASKERS, purposes):
        asked = requested(rules, requester=house, practitioner=doctor, holder="home", purposes=(purpose,))
        decision = decide(asked, rules, NOW)
        found |= {
            (house, doctor, purpose, f"{one.type}/{one.id}")
            for one in RECORDS
            if judge(decision, one).effect == "permit"
        }
    return found


@pytest.mark.parametrize("yes", YES, ids=str)
def test_what_is_called_closed_opens_nothing(yes: Plain) -> None:
    """In an emergency what nobody forbids opens without any yes: a yes to share is held against all other purposes."""
    purposes = ("ETREAT",) if yes.effect == "emergency-yes" else ("TREAT", "HRESCH", "HPAYMT")
    alone = opened(yes, purposes=purposes)
    assert alone, "the yes opens something by itself"
    for no in NO:
        if closes(no, yes):
            assert not opened(yes, no, purposes=purposes), no


@pytest.mark.parametrize("yes", [*YES, Plain("share", but_not=["hiv"])], ids=str)
def test_a_no_takes_something_of_a_yes_where_that_is_said_and_nowhere_else(yes: Plain) -> None:
    purposes = ("ETREAT",) if yes.effect == "emergency-yes" else ("TREAT", "HRESCH", "HPAYMT")
    alone = opened(yes, purposes=purposes)
    for no in NO:
        assert takes_from(no, yes) == (not alone <= opened(yes, no, purposes=purposes)), no


LEAVES_OUT = [
    *(Plain("share", to, kinds, but_not=["hiv"]) for to, kinds in product(PARTIES, KINDS)),
    *(Plain("share", to, purposes=[purpose], but_not=["hiv"]) for to, purpose in product(PARTIES, ("research", "any"))),
    *(Plain("emergency-yes", kinds=kinds, but_not=["hiv"]) for kinds in KINDS),
]


@pytest.mark.parametrize("yes", [*YES, Plain("share", but_not=["hiv"]), Plain("share", about=["hiv"])], ids=str)
def test_what_another_yes_leaves_out_is_said_beside_a_yes_that_it_takes_from(yes: Plain) -> None:
    purposes = ("ETREAT",) if yes.effect == "emergency-yes" else ("TREAT", "HRESCH", "HPAYMT")
    alone = opened(yes, purposes=purposes)
    for other in LEAVES_OUT:
        assert takes_from(other, yes) == (not alone <= opened(yes, other, purposes=purposes)), other


def test_a_no_of_emergencies_or_to_one_person_closes_no_yes_to_others() -> None:
    assert not closes(Plain("emergency-no"), Plain("share")) and not closes(Plain("emergency-no"), EVERYTHING)
    assert not closes(Plain("withhold", [DOCTOR]), Plain("share", [SOUTH]))
    assert not closes(Plain("withhold", emergencies=True), Plain("emergency-yes"))
    assert closes(Plain("emergency-no"), Plain("emergency-yes")) and closes(NOTHING, Plain("emergency-yes"))
    assert closes(Plain("withhold", [SOUTH]), Plain("share", [DOCTOR])) and closes(NOTHING, Plain("share", [SOUTH]))


def purposes_of(yes: Plain) -> tuple[str, ...]:
    return ("ETREAT",) if yes.effect == "emergency-yes" else ("TREAT", "CAREMGT", "PATRQT", "HRESCH", "HPAYMT")


@pytest.mark.parametrize("yes", [*YES, *SOME], ids=str)
def test_the_no_that_stops_a_yes_closes_all_of_it(yes: Plain) -> None:
    no = opposite(yes)
    assert closes(no, yes)
    assert not opened(yes, no, purposes=purposes_of(yes))


@pytest.mark.parametrize("yes", [*YES, *SOME], ids=str)
def test_the_no_that_stops_a_yes_leaves_what_others_open(yes: Plain) -> None:
    """Beside everything shared with everyone, it takes what the yes opens or leaves out, and what `beyond` names."""
    every = ("TREAT", "HRESCH", "HPAYMT", "PUBHLTH", "FAMRQT", "HOPERAT", "ETREAT")
    urgent = Plain("emergency-yes")
    all_of_it = opened(EVERYTHING, urgent, purposes=every)
    no = opposite(yes)
    more = {{"family": "FAMRQT", "operations": "HOPERAT"}[word] for word in beyond(no, yes)}
    own = opened(Plain(yes.effect, yes.to, yes.kinds, purposes=yes.purposes), purposes=every)
    if yes.effect == "share":
        # A yes for care covers emergencies as a purpose; what goes out in one is said by what is said of them.
        own = {one for one in own if one[2] != "ETREAT"}
    assert own
    taken = all_of_it - opened(EVERYTHING, urgent, no, purposes=every)
    if doubted(no):
        # What may lie outside the time or the topic is in doubt, and a doubt is not excepted in an emergency.
        assert all(one[3] == "Observation/hiv" or yes.since for one in taken if one[2] == "ETREAT")
        taken = {one for one in taken if one[2] != "ETREAT"}
    assert {one for one in taken if one[2] not in more} <= own
    assert {one[2] for one in taken} <= {one[2] for one in own} | more
    assert {(house, doctor) for house, doctor, _, _ in taken} <= {(house, doctor) for house, doctor, _, _ in own}


def test_a_no_to_research_or_emergencies_closes_no_care() -> None:
    assert opposite(Plain("share", purposes=["research"])) == Plain("withhold", purposes=["research"])
    assert opposite(Plain("emergency-yes", until="2029-06-01")) == Plain("emergency-no", until="2029-06-01")
    assert opposite(EVERYTHING) == Plain("withhold", emergencies=True)
    care = opposite(Plain("share", [SOUTH], but_not=["hiv"]))
    assert care == Plain("withhold", [SOUTH], purposes=["care"], emergencies=True)
    assert beyond(care, Plain("share", [SOUTH])) == ["family", "operations"]
    assert beyond(Plain("withhold", purposes=["research"]), Plain("share", purposes=["research"])) == []
