"""The engine against the second interpreter, over an enumerated space of small requests and trees."""

import itertools
from collections.abc import Iterator
from typing import Any

from consent_forms import NOW, X, Y, give, ms, plain_floor, plain_record, plain_request, r4, r5, record_of, request_of
from consent_forms import rule as written
from consent_interpreter import interpret
from consent_whole import refused_whole

from medrec.core.consent.compiling import compile_consents
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.floor import floor_of

CONDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"who": X},
    {"who": [Y, "Group/g"]},
    {"label": "SUD"},
    {"level": "N"},
    {"level": "R", "who": X},
    {"purpose": "HRESCH"},
    {"purpose": "TREAT", "kind": "Observation"},
    {"dataPeriod": {"start": "2020-01-01", "end": "2021"}},
    {"held": "Organization/north", "code": "s|1"},
    {"held": ["Organization/south", "CareTeam/nowhere"]},
    {"action": "use", "by": "Practitioner/p1"},
)
REQUESTS = [
    plain_request(
        references=[who], purposes=purposes, unresolved=unresolved, custodian=["Organization/north"], unheld=unheld
    )
    for who, purposes, unresolved, unheld in (
        (X, ["TREAT"], [], ["CareTeam/nowhere"]),
        (X, ["TREAT"], [], []),
        (Y, ["TREAT"], [], []),
        (X, ["CLINTRCH"], [], ["CareTeam/nowhere"]),
        (X, ["BTG", "HRESCH"], ["Group/g"], []),
        (X, ["HMARKT"], [], []),
        (X, ["PurposeOfUse"], [], []),
        (Y, [], [], []),
    )
]
REQUESTS += [plain_request(references=[X], action=["access", "collect"], touches=["collect", "disclose", "use"])]
RECORDS = [
    plain_record(authors=["Practitioner/p1"]),
    plain_record(authors=["Practitioner/p2"]),
    plain_record(dates=[ms("2020-05-01"), ms("2020-05-02")]),
    plain_record(labels=["OPIOIDUD"], codes=["s|1"]),
    plain_record("Condition", "c1", labels=["V"], dates=[ms("2021-12-31"), ms("2022-01-02")]),
    plain_record(labels=["PSYTHPN"]),
    plain_record(may=["SUD", "HIV"]),
    plain_record(labels=["MH"], may=["SUD"]),
    plain_record(labels=["N"], may=["SUD"]),
    plain_record(labels=["N", "SUD"]),
    plain_record(labels=None, codes=None, authors=None, refers=None, referred=None),
]
US = floor_of("US")
ASKED = [(request, request_of(request)) for request in REQUESTS]
HELD = [(record, record_of(record)) for record in RECORDS]


def compare(consents: list[dict[str, Any]], law: bool = False) -> int:
    """Both decide alike about every request and record; how many that was."""
    floor = US.rules if law else ()
    rules = compile_consents([give(one["resource"], one["id"], one.get("revoked")) for one in consents], floor)
    assert not rules.broken, rules.broken
    for request, asked in ASKED:
        decision = decide(asked, rules, NOW)
        whole = refused_whole(consents, request, NOW)
        assert whole or decision.reason != "codes-unknown", (consents, request)
        assert not whole or decision.effect != "permit", (consents, request)
        for record, held in HELD:
            ours = judge(decision, held).effect
            theirs = interpret(consents, plain_floor(floor), request, record, NOW)
            if decision.effect == "permit":
                assert ours == theirs, (consents, request, record)
            else:
                # Refused as a whole: the reason may be found before the record is looked at, never a permit.
                assert theirs != "permit", (consents, request, record)
                assert "deny" in (ours, theirs) or ours == theirs, (consents, request, record)
    return len(REQUESTS) * len(RECORDS)


def r4_trees() -> Iterator[dict[str, Any]]:
    """All R4 trees of three levels over the conditions, and all with two exceptions side by side."""
    for effects in itertools.product(("permit", "deny"), repeat=3):
        for one, two, three in itertools.product(CONDITIONS, repeat=3):
            lowest = written(effects[2], **dict(three))
            yield r4(written(effects[0], written(effects[1], lowest, **dict(two)), **dict(one)))
    for two, three in itertools.product(CONDITIONS, repeat=2):
        pair = written("deny", **dict(two)), written("permit", **dict(three))
        yield r4(written("permit", *pair))
        yield r4(written("deny", *pair, who=X), "OPTIN")


def test_every_small_r4_tree_is_decided_alike() -> None:
    compared = sum(compare([{"id": "a", "resource": tree}]) for tree in r4_trees())
    assert compared > 50_000


def test_every_small_r5_tree_is_decided_alike() -> None:
    for decision in ("permit", "deny"):
        for one, two in itertools.product(CONDITIONS, repeat=2):
            compare([{"id": "a", "resource": r5(decision, written(None, written(None, **dict(two)), **dict(one)))}])
            pair = [written(None, **dict(one)), written(None, **dict(two))]
            compare([{"id": "a", "resource": r5(decision, *pair)}], law=True)
        compare([{"id": "a", "resource": r5(decision)}])


def test_every_pair_of_small_consents_is_decided_alike() -> None:
    singles = [r4(written(kind, **dict(one))) for kind in ("permit", "deny") for one in CONDITIONS[:6]]
    singles += [
        r5("permit", written(None, who=X), date="2024"),
        r5("deny", written(None, who=X), date="2025-06"),
        r5("permit", written(None, who=Y, label="SUD"), date="2025-07"),
        r5("deny", written(None, label="SUD")),
        r4(written("permit", label=["PSYTHPN", "MH"])),
        r5("permit"),
        r5("deny"),
        r4(None, "OPTIN", status="inactive"),
        r4(written(None, purpose="HRESCH"), "OPTIN", scope={"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}),
    ]  # fmt: skip
    for one, two in itertools.combinations_with_replacement(singles, 2):
        compare([{"id": "a", "resource": one}, {"id": "b", "resource": two}], law=True)
        compare([{"id": "a", "resource": one}, {"id": "b", "resource": two, "revoked": NOW}])


def test_a_label_in_doubt_beside_one_that_is_named_and_a_level_is_decided_alike() -> None:
    """Sensitivities and levels in one element are alternatives: what holds whatever a record may carry holds."""
    records = [
        plain_record(labels=list(carried), may=list(may))
        for carried in ((), ("N",), ("R",), ("SUD",), ("PREGNANT",))
        for may in ((), ("SUD",), ("OPIOIDUD",), ("SUD", "HIV"), ("OPIOIDUD", "SUD"))
    ]
    met = set()
    for effect, inner, level in itertools.product(("permit", "deny"), ("permit", "deny"), ("L", "N", "R", "V")):
        for labels in (["SUD"], ["OPIOIDUD"], ["SUD", "HIV"]):
            alternatives = {"label": labels, "level": level}
            for tree in (written(effect, **alternatives), written(effect, written(inner, **alternatives), who=X)):
                consents = [{"id": "a", "resource": r4(tree)}, {"id": "b", "resource": r4(written("permit", who=X))}]
                for held in (consents, consents[:1]):
                    rules = compile_consents([give(one["resource"], one["id"], None) for one in held], ())
                    decision = decide(request_of(REQUESTS[1]), rules, NOW)
                    for record in records:
                        ours = judge(decision, record_of(record)).effect
                        theirs = interpret(held, [], REQUESTS[1], record, NOW)
                        assert ours == theirs or decision.effect != "permit" != theirs, (held, record)
                        met.add(ours)
    assert met == {"permit", "deny", "indeterminate"}


def test_the_comparison_can_fail() -> None:
    request, record = plain_request(), plain_record(labels=["SUD"])
    consents = [{"id": "a", "resource": r4(written("permit", written("deny", label="SUD")))}]
    assert interpret(consents, [], request, record, NOW) == "deny"
    assert interpret(consents[:0], [], request, record, NOW) == "deny"
    wrong = [{"id": "a", "resource": r4(written("permit", written("permit", label="SUD")))}]
    assert interpret(wrong, [], request, record, NOW) == "permit"
