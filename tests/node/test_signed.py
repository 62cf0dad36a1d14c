"""Her agent takes no line that tells of others' words without their signatures, whatever its kind."""

from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.consent.plain import EVERYTHING, write
from medrec.core.credential import NewCredential
from medrec.core.manifests.acts import Act, ActManifest, Subject, act_message
from medrec.core.manifests.consent import Attestation, FhirConsentManifest, fhir_consent_message
from medrec.core.manifests.correction import CorrectionRequestManifest, CorrectionStatement, CorrectionTakenManifest
from medrec.core.manifests.correction import statement_message as correction_message
from medrec.core.manifests.delegation import (
    Delegation,
    DelegationEndManifest,
    DelegationManifest,
    DelegationRest,
    DelegationRestManifest,
    delegation_end_message,
    delegation_message,
    delegation_rest_message,
)
from medrec.core.manifests.dispute import DisputeManifest, Statement
from medrec.core.manifests.dispute import statement_message as dispute_message
from medrec.node.account import recovery
from medrec.node.agent.known import Known, Right
from medrec.node.agent.signed import CHECKS, is_signed
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.keys import PersonKey
from medrec.node.looks import disputing
from medrec.node.refusals import Refusal
from tests.node.network import Network, Patient
from tests.node.test_gate import get, written
from tests.node.test_remembered import network as network

ZERO, MARK, HASH = "00" * 64, "ab" * 16, "cd" * 32


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north", "south")


def test_every_kind_of_manifest_says_how_it_is_checked_or_why_not() -> None:
    assert set(CHECKS) == set(manifests.FORMS)
    assert all(callable(check) or len(check) > 20 for check in CHECKS.values())
    # A kind that nobody entered is taken by no agent.
    planted = {**manifests.FORMS, "planted/1": manifests.FORMS["link/1"]}
    assert set(planted) - set(CHECKS) == {"planted/1"}


def test_whatever_carries_somebody_s_signature_is_checked() -> None:
    """Found in the forms: a field called signature, in the manifest or in what it holds."""
    found = {kind for kind, form in manifests.FORMS.items() if _carries(form)}
    # What only her own agent tells is checked for its teller.
    assert found | {"acting/1", "share/1"} == {kind for kind, check in CHECKS.items() if callable(check)}


def _carries(form: Any) -> bool:
    return '"signature"' in msgspec.json.encode(msgspec.json.schema(form)).decode()


def hers(network: Network, ada: Patient) -> dict[str, Any]:
    """One line of each kind that tells of her word, unsigned, with what she signs of it and where that stands."""
    head = (network.id.hex(), "north", ada.account, network.time)
    own = {"network": network.id.hex(), "account": ada.account, "time": network.time, "key": ada.key.key_id.hex()}
    fhir = FhirConsentManifest(
        "consent/2", *head, write(EVERYTHING, ada.account, network.time).decode(), "self", None, None, HASH, own["key"]
    )
    dispute = Statement(id=MARK, action="close", requester="south", source="north", obligation=None, words="", **own)
    correction = CorrectionStatement(
        source="north", id=MARK, type="Observation", record="bp", manifest=HASH, words="Wrong", proposed="", **own
    )
    rights = {"rights": ["look"], "types": [], "until": network.time + 1, "basis": "consent", "attested": None}
    right = Delegation(delegate=ada.account, name="Bo", born=None, nullifier=HASH, **rights, **own)
    rest = DelegationRest(delegation=HASH, action="go-on", **own)
    subject = Subject("key", "Metformin")
    act = Act(id=MARK, kind="not-taking", author="patient", organisation="", name="Ada", subjects=[subject], **own)
    said = DisputeManifest("dispute/1", *head, dispute, None, None)
    return {
        "consent/2": (fhir, fhir_consent_message(fhir), ()),
        "dispute/1": (said, dispute_message(dispute), ("statement",)),
        "correction-request/1": (
            CorrectionRequestManifest("correction-request/1", *head, correction, MARK, network.time),
            correction_message(correction),
            ("statement",),
        ),
        "correction-taken/1": (
            CorrectionTakenManifest("correction-taken/1", *head, "guide", correction, HASH, MARK, network.time),
            correction_message(correction),
            ("statement",),
        ),
        "delegation/1": (DelegationManifest("delegation/1", *head, right), delegation_message(right), ("delegation",)),
        "delegation-rest/1": (
            DelegationRestManifest("delegation-rest/1", *head, rest), delegation_rest_message(rest), ("stated",)
        ),
        "delegation-end/1": (
            DelegationEndManifest("delegation-end/1", *head, "person", HASH, own["key"], ""),
            delegation_end_message(bytes.fromhex(HASH)),
            (),
        ),
        "list-act/1": (ActManifest("list-act/1", *head, act), act_message(act), ("act",)),
    }  # fmt: skip


def signed(stated: Any, where: tuple[str, ...], signature: str) -> Any:
    if not where:
        return msgspec.structs.replace(stated, signature=signature)
    inner = msgspec.structs.replace(getattr(stated, where[0]), signature=signature)
    return msgspec.structs.replace(stated, **{where[0]: inner})


def test_her_word_is_taken_with_her_signature_and_not_without(network: Network, ada: Patient) -> None:
    grace = network.patient("grace", "north")
    with network.engine.view() as view:
        for kind, (stated, message, where) in hers(network, ada).items():
            assert is_signed(view, ada.account, signed(stated, where, ada.sign(message)[1].hex())), kind
            for false in (ZERO, "", grace.sign(message)[1].hex()):
                assert not is_signed(view, ada.account, signed(stated, where, false)), (kind, false)


def test_a_delegate_s_and_a_clerk_s_word_bears_theirs(network: Network, ada: Patient) -> None:
    grace = network.patient("grace", "north")
    (consent, _, _) = hers(network, ada)["consent/2"]
    acting = msgspec.structs.replace(consent, assurance="delegate", acting=grace.account, key=grace.key.key_id.hex())
    attested = msgspec.structs.replace(consent, assurance="clinic", attested=Attestation("Kim Clerk", "paper"))
    with network.engine.view() as view:
        message = fhir_consent_message(acting)
        right = hers(network, ada)["delegation/1"][0].delegation
        right = msgspec.structs.replace(right, delegate=grace.account, rights=["consent"])
        known = Known("guide", "north", None, lambda: network.time, lambda: [Right("north", right)])
        assert is_signed(view, ada.account, signed(acting, (), grace.sign(message)[1].hex()), known)
        assert not is_signed(view, ada.account, signed(acting, (), ada.sign(message)[1].hex()), known)
        # Whoever has no right from her signs for herself alone.
        assert not is_signed(view, ada.account, signed(acting, (), grace.sign(message)[1].hex()))
        # Who signed does not fit with what is said of it.
        for unfit in (
            msgspec.structs.replace(acting, acting=None),
            msgspec.structs.replace(attested, attested=None),
            msgspec.structs.replace(acting, acting=ada.account),
        ):
            assert not is_signed(view, ada.account, signed(unfit, (), ada.sign(fhir_consent_message(unfit))[1].hex()))


def test_a_clerk_whose_key_stands_on_the_ledger_is_not_spoken_for(network: Network, ada: Patient) -> None:
    north: Any = network["north"]
    rose = PersonKey.generate()
    recovery.name_staff(north, [msgspec.convert({"kind": "ed25519", "key": rose.public}, NewCredential)])
    (consent, _, _) = hers(network, ada)["consent/2"]
    by = {"assurance": "clinic", "attested": Attestation("Rose", "paper"), "key": rose.key_id.hex()}
    attested = msgspec.structs.replace(consent, **by)
    with network.engine.view() as view:
        proof = rose.sign_transaction_id(fhir_consent_message(attested)).hex()
        assert is_signed(view, ada.account, signed(attested, (), proof))
        assert not is_signed(view, ada.account, signed(attested, (), ZERO))


def tell(network: Network, place: str, stated: Any, summary: list[Any] | None = None) -> list[str]:
    """A hostile place puts a line into its journal; the kinds that her agent has then."""
    node: Any = network[place]
    (person,) = [row.id for row in node.rows(store.person) if row.account == stated.account]
    draft = Draft(stated.manifest, manifests.encode(stated), person, None, summary)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    network.anchor()
    network.deliver()
    agent: Any = network["guide"].agent
    return [one.kind for one in agent.notices(stated.account)]


def test_a_consent_that_she_never_signed_is_not_shown(network: Network, ada: Patient) -> None:
    stated, message, _ = hers(network, ada)["consent/2"]
    north: Any = network["north"]
    with pytest.raises(Refusal):
        north.consents.give(manifests.encode(signed(stated, (), ZERO)))
    assert "consent/2" not in tell(network, "north", signed(stated, (), ZERO))
    assert "consent/2" in tell(network, "north", signed(stated, (), ada.sign(message)[1].hex()))


def test_a_dispute_ends_by_her_own_word_alone(network: Network, ada: Patient) -> None:
    """South, disputed, and a place of hers: it tells her agent that she has closed it."""
    guide: Any = network["guide"]
    network.consent(ada, "north", "south")
    get(network, ada.account)
    raised = disputing.dispute(guide, ada.account, "south", "north", ada.sign, ada.key.key_id, words="I know nobody")
    network.anchor()
    network.deliver()
    (opened,) = written(network["north"], "dispute/1")
    said = msgspec.structs.replace(opened.statement, action="close", time=network.time, signature=ZERO, words="")
    closed = msgspec.structs.replace(opened, organisation="south", statement=said, owes=None, due=None)
    before = guide.agent.notices(ada.account)
    tell(network, "south", closed, [10, network.time, "close", "south", raised.id])
    told = [one.manifest.statement for one in guide.agent.notices(ada.account) if one.kind == "dispute/1"]
    assert {one.action for one in told} == {"open"} and len(before) == len(guide.agent.notices(ada.account))
    # A place that comes to know her now hears of the open dispute.
    code = network["east"].linker.invite("ada")
    guide.agent.link(ada.account, "east", code, ada.sign)
    network.anchor()
    network.deliver()
    assert disputing.bring_on(guide) == 1
