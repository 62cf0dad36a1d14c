"""Each way back into an account on real nodes: it works, is stopped, runs out; everybody is told; care goes on."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from medrec.core import ladder, state
from medrec.core.credential import NewEd25519
from medrec.core.ladder import Revealed
from medrec.core.manifests.consent import ConsentManifest, Grant, RevocationManifest
from medrec.core.outcome import Code as Outcome
from medrec.core.webauthn import NewPasskey
from medrec.node.account import paper, recovery
from medrec.node.account.accounts import AccountError, submit_signed
from medrec.node.account.recovery import Signer
from medrec.node.consent import consents
from medrec.node.keeping.keys import PersonKey
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from tests.core.authenticator import Authenticator
from tests.node.helping import DAY, Help
from tests.node.network import Patient
from tests.portal.story import observation

HOUR = 3_600_000
CODES = [bytes([number]) * 16 for number in (1, 2, 3)]
NEW = Authenticator("the new phone")
CREDENTIAL = NewPasskey(-7, False, NEW.public, list(NEW.origins), NEW.credential["rp"])


def signer(who: Patient) -> Signer:
    return Signer(who.account, who.key.key_id, who.key.sign_transaction_id)


class Rescue(Help):
    """Ada with two of three guardians, papers, and staff at north and south; south may see what north holds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        network = self.network
        self.north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
        self.friends = [self.bo, network.patient("cy"), network.patient("di")]
        self.guardians = Revealed(sorted(friend.account for friend in self.friends), 2, os.urandom(32))
        recovery.choose_doors(
            network.engine, network.id, signer(self.ada), self.guardians,
            [paper.paper_hash(code) for code in CODES], True,
        )  # fmt: skip
        recovery.keep_guardians(self.guide, self.ada.account, self.guardians)
        self.staff: dict[str, list[Signer]] = {}
        for organisation in ("north", "south"):
            keys = [PersonKey.from_seed(f"{organisation} staff {number}".ljust(32).encode()) for number in (1, 2)]
            recovery.name_staff(network[organisation], [NewEd25519(key.public) for key in keys])  # type: ignore[arg-type]
            self.staff[organisation] = [Signer("", key.key_id, key.sign_transaction_id) for key in keys]
        self.secret = network.consent(self.ada, "north", "south")
        self.story.settle()
        self.wait(7 * DAY)
        self.guide.account_watch.step()
        self.brown = network["south"].practitioners.enter("brown", "Dr Brown", PHYSICIAN, machine=False)  # type: ignore[attr-defined]

    def wait(self, ms: int) -> None:
        """Time goes by, and an empty block says so."""
        self.network.time += ms
        self.network.engine.submit([])

    def looked(self, purpose: str = "TREAT") -> int:
        """South asks north for Ada's records; how many come, 0 for a refusal."""
        try:
            got = request_records(
                self.network["south"], "north", self.ada.account, purpose=purpose,  # type: ignore[arg-type]
                practitioner=self.brown, reason="care",
            )  # fmt: skip
        except PeerError:
            return 0
        return len(got.records)

    def by_paper(self, number: int) -> None:
        recovery.begin_by_paper(self.network.engine, self.network.id, self.ada.account, CODES[number], CREDENTIAL)

    def by_guardians(self, number: int) -> None:
        for friend in self.friends[:2]:
            recovery.speak_for(
                self.network.engine, self.network.id, signer(friend), self.ada.account, CREDENTIAL, self.guardians
            )

    def by_clinic(self, number: int) -> None:
        organisation = ("north", "south")[number]
        node: Any = self.network[organisation]
        recovery.vouch(node, self.ada.account, CREDENTIAL, "document-and-face", self.staff[organisation])

    def veto(self) -> None:
        recovery.veto(self.network.engine, self.network.id, signer(self.ada), CREDENTIAL)

    def stop(self, friend: Patient) -> None:
        recovery.stop(
            self.network.engine, self.network.id, signer(friend), self.ada.account, CREDENTIAL, self.guardians
        )

    def finish(self) -> None:
        recovery.finish(self.network.engine, self.network.id, Signer(self.ada.account, NEW.key_id, NEW.sign))

    @property
    def keys(self) -> set[str]:
        with self.network.engine.view() as view:
            found = state.account(view, self.ada.account)
        assert found is not None
        return set(found.credentials)


class Door(NamedTuple):
    name: str
    hours: int
    begin: Callable[[Rescue, int], None]
    kind: str


DOORS = [
    Door("paper", 24, Rescue.by_paper, "recovery/by-paper"),
    Door("guardians", 48, Rescue.by_guardians, "recovery/by-guardian"),
    Door("clinic", 72, Rescue.by_clinic, "recovery/by-clinic"),
]
every_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)


@pytest.fixture
def rescue(tmp_path: Path) -> Iterator[Rescue]:
    made = Rescue(tmp_path)
    yield made
    made.close()


def refused(act: Callable[[], object]) -> Outcome:
    with pytest.raises(AccountError) as no:
        act()
    return no.value.outcome.code


@every_door
def test_she_gets_back_in_and_the_old_key_is_out(rescue: Rescue, door: Door) -> None:
    door.begin(rescue, 0)
    assert refused(rescue.finish) is Outcome.TIME_LOCKED
    rescue.wait(door.hours * HOUR - 1)
    assert refused(rescue.finish) is Outcome.TIME_LOCKED
    rescue.wait(1)
    rescue.finish()
    assert rescue.keys == {NEW.key_id.hex()}
    with pytest.raises(Refusal) as no:
        rescue.network.consent(rescue.ada, "north", "east") if False else rescue.north.consents.give(
            old_consent(rescue)
        )
    assert no.value.reason is Code.UNKNOWN_CREDENTIAL


def old_consent(rescue: Rescue) -> bytes:
    ada, network = rescue.ada, rescue.network
    grant = Grant("permit", ["east"], [], None)
    return consents.write_consent(
        network.id, "north", ada.account, network.time, grant, os.urandom(32), ada.key.key_id, ada.sign
    )


@every_door
def test_a_live_key_stops_it_once_and_the_second_needs_the_guardians(rescue: Rescue, door: Door) -> None:
    door.begin(rescue, 0)
    rescue.veto()
    assert refused(rescue.finish) is Outcome.UNKNOWN_KEY
    door.begin(rescue, 1)
    assert refused(rescue.veto) is Outcome.VETO_SPENT
    rescue.stop(rescue.friends[0])
    rescue.wait(door.hours * HOUR)
    rescue.stop(rescue.friends[1])
    assert refused(rescue.finish) is Outcome.UNKNOWN_KEY
    assert rescue.keys == {rescue.ada.key.key_id.hex()}


@every_door
def test_a_thief_with_a_live_key_does_not_keep_her_out(rescue: Rescue, door: Door) -> None:
    door.begin(rescue, 0)
    rescue.veto()
    door.begin(rescue, 1)
    rescue.wait(door.hours * HOUR)
    rescue.finish()
    assert rescue.keys == {NEW.key_id.hex()}


@every_door
def test_one_that_is_not_finished_runs_out(rescue: Rescue, door: Door) -> None:
    door.begin(rescue, 0)
    rescue.wait(door.hours * HOUR + 7 * DAY)
    assert refused(rescue.finish) is Outcome.NO_RECOVERY
    assert rescue.keys == {rescue.ada.key.key_id.hex()}


@every_door
def test_everybody_concerned_is_told_on_every_channel_even_if_one_fails(rescue: Rescue, door: Door) -> None:
    told: list[recovery.Event] = []

    def broken(event: recovery.Event) -> None:
        raise OSError("the line is dead")

    watch = rescue.guide.account_watch
    watch.channels += [broken, told.append]
    door.begin(rescue, 0)
    events = watch.step()
    concerned = {rescue.ada.account, *(friend.account for friend in rescue.friends)}
    assert {event.account for event in events} == concerned and told == events
    assert all(event.about == rescue.ada.account and event.kind == door.kind and event.urgent for event in events)
    assert watch.of(rescue.ada.account)[0].kind == door.kind
    rescue.wait(door.hours * HOUR)
    rescue.finish()
    watch.step()
    assert watch.of(rescue.ada.account)[0].kind == "recovery/finish"
    assert watch.step() == [] and told != []


@every_door
def test_care_goes_on_meanwhile_and_what_is_new_waits(rescue: Rescue, door: Door) -> None:
    before = {purpose: rescue.looked(purpose) for purpose in ("TREAT", "ETREAT")}
    assert before["TREAT"] == 1
    door.begin(rescue, 0)
    assert {purpose: rescue.looked(purpose) for purpose in ("TREAT", "ETREAT")} == before
    with pytest.raises(Refusal) as no:
        rescue.north.consents.give(old_consent(rescue))
    assert no.value.reason is Code.RECOVERY_WAITS
    rescue.network.consent(rescue.ada, "north", "east", effect="deny")
    rescue.network.take_back(rescue.ada, "north", rescue.secret)
    assert rescue.looked() == 0


@every_door
def test_her_history_is_hers_under_the_new_key(rescue: Rescue, door: Door) -> None:
    rescue.story.settle()
    before = {
        (notice.tag if hasattr(notice, "tag") else notice.entry)
        for notice in rescue.guide.agent.notices(rescue.ada.account)
    }
    door.begin(rescue, 0)
    rescue.wait(door.hours * HOUR)
    rescue.finish()
    # A consent that the old key gave is taken back with the new one.
    message = consents.write_revocation(rescue.ada.account, rescue.secret, NEW.sign_for)
    consents.answer_revocation(rescue.north, "guide", message)
    assert rescue.looked() == 0
    rescue.story.settle()
    after = rescue.guide.agent.notices(rescue.ada.account)
    assert before <= {notice.entry for notice in after}
    assert any(isinstance(notice.manifest, RevocationManifest) for notice in after)


def test_what_the_lost_key_signed_is_believed_when_it_comes_late(rescue: Rescue) -> None:
    given = rescue.network.consent(rescue.ada, "south", "north")
    assert given
    rescue.by_paper(0)
    rescue.wait(24 * HOUR)
    rescue.finish()
    rescue.story.settle()
    kinds = [notice.manifest for notice in rescue.guide.agent.notices(rescue.ada.account)]
    assert any(isinstance(one, ConsentManifest) and one.organisation == "south" for one in kinds)
    # The key that signed stands on the ledger as a former one.
    with rescue.network.engine.view() as view:
        former = ladder.credential_ever(view, rescue.ada.account, rescue.ada.key.key_id)
    assert former is not None and former.key == rescue.ada.key.public


def test_a_second_device_needs_no_door(rescue: Rescue) -> None:
    tablet = Authenticator("tablet")
    submit_signed(
        rescue.network.engine, rescue.network.id, rescue.ada.account, rescue.ada.key.key_id,
        rescue.ada.key.sign_transaction_id, "account/credential-add", {"credential": tablet.credential},
    )  # fmt: skip
    submit_signed(
        rescue.network.engine, rescue.network.id, rescue.ada.account, tablet.key_id, tablet.sign,
        "account/credential-remove", {"key": rescue.ada.key.key_id},
    )  # fmt: skip
    events = rescue.guide.account_watch.step()
    assert [event.kind for event in events if event.account == rescue.ada.account] == [
        "account/credential-add", "account/credential-remove",
    ]  # fmt: skip
    assert rescue.keys == {tablet.key_id.hex()}


def test_a_clinic_vouches_for_nobody_whom_it_does_not_know(rescue: Rescue) -> None:
    with pytest.raises(LookupError):
        recovery.vouch(rescue.north, rescue.bo.account, CREDENTIAL, "document", rescue.staff["north"])
    one = rescue.staff["north"][0]
    assert (
        refused(lambda: recovery.vouch(rescue.north, rescue.ada.account, CREDENTIAL, "document", [one, one]))
        is Outcome.STAFF_UNKNOWN
    )


def test_freezing_stops_what_is_new_and_ends_by_itself(rescue: Rescue) -> None:
    network, ada = rescue.network, rescue.ada
    recovery.freeze(network.engine, network.id, signer(rescue.bo), ada.account, rescue.guardians)
    assert rescue.looked() == 1
    with pytest.raises(Refusal) as no:
        rescue.north.consents.give(old_consent(rescue))
    assert no.value.reason is Code.UNKNOWN_ACCOUNT
    network.time += 5 * DAY + 1
    assert rescue.guide.mark_overdue().time == network.time
    rescue.north.consents.give(old_consent(rescue))
    recovery.freeze_here(rescue.north, ada.account, rescue.staff["north"][0])
    recovery.unfreeze(network.engine, network.id, signer(ada), ada.account)
    rescue.north.consents.give(old_consent(rescue))


def test_ways_back_are_counted(rescue: Rescue) -> None:
    found = recovery.readiness(rescue.guide, rescue.ada.account)
    assert (found.devices, found.papers, found.guardians, found.clinic, found.ways) == (1, 3, True, True, 3)
    assert recovery.readiness(rescue.guide, rescue.bo.account).ways == 1
    kept = recovery.guardians_of(rescue.guide, rescue.ada.account)
    assert kept == rescue.guardians and recovery.guardians_of(rescue.guide, rescue.bo.account) is None


def test_guardians_lie_sealed(rescue: Rescue) -> None:
    with rescue.guide.store.read() as connection:
        rows = connection.execute(recovery.guardian_set.select()).all()
    assert rows and rescue.guardians.salt not in bytes(rows[0].sealed)
