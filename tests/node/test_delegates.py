"""Helpers: who may act for whom, how it ends, and what stands in the lines about it."""

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.core import ladder, manifests
from medrec.core.delegation import Standing, birthday, flaw, standing
from medrec.core.manifests.consent import FhirConsentManifest, fhir_consent_message
from medrec.core.manifests.delegation import ActingManifest, DelegationEndManifest, DelegationManifest
from medrec.core.types import encode_transaction, transaction_id
from medrec.node.account.accounts import next_body, submit_signed
from medrec.node.account.attested import WAIT_MS
from medrec.node.account.parents import attest
from medrec.node.ledger.rebuild import rebuild
from medrec.node.refusals import Code, Refusal
from tests.core.authenticator import Authenticator
from tests.node.helping import DAY, Help, submit

HOUR = 3_600_000


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def may(help_: Help, right: str = "look", kind: str = "", node: object = None) -> bool:
    found = (node or help_.guide).delegates.may(help_.ada.account, help_.bo.account, right, kind)  # type: ignore[attr-defined]
    return found is not None


def refused(help_: Help, data: bytes, node: object = None) -> Code:
    with pytest.raises(Refusal) as no:
        (node or help_.guide).delegates.take(data)  # type: ignore[attr-defined]
    return no.value.reason


def test_a_helper_may_what_she_was_named_for_and_nothing_else(help_: Help) -> None:
    assert not may(help_)
    help_.name_bo(rights=["look"], types=["Observation"])
    assert may(help_) and may(help_, "look", "Observation")
    assert not may(help_, "look", "Condition")
    assert not any(may(help_, right) for right in ("consent", "correct", "add"))
    assert [held.delegation.account for held in help_.guide.delegates.for_delegate(help_.bo.account)] == [
        help_.ada.account
    ]
    # Nothing follows for the other direction, nor for anybody whom Bo would like to send.
    assert help_.guide.delegates.may(help_.bo.account, help_.ada.account, "look") is None


def test_it_ends_by_itself(help_: Help) -> None:
    help_.name_bo(until=help_.network.time + HOUR)
    help_.network.time += HOUR - 1
    assert may(help_)
    help_.network.time += 1
    assert not may(help_) and help_.guide.delegates.for_delegate(help_.bo.account) == []


def test_a_stranger_who_names_the_same_nullifier_first_keeps_nobody_from_a_helper(help_: Help) -> None:
    mallory, secret = help_.network.patient("mallory", "north"), os.urandom(32)
    theirs = {"account": mallory.account, "key": mallory.key.key_id.hex()}
    help_.guide.delegates.take(help_.signed(secret, mallory, **theirs))
    assert not may(help_)
    help_.guide.delegates.take(help_.signed(secret))
    assert may(help_)
    # What ends it is hers: then his is over too, for the secret is out.
    assert help_.end(secret) and not may(help_)
    assert [held.ended is None for held in help_.guide.delegates.of(mallory.account)] == [True]
    help_.network.anchor()
    assert [held.ended is None for held in help_.guide.delegates.of(mallory.account)] == [False]


def test_the_person_ends_it_alone_and_nobody_is_told_but_she(help_: Help) -> None:
    secret = help_.name_bo()
    before = help_.told(help_.bo.account)
    assert may(help_) and help_.end(secret)
    assert not may(help_)
    assert not help_.end(secret)
    assert help_.told(help_.bo.account) == before
    assert [type(line) for line in help_.told(help_.ada.account)[-2:]] == [DelegationManifest, DelegationEndManifest]
    # It does not come back.
    assert refused(help_, help_.signed(secret)) in (Code.DELEGATION_OVER, Code.NULLIFIER_USED)


def test_who_opens_a_newborn_s_account_acts_at_once_and_waits_for_no_hospital(help_: Help) -> None:
    """Decision record 0145: her key is the one key of the child's account, so she names herself by consent."""
    child, secret = help_.network.patient("newborn", "north"), os.urandom(32)
    rights = ["look", "consent", "correct", "add"]
    named = help_.signed(
        secret, by=child, account=child.account, key=child.key.key_id.hex(), rights=rights, delegate=help_.bo.account
    )
    help_.guide.delegates.take(named)
    (held,) = help_.guide.delegates.of(child.account)
    assert held.holds and held.delegation.basis == "consent" and held.delegation.attested is None
    assert held.begins <= help_.network.time, "nobody's word but the account's own, so nothing waits"
    for right in rights:
        assert help_.guide.delegates.may(child.account, help_.bo.account, right) is not None
    # At the hospital where the child was born, too; and she ends it as the child's account.
    help_.north.delegates.take(named)
    assert help_.north.delegates.may(child.account, help_.bo.account, "consent") is not None
    # A stranger's key names nobody for the child.
    other = help_.signed(os.urandom(32), by=help_.bo, account=child.account, key=help_.bo.key.key_id.hex())
    assert refused(help_, other) is Code.UNKNOWN_CREDENTIAL


def test_an_end_reaches_every_place_through_the_ledger(help_: Help) -> None:
    secret = os.urandom(32)
    data = help_.signed(secret, rights=["consent"])
    help_.guide.delegates.take(data)
    help_.north.delegates.take(data)
    assert may(help_, "consent", node=help_.north)
    help_.end(secret)
    help_.story.settle()
    assert not may(help_, "consent", node=help_.north)
    assert refused(help_, help_.signed(secret), help_.network["south"]) is Code.DELEGATION_OVER


def test_one_that_was_ended_before_it_came_is_dead(help_: Help) -> None:
    secret = os.urandom(32)
    assert help_.end(secret)
    assert refused(help_, help_.signed(secret)) is Code.DELEGATION_OVER


def test_the_helper_may_resign_and_a_stranger_ends_nothing(help_: Help) -> None:
    secret = help_.name_bo()
    with pytest.raises(Refusal) as no:
        help_.end(secret, by=help_.network.patient("eve"))
    assert no.value.reason is Code.BAD_SIGNATURE and may(help_)
    assert help_.end(secret, by=help_.bo) and not may(help_)


def test_nobody_names_a_helper_for_somebody_else(help_: Help) -> None:
    secret = os.urandom(32)
    assert refused(help_, help_.signed(secret, by=help_.bo)) is Code.BAD_SIGNATURE
    assert refused(help_, help_.signed(secret, key=help_.bo.key.key_id.hex(), by=help_.bo)) is Code.UNKNOWN_CREDENTIAL
    # A helper passes nothing on: what Bo signs for Ada's account is signed by no key of hers.
    help_.name_bo(rights=["look", "consent", "correct", "add"])
    eve = help_.network.patient("eve")
    passed_on = help_.signed(os.urandom(32), by=help_.bo, delegate=eve.account, key=help_.bo.key.key_id.hex())
    assert refused(help_, passed_on) is Code.UNKNOWN_CREDENTIAL


@pytest.mark.parametrize(
    "changes",
    [
        {"until": 0},
        {"attested": "north"},
        {"basis": "parental"},
        {"born": "2015-01-01"},
        {"rights": ["look", "look"]},
        {"types": ["Goal", "Goal"]},
        {"delegate": "ada"},
    ],
)
def test_what_does_not_fit_together_lets_nobody_act(help_: Help, changes: dict[str, object]) -> None:
    if changes.get("delegate") == "ada":
        changes = {"delegate": help_.ada.account}
    assert refused(help_, help_.signed(os.urandom(32), **changes)) is Code.DELEGATION_VOID


def test_what_is_not_readable_or_from_elsewhere_is_refused(help_: Help) -> None:
    assert refused(help_, b"{}") is Code.MALFORMED
    assert refused(help_, bytes(20_000)) is Code.MALFORMED
    assert refused(help_, help_.signed(os.urandom(32), network="00" * 32)) is Code.WRONG_NETWORK
    later = help_.network.time + HOUR
    assert refused(help_, help_.signed(os.urandom(32), time=later)) is Code.FROM_THE_FUTURE
    assert refused(help_, help_.signed(os.urandom(32)), help_.network["east"]) is Code.NOT_LINKED


def test_new_helpers_wait_while_an_account_is_got_back(help_: Help) -> None:
    paper = help_.network.patient("paper").key
    doors = {"guardians": None, "papers": [ladder.paper_hash(paper.public)], "clinic": True}
    held = help_.name_bo()
    submit(help_, help_.ada, "account/doors", doors)
    help_.network.time += 7 * DAY
    payload = {"credential": Authenticator("new phone").credential, "paper": paper.public}
    engine, network = help_.network.engine, help_.network.id
    submit_signed(
        engine, network, help_.ada.account, paper.key_id, paper.sign_transaction_id, "recovery/by-paper", payload
    )
    assert refused(help_, help_.signed(os.urandom(32))) is Code.RECOVERY_WAITS
    assert may(help_) and help_.end(held)


def test_a_hospital_states_what_it_has_seen_papers_for(help_: Help) -> None:
    secret = os.urandom(32)
    unsigned = help_.delegation(secret, basis="legal", rights=["look", "consent"])
    data = attest(help_.north, unsigned)
    help_.guide.delegates.take(data)
    help_.network.time += WAIT_MS
    assert may(help_, "consent")
    # East does not know her.
    assert refused(help_, attest(help_.network["east"], help_.delegation(os.urandom(32), basis="legal"))) is (  # type: ignore[arg-type]
        Code.DELEGATION_VOID
    )
    care_only = help_.delegation(os.urandom(32), basis="best-interest", rights=["consent"])
    assert refused(help_, attest(help_.north, care_only)) is Code.DELEGATION_VOID
    assert refused(help_, help_.signed(os.urandom(32), basis="legal", attested="north")) is Code.BAD_SIGNATURE


def child(help_: Help, born: str, **changes: object):  # type: ignore[no-untyped-def]
    return help_.delegation(
        os.urandom(32), basis="parental", born=born, attested="north",
        until=help_.network.time + 15 * 366 * DAY, **changes,
    )  # fmt: skip


def test_a_parent_s_right_is_reviewed_rests_and_ends_with_the_child_s_age(help_: Help) -> None:
    born = "2016-02-29"
    made = child(help_, born)
    assert flaw(made) is None
    expected = [
        (birthday(born, 11) - 1, Standing.HOLDS),
        (birthday(born, 11), Standing.REVIEW_DUE),
        (birthday(born, 13) - 1, Standing.REVIEW_DUE),
        (birthday(born, 13), Standing.RESTS),
        (birthday(born, 16) - 1, Standing.RESTS),
        (birthday(born, 16), Standing.GROWN),
    ]
    for time, found in expected:
        assert standing(made, time) is found
    reviewed = msgspec.structs.replace(made, time=birthday(born, 11) + DAY)
    assert standing(reviewed, birthday(born, 16) - 1) is Standing.HOLDS
    assert standing(reviewed, birthday(born, 16)) is Standing.GROWN
    grown = msgspec.structs.replace(made, time=birthday(born, 16), until=birthday(born, 16) + DAY)
    assert flaw(grown).code == "grown"  # type: ignore[union-attr]


@given(st.dates(min_value=datetime.date(1900, 1, 1), max_value=datetime.date(2100, 1, 1)))
def test_birthdays_are_those_of_the_calendar(day: object) -> None:
    assert isinstance(day, datetime.date)
    if (day.month, day.day) == (2, 29):
        return
    for years in (0, 11, 16):
        then = datetime.datetime(day.year + years, day.month, day.day, tzinfo=datetime.UTC)
        assert birthday(day.isoformat(), years) == int(then.timestamp()) * 1000


def test_who_was_born_on_a_leap_day_is_older_on_the_first_of_march() -> None:
    assert birthday("2016-02-29", 11) == birthday("2016-03-01", 11)
    assert birthday("2016-02-29", 4) == birthday("2020-02-28", 0) + DAY


def test_an_act_is_written_down_with_both_names(help_: Help) -> None:
    help_.name_bo()
    held = help_.guide.delegates.require(help_.ada.account, help_.bo.account, "look")
    help_.guide.delegates.record_act(held, "look", "Bo Berg", "Ada Ahlgren")
    (act,) = [line for line in help_.told(help_.ada.account) if isinstance(line, ActingManifest)]
    assert act.name == "Bo Berg for Ada Ahlgren" and act.delegation == held.hash.hex()
    assert act.organisation == "guide" and act.right == "look"


def test_lines_of_the_agent_are_rebuilt_from_the_secret_on_paper(help_: Help) -> None:
    help_.name_bo()
    help_.story.settle()
    rebuilt = [line for line in rebuild(help_.network.engine, help_.ada.view_secret) if line.organisation == "guide"]
    assert [line.summary[0] for line in rebuilt if line.summary] == [2, 40]


def test_staff_of_a_helping_organisation_act_while_they_are_its_staff(help_: Help) -> None:

    east = help_.network["east"]
    nurse = help_.network.patient("nurse").key
    engine, network = help_.network.engine, help_.network.id

    def staff(*keys: bytes) -> None:
        payload = {"credentials": [{"kind": "ed25519", "key": key} for key in keys]}
        body = next_body(engine, network, "east", east.keys.key_id, "organisation/staff", payload)
        proof = ["ed25519", east.keys.sign_transaction_id(transaction_id(body))]
        engine.submit([encode_transaction(body, proof)])

    help_.name_bo(delegate="east", name="East helpers")
    delegates = help_.guide.delegates
    assert delegates.may(help_.ada.account, "east", "add", key=nurse.key_id) is None
    staff(nurse.public)
    assert delegates.may(help_.ada.account, "east", "add", key=nurse.key_id) is not None
    staff()
    assert delegates.may(help_.ada.account, "east", "add", key=nurse.key_id) is None


def test_a_delegate_s_consent_stands_while_she_may_give_it(help_: Help) -> None:
    ada, bo, network = help_.ada, help_.bo, help_.network
    secret = os.urandom(32)

    def consent() -> bytes:
        text = '{"resourceType":"Consent","status":"active","provision":{"type":"permit"}}'
        unsigned = FhirConsentManifest(
            "consent/2", network.id.hex(), "north", ada.account, network.time, text, "delegate", bo.account, None,
            os.urandom(32).hex(), bo.key.key_id.hex(),
        )  # fmt: skip
        signature = bo.key.sign_transaction_id(fhir_consent_message(unsigned))
        return manifests.encode(msgspec.structs.replace(unsigned, signature=signature.hex()))

    def give() -> Code | None:
        try:
            help_.north.consents.give(consent())
        except Refusal as refusal:
            return refusal.reason
        return None

    assert give() is Code.NOT_A_DELEGATE
    help_.north.delegates.take(help_.signed(os.urandom(32), rights=["look"]))
    assert give() is Code.NOT_A_DELEGATE
    help_.north.delegates.take(help_.signed(secret, rights=["consent"]))
    assert give() is None
    help_.end(secret, where=help_.north)
    assert give() is Code.NOT_A_DELEGATE


def consent_of(help_: Help, provision: str = '{"type":"permit"}', **more: Any) -> bytes:
    """Bo's consent for Ada at north."""
    ada, bo, network = help_.ada, help_.bo, help_.network
    scope = (
        '"scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]}'
    )
    category = '"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}]'
    head = f'"resourceType":"Consent","status":"active",{scope},{category}'
    text = f'{{{head},{more.get("before", "")}"provision":{provision}}}'
    unsigned = FhirConsentManifest(
        "consent/2", network.id.hex(), "north", ada.account, network.time, text, "delegate", bo.account, None,
        os.urandom(32).hex(), bo.key.key_id.hex(),
    )  # fmt: skip
    signature = bo.key.sign_transaction_id(fhir_consent_message(unsigned))
    return manifests.encode(msgspec.structs.replace(unsigned, signature=signature.hex()))


def given_at_north(help_: Help, consent: bytes) -> Code | None:
    try:
        help_.north.consents.give(consent)
    except Refusal as refusal:
        return refusal.reason
    return None


def test_a_source_is_shown_by_what_right_a_helper_consents(help_: Help) -> None:
    """North never heard of Bo: what Ada signed is presented to it, and it checks that by itself."""
    guide, ada, bo = help_.guide, help_.ada, help_.bo
    secret = help_.name_bo(rights=["look", "consent"])
    assert given_at_north(help_, consent_of(help_)) is Code.NOT_A_DELEGATE
    for _ in range(2):
        guide.delegates.present("north", ada.account, bo.account, "consent", bo.key.key_id)
    assert len(help_.north.delegates.of(ada.account)) == 1
    assert given_at_north(help_, consent_of(help_)) is None
    # Not with another right, another key, or once it is over: then nothing is presented, and nothing stands.
    for right, key in (("correct", bo.key.key_id), ("consent", ada.key.key_id)):
        with pytest.raises(Refusal) as refused:
            guide.delegates.present("north", ada.account, bo.account, right, key)
        assert refused.value.reason is Code.NOT_A_DELEGATE
    help_.end(secret)
    help_.network.anchor()
    assert given_at_north(help_, consent_of(help_)) is Code.NOT_A_DELEGATE
    with pytest.raises(Refusal):
        guide.delegates.present("north", ada.account, bo.account, "consent", bo.key.key_id)


OBSERVATIONS = '"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]'
CONDITIONS = OBSERVATIONS.replace("Observation", "Condition")
MARKS = '"extension":[{"url":"urn:medrec:consent:marks","valueBoolean":true}],'


@pytest.mark.parametrize(
    ("provision", "before", "code"),
    [
        (f'{{"type":"permit",{OBSERVATIONS}}}', "", None),
        (f'{{"type":"deny",{OBSERVATIONS}}}', "", None),
        (f'{{"type":"permit",{OBSERVATIONS},"provision":[{{"type":"deny",{OBSERVATIONS}}}]}}', "", None),
        ('{"type":"permit"}', "", Code.NOT_A_DELEGATE),
        ('{"type":"deny"}', "", Code.NOT_A_DELEGATE),
        (f'{{"type":"permit",{CONDITIONS}}}', "", Code.NOT_A_DELEGATE),
        (f'{{"type":"permit",{OBSERVATIONS}}}', MARKS, Code.NOT_A_DELEGATE),
        ('{"type":"permit","purpose":"nonsense"}', "", Code.NOT_A_DELEGATE),
    ],
)
def test_a_helper_for_one_kind_decides_about_that_kind_alone(
    help_: Help, provision: str, before: str, code: Code | None
) -> None:
    help_.north.delegates.take(help_.signed(os.urandom(32), rights=["consent"], types=["Observation"]))
    assert given_at_north(help_, consent_of(help_, provision, before=before)) is code
