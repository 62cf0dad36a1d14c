"""The promises of the decision, each by its name. A rule here is a consent of one flat provision."""

import random
from typing import Any

import msgspec
from consent_forms import X, Y, ask, give, observation, r4, r5, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from medrec.core.consent import emergency, terms
from medrec.core.consent.compiling import Rules, compile_consents, unturned
from medrec.core.consent.decide import Decision, decide, judge
from medrec.core.consent.emergency import with_default
from medrec.core.consent.facts import Record, Request, describing
from medrec.core.consent.floor import floor_of
from medrec.core.consent.policy import Given, Unreadable
from medrec.core.consent.reading import read_consent
from medrec.core.consent.times import Span

NOW = 1000
Json = dict[str, Any]
LAW = floor_of("US", "US-HIV")

parts = st.fixed_dictionaries(
    {},
    optional={
        "who": st.sampled_from((X, Y, "Group/g", [X, Y])),
        "label": st.sampled_from(("SUD", "HIV", "PSYTHPN", ["MH", "SUD"])),
        "level": st.sampled_from(("N", "R")),
        "purpose": st.sampled_from(("TREAT", "HRESCH", "ETREAT", ["HLEGAL", "TREAT"])),
        "kind": st.sampled_from(("Observation", ["Condition", "Observation"])),
        "code": st.sampled_from(("s|1", "s|2")),
        "by": st.just("Practitioner/p"),
        "action": st.sampled_from(("access", ["disclose", "access"])),
        "period": st.sampled_from(({"start": "1970"}, {"end": "1970-01-01T00:00:00Z"})),
        "dataPeriod": st.sampled_from(({"start": "2020"}, {"end": "2019"})),
        "data": st.sampled_from(
            [[{"meaning": meaning, "reference": {"reference": "Encounter/e"}}] for meaning in ("related", "dependents")]
        ),
    },
).filter(lambda found: len(found) < 5)
trees = st.recursive(
    parts.map(lambda found: rule(None, **found)),
    lambda below: st.tuples(parts, st.lists(below, max_size=2)).map(lambda pair: rule(None, *pair[1], **pair[0])),
    max_leaves=5,
)
decisions = st.sampled_from(("permit", "deny"))
dates = st.sampled_from(("2024", "2025", "2025-06"))
requests = st.builds(
    lambda who, purpose, more, unresolved: ask(who, purpose=[purpose, *more], unresolved=unresolved),
    st.sampled_from((X, Y)),
    st.sampled_from(("TREAT", "CLINTRCH", "BTG", "HLEGAL")),
    st.lists(st.just("COC"), max_size=1),
    st.lists(st.just("Group/g"), max_size=1),
)
records = st.builds(
    describing,
    st.sampled_from(("Observation", "Condition")),
    st.just("r1"),
    labels=st.none() | st.lists(st.sampled_from(("OPIOIDUD", "MH", "HIV", "PSYTHPN", "R", "V")), max_size=2),
    codes=st.none() | st.lists(st.sampled_from(("s|1", "s|3")), max_size=2),
    dates=st.none() | st.just(Span(1_600_000_000_000, 1_600_000_000_001)),
    authors=st.none() | st.just(["Practitioner/p"]),
    refers=st.just(["Encounter/e"]),
    referred=st.none() | st.just([]),
)


def typed(tree: Json, says: str) -> Json:
    """The tree in R4, where each level turns the one above it around."""
    below = [typed(child, "deny" if says == "permit" else "permit") for child in tree.get("provision", [])]
    return {**tree, "type": says, **({"provision": below} if below else {})}


flat = st.builds(lambda found, says, date: r4(rule(says, **found), dateTime=date), parts, decisions, dates)
any_r4 = st.builds(lambda tree, says, date: r4(typed(tree, says), dateTime=date), trees, decisions, dates)
any_r5 = st.builds(lambda found, says, date: r5(says, *found, date=date), st.lists(trees, max_size=2), decisions, dates)
consents = st.lists(st.one_of(flat, any_r4, any_r5), max_size=4).map(
    lambda found: [give(resource, f"{at:064x}") for at, resource in enumerate(found)]
)
flats = st.lists(flat, max_size=4).map(lambda found: [give(one, f"{at:064x}") for at, one in enumerate(found)])


def rules_of(given_consents: list[Given]) -> Rules:
    return compile_consents(given_consents, LAW.rules, LAW.notices)


def answer(given_consents: list[Given], request: Request, record: Record, now: int = NOW) -> tuple[str, str]:
    found = judge(decide(request, rules_of(given_consents), now), record)
    return found.effect, found.reason


def open_to(given_consents: list[Given], request: Request, record: Record, now: int = NOW) -> bool:
    return answer(given_consents, request, record, now)[0] == "permit"


def says(one: Given) -> str:
    return one.content.provisions[0].effect  # type: ignore[union-attr]


@given(flats, flat, requests, records)
def test_deny_beats_permit(found: list[Given], more: Json, request: Request, record: Record) -> None:
    """What one deny closes although everything is permitted, nothing opens again."""
    more["provision"]["type"] = "deny"
    everything = give(r4(rule("permit", purpose="PurposeOfUse")), "everything")
    deny = give(more, "deny")
    if not open_to([everything, deny], request, record):
        assert not open_to([everything, deny, *found], request, record)


@given(requests, records)
def test_default_deny(request: Request, record: Record) -> None:
    assert decide(request, rules_of([]), NOW) == Decision("deny", "no-consent")
    assert answer([], request, record) == ("deny", "no-consent")


@given(flats, requests, records)
def test_only_what_is_permitted_is_permitted(found: list[Given], request: Request, record: Record) -> None:
    denies_only = [one for one in found if says(one) == "deny"]
    assert not open_to(denies_only, request, record)


@given(consents, flat, requests, records)
def test_a_doubt_opens_nothing_and_closes_nothing_in_an_emergency(
    found: list[Given], more: Json, request: Request, record: Record
) -> None:
    """One consent that nobody reads, or one denial of somebody whom nobody knows, leaves the summary as it was."""
    more["provision"]["type"] = "deny"
    more["provision"]["actor"] = rule(None, who="Group/nobody-knows")["actor"]
    urgent = msgspec.structs.replace(request, purposes=("BTG",))
    asked = msgspec.structs.replace(urgent, unresolved=urgent.unresolved | {"Group/nobody-knows"})

    def summary(given_consents: list[Given], of: Request) -> tuple[str, bool]:
        settled = emergency.settled(of, with_default(rules_of(given_consents)), NOW)
        decision = decide(settled.request, settled.rules, NOW)
        return judge(decision, record).effect, bool(settled.doubted)

    before, _ = summary(found, urgent)
    assert summary([*found, Given("broken", Unreadable("not-json", "Consent"))], urgent) == (before, True)
    after, doubted = summary([*found, give(more, "more")], asked)
    assert after == before or (doubted and before == "indeterminate")
    # The same for a code that nobody knows, and that the record surely does not carry.
    named = {**more["provision"], "actor": rule(None, who=sorted(request.who)[:1])["actor"]}
    coded = {**more, "provision": {**named, "code": rule(None, code="nobody-knows|1")["code"]}}
    after, doubted = summary([*found, give(coded, "more")], urgent)
    assert after == before or (doubted and before == "indeterminate") or record.codes is None
    # The same for a holder of data whom nobody knows.
    more["provision"]["actor"] = rule(None, held="CareTeam/nobody-knows")["actor"]
    after, doubted = summary([*found, give(more, "more")], urgent)
    assert after == before or (doubted and before == "indeterminate")


@given(consents, requests, records, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(
    found: list[Given], request: Request, record: Record, chance: random.Random
) -> None:
    shuffled = [*found, *found[:2]]
    chance.shuffle(shuffled)
    assert decide(request, rules_of(shuffled), NOW) == decide(request, rules_of(found), NOW)
    assert answer(shuffled, request, record) == answer(found, request, record)


@given(consents, flat, requests, records)
def test_adding_a_permit_never_revokes(found: list[Given], more: Json, request: Request, record: Record) -> None:
    more["provision"]["type"] = "permit"
    if open_to(found, request, record):
        assert open_to([*found, give(more, "more")], request, record)


@given(consents, flat, requests, records)
def test_adding_a_deny_never_grants(found: list[Given], more: Json, request: Request, record: Record) -> None:
    more["provision"]["type"] = "deny"
    if open_to([*found, give(more, "more")], request, record):
        assert open_to(found, request, record)


@given(consents, flat, requests, records)
def test_a_consent_that_cannot_be_read_closes_everything(
    found: list[Given], more: Json, request: Request, record: Record
) -> None:
    broken = {**more, "provision": {**more["provision"], "modifierExtension": []}}
    assert answer([*found, give(broken, "broken")], request, record) == ("indeterminate", "consent-broken")
    assert decide(request, rules_of([*found, give(broken, "broken")]), NOW).broken == ("broken",)


@settings(max_examples=300)
@given(trees, decisions, consents, requests, records)
def test_r4_and_r5_agree(top: Json, base: str, others: list[Given], request: Request, record: Record) -> None:
    """The base of R5 is the policy rule of R4, and each level of R5 turns the one above it around."""
    fourth = r4(typed(top, "deny" if base == "permit" else "permit"), "OPTIN" if base == "permit" else "OPTOUT")
    fifth = r5(base, top)
    assert read_consent(fourth) == read_consent(fifth)
    answers = [answer([*others, give(form, "ff")], request, record) for form in (fourth, fifth)]
    assert answers[0] == answers[1]


@given(st.lists(trees, max_size=3), decisions, requests, records)
def test_an_r4_root_without_conditions_is_the_base_of_r5(
    tops: list[Json], base: str, request: Request, record: Record
) -> None:
    below = [typed(top, "deny" if base == "permit" else "permit") for top in tops]
    root = {"type": base, **({"provision": below} if below else {})}
    assert open_to([give(r4(root))], request, record) == open_to([give(r5(base, *tops))], request, record)


TIMES = st.sampled_from((-1, 0, 1, NOW - 1, NOW, NOW + 1, 1_640_995_199_999, 1_640_995_200_000, 1_735_689_600_000))


@settings(max_examples=300)
@given(consents, requests, TIMES, TIMES, st.integers(0, 3))
def test_where_nothing_begins_or_ends_the_decision_stays(
    found: list[Given], request: Request, then: int, now: int, revoked: int
) -> None:
    ended = [one if at != revoked else Given(one.id, one.content, NOW) for at, one in enumerate(found)]
    if revoked == 0:
        ended.append(Given("broken", Unreadable("not-a-consent", "Consent"), NOW))
    for rules in (rules_of(ended), with_default(rules_of(ended))):
        if unturned(rules, then, now):
            assert decide(request, rules, then) == decide(request, rules, now)


def test_a_beginning_and_an_end_are_turns() -> None:
    rules = rules_of([give(r4(rule("permit", who=X, period={"start": "1970-01-01T00:00:00.500Z"})), revoked=NOW)])
    assert rules.turns[1:-1] == (500, NOW)
    for then, now, same in (
        (499, 500, False),
        (500, 999, True),
        (999, 1000, False),
        (1000, 999, False),
        (0, 499, True),
    ):
        assert unturned(rules, then, now) is same
    verdicts = [decide(ask(X), rules, now).effect for now in (499, 500, 999, 1000)]
    assert verdicts == ["deny", "permit", "permit", "deny"]


@given(consents, requests, records, st.integers(NOW - 2, NOW + 2), st.integers(0, 3))
def test_revocation_wins_from_its_time(
    found: list[Given], request: Request, record: Record, revoked: int, at: int
) -> None:
    if not found:
        return
    at %= len(found)
    taken = [Given(one.id, one.content, revoked) if here == at else one for here, one in enumerate(found)]
    without = [one for here, one in enumerate(found) if here != at]
    expected = without if revoked <= NOW else found
    assert answer(taken, request, record) == answer(expected, request, record)
    # Whoever knows of it once knows it for good: an older copy beside it changes nothing.
    assert answer([*taken, *found], request, record) == answer(taken, request, record)


@given(consents, requests, records)
def test_the_consents_that_decided_decide_it_again(found: list[Given], request: Request, record: Record) -> None:
    decision = decide(request, rules_of(found), NOW)
    again = decide(request, rules_of([one for one in found if one.id in decision.decided]), NOW)
    assert (again.effect, again.reason, again.decided) == (decision.effect, decision.reason, decision.decided)
    assert judge(again, record) == judge(decision, record)


@given(consents, requests, records)
def test_a_permit_names_the_consents_it_rests_on(found: list[Given], request: Request, record: Record) -> None:
    decision = decide(request, rules_of(found), NOW)
    judged = judge(decision, record)
    assert judged.effect != "permit" or (judged.decided and set(judged.decided) <= set(decision.decided))
    if judged.effect == "permit":
        assert open_to([one for one in found if one.id in judged.decided], request, record)


@given(consents, requests, records)
def test_more_knowledge_of_a_record_only_replaces_doubt(found: list[Given], request: Request, record: Record) -> None:
    """What is permitted without knowing a record's labels is permitted whatever they are."""
    blind = describing(record.type, record.id, labels=None, dates=record.dates)
    if open_to(found, request, blind):
        for labels in ([], ["OPIOIDUD"], ["HIV", "V"], ["PSYTHPN"]):
            for codes in ([], ["s|1"]):
                known = describing(record.type, record.id, labels=labels, dates=record.dates, codes=codes)
                if codes == []:
                    assert open_to(found, request, known)


@given(consents, st.sampled_from(sorted(terms.PURPOSES_BELOW)), records)
def test_every_purpose_of_a_request_must_be_permitted(found: list[Given], second: str, record: Record) -> None:
    alone = [open_to(found, ask(purpose=purpose), record) for purpose in ("TREAT", second)]
    assert open_to(found, ask(purpose=["TREAT", second]), record) == all(alone)


def test_the_laws_are_not_empty() -> None:
    """The strategies reach permits, denials and doubts."""
    record = observation(labels=["SUD"])
    assert open_to([give(r4(rule("permit")))], ask(), record)
    assert not open_to([give(r4(rule("permit", rule("deny", label="SUD"))))], ask(), record)
    assert answer([give(r4(rule("permit", label="SUD")))], ask(), observation(labels=None))[0] == "indeterminate"


to_everybody = st.builds(
    lambda found, date: r4(rule("permit", **{k: v for k, v in found.items() if k != "who"}), dateTime=date),
    parts,
    dates,
)


@given(st.lists(to_everybody, min_size=1, max_size=3), requests, records)
def test_nobody_but_some_ends_an_earlier_everybody(earlier: list[Json], request: Request, record: Record) -> None:
    """The base of a later consent counts against all that was said for everybody before it."""
    found = [give(one, f"{at:064x}") for at, one in enumerate(earlier)]
    later = give(r5("deny", rule(None, who=X, purpose="PurposeOfUse"), date="2025-12"), "later")
    if X not in request.who:
        assert not open_to([*found, later], request, record)


def test_the_later_of_two_words_for_everybody_counts() -> None:
    everybody, but = r4(rule("permit"), dateTime="2025-06"), r5("deny", rule(None, who=X), date="2025-12")
    record = describing("Observation", "r1")
    assert open_to([give(everybody, "a")], ask(Y), record)
    assert not open_to([give(everybody, "a"), give(but, "b")], ask(Y), record)
    assert open_to([give(everybody, "a"), give(but, "b")], ask(X), record)
    assert open_to([give({**everybody, "dateTime": "2026"}, "a"), give(but, "b")], ask(Y), record)
    # To say yes to somebody by name needs no new word for all the rest.
    assert open_to([give(r4(rule("permit", who=Y), dateTime="2025"), "a"), give(but, "b")], ask(Y), record)
