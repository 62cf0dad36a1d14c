"""Plain sentences: to a Consent and back, byte for byte; what each of them opens and closes; trying one out."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from consent_forms import NOW, ms, r4, r5, rule
from hypothesis import given
from hypothesis import strategies as st

from medrec.core import codec
from medrec.core.consent import plain as plainly
from medrec.core.consent.access import read_fhir, requested, rules_of
from medrec.core.consent.clauses import CLAUSES, clauses
from medrec.core.consent.compiling import Rules
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import Record, describing
from medrec.core.consent.floor import asks_for_age, of_age
from medrec.core.consent.plain import (
    EVERYTHING,
    KINDS,
    NO_TOPIC,
    NOTHING,
    PURPOSES,
    TOPICS,
    NotPlain,
    Party,
    Plain,
    is_within,
    read,
    tidy,
    write,
)
from medrec.core.consent.policy import Given
from medrec.core.consent.terms import ACT_REASON, SENSITIVITIES_ABOVE
from medrec.core.consent.trial import Asker, Look, try_policy

NORTH, SOUTH, GP = Party("north"), Party("south", name="South Hospital"), Party("north", "dr-x", "Dr X")
ACCOUNT = "mr1ada"

days = st.sampled_from(("2020-02-29", "2025-12-31", "2026-06-30"))
some = lambda table: st.lists(st.sampled_from(sorted(table)), max_size=3)  # noqa: E731
plains = st.builds(
    Plain,
    effect=st.sampled_from(("share", "withhold", "emergency-yes", "emergency-no")),
    to=st.lists(st.sampled_from((NORTH, SOUTH, GP)), max_size=3),
    kinds=some(KINDS),
    about=some(TOPICS),
    but_not=some(TOPICS),
    purposes=some(PURPOSES),
    until=st.none() | days,
    since=st.none() | days,
    before=st.none() | days,
    emergencies=st.booleans(),
    marks=st.none() | st.booleans(),
)


def fits(plain: Plain) -> bool:
    try:
        tidy(plain)
    except NotPlain:
        return False
    return True


sentences = plains.filter(fits)


@given(sentences)
def test_the_sentence_comes_back_from_the_bytes_that_are_signed(plain: Plain) -> None:
    data = write(plain, ACCOUNT, NOW)
    assert read(data) == tidy(plain)
    assert write(read(data), ACCOUNT, NOW) == data
    assert json.loads(data)["patient"]["identifier"]["value"] == ACCOUNT
    assert {clause.key for clause in clauses(read(data))} <= set(CLAUSES)


@given(sentences)
def test_a_no_never_says_that_somebody_may(plain: Plain) -> None:
    keys = {clause.key for clause in clauses(plain)}
    if plain.effect in ("withhold", "emergency-no"):
        assert keys.isdisjoint({"for", "with", "with-everyone"})
    if plain.effect == "withhold" and plain.purposes:
        assert keys.isdisjoint({"withhold-everything", "from", "from-everyone"}), "other uses are not closed by it"


@given(sentences, sentences)
def test_different_sentences_are_different_bytes_and_are_said_differently(one: Plain, other: Plain) -> None:
    if tidy(one) == tidy(other):
        return
    assert write(one, ACCOUNT, NOW) != write(other, ACCOUNT, NOW)
    assert clauses(one) != clauses(other)


def test_a_no_to_somebody_says_that_her_house_is_still_sent_what_is_pushed() -> None:
    """So it is decided (a push goes to nobody in particular), and said; not where the house hears no as well."""
    nobody = [describing("Observation", "o")]
    pushed = requested(rules_of([], ("none",)), requester="north", holder="home", purposes=["TREAT"], door="push")
    for to, told in (([GP], True), ([GP, SOUTH], True), ([GP, NORTH], False), ([NORTH], False), ([], False)):
        sentence = Plain("withhold", to=to)
        assert ("sent-there" in {one.key for one in clauses(sentence)}) is told
        given_both = [Given(str(at), read_fhir(write(one, ACCOUNT, NOW), NOW))
                      for at, one in enumerate((Plain("share", to=[NORTH]), sentence))]  # fmt: skip
        decision = decide(pushed, rules_of(given_both, ("none",)), NOW)
        assert (judge(decision, nobody[0]).effect == "permit") is (told is True)


def test_to_share_for_care_is_one_sentence_and_one_permission() -> None:
    """The codes of care cover clinical trials and what her family asks for as well; her sentence does not."""
    said, silent = Plain("share", to=[NORTH], purposes=["care"]), Plain("share", to=[NORTH])
    assert write(said, ACCOUNT, NOW) == write(silent, ACCOUNT, NOW)
    wide = json.loads(write(silent, ACCOUNT, NOW))
    wide["provision"]["purpose"] = [{"code": code, "system": ACT_REASON} for code in PURPOSES["care"]]
    with pytest.raises(NotPlain):
        read(codec.encode_json(wide))
    with pytest.raises(NotPlain):
        tidy(msgspec.structs.replace(said, purposes=["care", "research"]))
    # A no to care closes all of it, as before.
    assert read(write(Plain("withhold", purposes=["care"]), ACCOUNT, NOW)).purposes == ["care"]


@given(sentences)
def test_the_engine_reads_every_sentence(plain: Plain) -> None:
    policy = read_fhir(write(plain, ACCOUNT, NOW), NOW)
    assert policy.in_force and len(policy.provisions) == 1 and policy.marks == plain.marks


@given(sentences, st.data())
def test_no_other_bytes_are_taken_for_a_sentence(plain: Plain, data: st.DataObject) -> None:
    """Whatever is changed, it is another sentence that says so, or none; never the same sentence."""
    written = write(plain, ACCOUNT, NOW)
    at = data.draw(st.integers(0, len(written) - 1))
    changed = written[:at] + bytes([data.draw(st.integers(32, 126))]) + written[at + 1 :]
    if changed == written:
        return
    try:
        found = read(changed)
    except NotPlain:
        return
    assert found != tidy(plain) or json.loads(changed)["patient"] != json.loads(written)["patient"] or (
        json.loads(changed)["dateTime"] != json.loads(written)["dateTime"]
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        b"null",
        json.dumps(r4(rule("permit"))).encode(),
        json.dumps(r5("permit")).encode(),
        write(EVERYTHING, ACCOUNT, NOW) + b" ",
        write(EVERYTHING, ACCOUNT, NOW).replace(b'"active"', b'"draft"'),
        write(EVERYTHING, ACCOUNT, NOW).replace(b'"type":"permit"', b'"type":"permit","provision":[]'),
        write(Plain("share", kinds=["results"]), ACCOUNT, NOW).replace(b'"ImagingStudy"', b'"ImagingStudies"'),
        write(Plain("share", about=["hiv"]), ACCOUNT, NOW).replace(b'"HIV"', b'"VIP"'),
    ],
)
def test_what_is_no_plain_sentence(data: bytes) -> None:
    with pytest.raises(NotPlain):
        read(data)


@pytest.mark.parametrize(
    "plain",
    [
        Plain("share", kinds=["x"]),
        Plain("share", about=["hiv"], but_not=["hiv"]),
        Plain("withhold", but_not=["hiv"]),
        Plain("share", emergencies=True),
        Plain("emergency-yes", to=[NORTH]),
        Plain("emergency-no", purposes=["care"]),
        Plain("share", purposes=["any", "care"]),
        Plain("share", since="2026-01-01", before="2025-01-01"),
        Plain("share", until="2026-02-30"),
        Plain("share", to=[NORTH, Party("north", name="North")]),
    ],
)
def test_what_does_not_fit_together(plain: Plain) -> None:
    with pytest.raises(NotPlain):
        write(plain, ACCOUNT, NOW)


def test_what_was_signed_before_there_was_a_policy_says_the_same() -> None:
    for plain in (EVERYTHING, NOTHING, Plain("share", to=[GP], marks=True)):
        resource = json.loads(write(plain, ACCOUNT, NOW))
        assert resource.pop("policy") == [{"uri": "urn:medrec:consent:plain"}]
        assert read(codec.encode_json(resource)) == tidy(plain)
        with pytest.raises(NotPlain):
            read(codec.encode_json({**resource, "policy": [{"uri": "urn:another"}]}))


# --- what they open and close -------------------------------------------------------------------------------------


def sees(
    plain: list[Plain], record: Record | None = None, now: int = NOW, law: Iterable[str] = ("none",), **asked: Any
) -> bool:
    given_consents = [
        Given(str(at), read_fhir(write(one, ACCOUNT, NOW), NOW)) for at, one in enumerate(plain)
    ]  # fmt: skip
    rules = rules_of(given_consents, law)
    request = requested(rules, **{"requester": "north", "holder": "home", "purposes": ["TREAT"], **asked})
    return judge(decide(request, rules, now), record or describing("Observation", "o")).effect == "permit"


def test_everything_and_nothing() -> None:
    assert sees([EVERYTHING]) and sees([EVERYTHING], purposes=["HRESCH"]) and sees([EVERYTHING], requester="any-body")
    assert not sees([NOTHING]) and not sees([NOTHING, EVERYTHING]) and not sees([NOTHING], purposes=["BTG"])
    assert not sees([]) and sees([Plain("share")]) and not sees([Plain("share")], purposes=["HRESCH"])


def test_by_organisation_person_kind_topic_purpose_and_time() -> None:
    assert sees([Plain("share", to=[NORTH])]) and not sees([Plain("share", to=[SOUTH])])
    assert sees([Plain("share", to=[GP])], practitioner="dr-x") and not sees([Plain("share", to=[GP])])
    assert not sees([Plain("share", to=[GP])], practitioner="dr-x", requester="south")
    medicine = describing("MedicationRequest", "m")
    assert sees([Plain("share", kinds=["medicines"])], medicine) and not sees([Plain("share", kinds=["medicines"])])
    hiv = describing("Observation", "h", labels=["HIV"])
    assert sees([Plain("share", about=["hiv"])], hiv) and not sees([Plain("share", about=["hiv"])])
    assert not sees([Plain("share", but_not=["hiv"])], hiv) and sees([Plain("share", but_not=["hiv"])])
    assert sees([Plain("share", purposes=["research"])], purposes=["CLINTRCH"])
    assert not sees([Plain("share", purposes=["research"])])
    until = Plain("share", until="2026-06-30")
    assert sees([until], now=ms("2026-07-01") - 1) and not sees([until], now=ms("2026-07-01"))
    old = describing("Observation", "o", dates=read_fhir(write(until, ACCOUNT, NOW)).provisions[0].period)
    assert not sees([Plain("share", since="2020-01-01")], old)
    assert sees([Plain("share", to=[NORTH]), Plain("withhold", to=[SOUTH])])
    assert not sees([Plain("share", to=[NORTH]), Plain("withhold", kinds=["results"])])


def test_emergencies() -> None:
    emergency = {"purposes": ["BTG"], "requester": "elsewhere"}
    assert sees([Plain("emergency-yes")], **emergency) and not sees([Plain("emergency-yes")], requester="elsewhere")
    assert not sees([Plain("emergency-no"), EVERYTHING], **emergency) and sees([Plain("emergency-no"), EVERYTHING])
    private = describing("Observation", "h", labels=["SUD"])
    assert not sees([Plain("emergency-yes", but_not=["substance-use"])], private, **emergency)
    shut, but = Plain("withhold", about=["substance-use"]), Plain("withhold", about=["substance-use"], emergencies=True)
    assert not sees([shut, Plain("emergency-yes")], private, **emergency)
    assert sees([but, Plain("emergency-yes")], private, **emergency)
    assert not sees([but, EVERYTHING], private)


def test_all_topics_together_withhold_every_sensitivity_that_a_source_may_set() -> None:
    none = [label for labels in NO_TOPIC.values() for label in labels]
    everything_but = [Plain("share", to=[NORTH], but_not=sorted(TOPICS))]
    shut = [Plain("share", to=[NORTH]), *(Plain("withhold", about=[topic]) for topic in sorted(TOPICS))]
    for label in sorted(SENSITIVITIES_ABOVE):
        record = describing("Observation", "o", labels=[label])
        assert sees(everything_but, record) is sees(shut, record) is (label in none), label
    assert len(none) == len(set(none)) and set(none) < set(SENSITIVITIES_ABOVE)


@pytest.mark.parametrize(
    ("topic", "kept", "out"),
    [
        ("mental-health", "ADOL BH DIA EMOTDIS MH PRS PSY PSYTHPN SPI TBOO", "COGN DVD ETHUD GDIS HIV SDV SUD VIP"),
        ("substance-use", "BH ETH ETHUD OPIOIDUD SPI SSP SUD", "COGN EMOTDIS MH PSY SEX"),
        ("violence", "DRGIS MST SDV VIO", "BH MH SEX SPI"),
        ("sexual-health", "GENDER PREGNANT SEX STD", "BH HIV SDV"),
        ("reproductive", "PDS PREGNANT SEX", "GDIS GENDER STD"),
        ("genetics", "DIA GDIS SCA", "BH HIV REL"),
        ("hiv", "HIV PHY", "BH GDIS STD"),
        ("memory-and-development", "BH COGN DVD SPI", "EMOTDIS MH SUD"),
    ],
)
def test_a_topic_withholds_what_may_be_about_it_and_opens_only_what_is(topic: str, kept: str, out: str) -> None:
    for label in [*kept.split(), *out.split()]:
        record = describing("Observation", "o", labels=[label])
        assert sees([Plain("share", to=[NORTH], but_not=[topic])], record) is (label in out.split()), label
        surely = not SENSITIVITIES_ABOVE[label].isdisjoint(TOPICS[topic])
        assert sees([Plain("share", to=[NORTH], about=[topic])], record) is surely, label


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("North\u202eevil", "Northevil"), ("\u2028Dr\u2029 X\x85", "Dr X"), ("Dr\u00adX\ufeff", "DrX"),
        ("a\u200cb", "ab"),
        ("  ", ""), ("\u200b", ""), ("\u3164", ""), ("\u2800 ", ""), ("\u200c", ""), ("\u2066North\u2069", "North"),
        ("José  López ", "José  López "), ("山田", "山田"), ("葛\U000e0100西", "葛\U000e0100西"),
        ("\U000e0100葛", "葛"), ("A\U000e0100", "A"),
        ("می\u200cخواهم", "می\u200cخواهم"), ("क्\u200dष", "क्\u200dष"),
    ],
)  # fmt: skip
def test_a_name_in_a_sentence_shows_all_that_is_signed(name: str, shown: str) -> None:
    data = write(Plain("share", to=[Party("north", "dr-x", name)]), ACCOUNT, NOW)
    assert read(data).to == [Party("north", "dr-x", shown)]
    if shown and name != shown:
        signed = json.loads(data)
        signed["provision"]["actor"][0]["reference"]["display"] = name
        with pytest.raises(NotPlain):
            read(codec.encode_json(signed))


def test_every_clause_is_reached() -> None:
    reached = set()
    wide = [
        EVERYTHING, NOTHING, Plain("emergency-yes", [], ["visits"], ["hiv"]),
        Plain("emergency-yes", but_not=["hiv"]), Plain("emergency-no"),
        Plain("share", to=[NORTH], since="2020-01-01", before="2021-01-01", until="2026-01-01", marks=True),
        Plain("withhold", to=[NORTH], since="2020-01-01", emergencies=True, marks=False),
        Plain("share", before="2021-01-01"),
        Plain("withhold", purposes=["research"]), Plain("withhold", to=[NORTH], purposes=["any"]),
        Plain("withhold", to=[GP]),
        *(Plain(effect, kinds=kinds, about=about) for effect in ("share", "withhold")
          for kinds in ([], ["visits"]) for about in ([], ["hiv"])),
    ]  # fmt: skip
    for plain in wide:
        reached |= {clause.key for clause in clauses(plain)}
    assert reached == set(CLAUSES)
    assert plainly.PURPOSES["care"]


# --- try it -------------------------------------------------------------------------------------------------------


def test_a_policy_is_tried_before_it_is_signed() -> None:
    records = [describing("Observation", "bp"), describing("Condition", "sud", labels=["SUD"])]
    standing = [Given("now", read_fhir(write(Plain("share", to=[NORTH, SOUTH]), ACCOUNT, NOW), NOW))]
    proposed = Given("new", read_fhir(write(Plain("withhold", about=["substance-use"]), ACCOUNT, NOW), NOW))
    looks = [Look(NOW - 9, Asker("north", "dr-x"), ("Condition/sud", "Observation/bp", "Observation/gone"))]
    there = [f"{record.type}/{record.id}" for record in records]

    def visible(rules: Rules, asker: Asker) -> frozenset[str]:
        asked = requested(rules, requester=asker.organisation, holder="home", purposes=asker.purposes)
        decision = decide(asked, rules, NOW)
        named = zip(there, records, strict=True)
        return frozenset(name for name, record in named if judge(decision, record).effect == "permit")

    found = try_policy(standing, proposed, frozenset(), there, [Asker("north"), Asker("east")], looks, visible)
    assert found.parties[0].before == ("Condition/sud", "Observation/bp")
    assert found.parties[0].after == ("Observation/bp",)
    assert found.parties[1].before == found.parties[1].after == ()
    assert (found.looks[0].still, found.looks[0].stopped) == (("Observation/bp",), ("Condition/sud",))
    replaced = try_policy(standing, proposed, frozenset({"now"}), there, [Asker("north")], looks, visible)
    assert replaced.parties[0].after == ()


@given(sentences, sentences, st.sampled_from(("north", "south")), st.sampled_from(("TREAT", "HRESCH")), st.data())
def test_what_is_within_a_sentence_opens_nothing_more(
    less: Plain, whole: Plain, requester: str, purpose: str, data: st.DataObject
) -> None:
    """The law of a yes to less: whatever it opens, a yes to all of it would have opened."""
    # A sentence of the same fields narrowed at random is often within; two at random are seldom.
    kept = data.draw(
        st.sets(st.sampled_from(("to", "kinds", "about", "but_not", "purposes", "until", "since", "before")))
    )
    less = msgspec.structs.replace(less, **{name: getattr(whole, name) for name in kept}, effect=whole.effect)
    if not fits(less) or not is_within(less, whole):
        return
    record = describing(data.draw(st.sampled_from(("Observation", "AllergyIntolerance", "MedicationRequest"))), "o")
    now = data.draw(st.sampled_from((NOW, ms("2020-02-28"), ms("2030-01-01"))))
    asked = {"requester": requester, "purposes": [purpose], "now": now}
    assert sees([whole], record, **asked) or not sees([less], record, **asked)


@pytest.mark.parametrize(
    "more",
    [
        {"to": []}, {"to": [NORTH, SOUTH]}, {"kinds": []}, {"kinds": ["allergies", "medicines"]}, {"but_not": []},
        {"purposes": ["any"]}, {"until": None}, {"until": "2026-07-01"}, {"since": None}, {"since": "2020-01-01"},
        {"before": None}, {"before": "2026-12-31"}, {"marks": True}, {"effect": "withhold"},
    ],
)  # fmt: skip
def test_more_in_any_field_is_not_within(more: dict[str, Any]) -> None:
    whole = Plain(
        "share", [NORTH], ["allergies"], but_not=["mental-health"], until="2026-06-30", since="2020-02-29",
        before="2025-12-31",
    )  # fmt: skip
    assert is_within(whole, whole) and not is_within(msgspec.structs.replace(whole, **more), whole)


def test_what_a_young_person_controls_goes_by_her_age_and_state() -> None:
    family = {"purposes": ["FAMRQT"], "requester": "family"}
    plain = [Plain("share", to=[Party("family")], purposes=["family"])]

    def kept(state: str, born: str) -> list[str]:
        law = of_age(["US", state], born, NOW)
        return [
            label
            for label in ("SEX", "MH", "SUD", "HIV", "COGN")
            if not sees(plain, describing("Observation", "o", labels=[label]), law=law, **family)
        ]

    assert kept("US-CA-minor", "2015-06-01") == ["SEX"]
    assert kept("US-CA-minor", "2014-01-15") == kept("US-CA-minor", "2008-01-16") == ["SEX", "MH", "SUD", "HIV"]
    assert kept("US-CA-minor", "2014-01-16") == ["SEX"] and kept("US-CA-minor", "2008-01-15") == []
    assert kept("US-WA-minor", "2012-06-01") == ["SEX", "MH", "SUD"] and kept("US-WA-minor", "2013-06-01") == ["SEX"]
    assert kept("US-WA-minor", "2011-06-01") == ["SEX", "MH", "SUD", "HIV"]
    for unknown in ("", "2012", "2012-06"):
        assert kept("US-WA-minor", unknown) == ["SEX", "MH", "SUD", "HIV"]
    assert of_age(["US", "US-CA-minor"], "2012-06-01", NOW) == ("US", "US-CA-minor@12")
    assert of_age(["US"], "2012-06-01", NOW) == ("US",) and not asks_for_age(["US"]) and asks_for_age(["US-CA-minor"])
