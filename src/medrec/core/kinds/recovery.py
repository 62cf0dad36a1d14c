"""Recovery: a person whose keys are gone gets her account back, slowly and loudly, by one of three doors.

A recovery begins (paper code, guardians, or a clinic in person), waits out the door's time-lock while everybody is
told, and is finished by the new key, which then is the only one. Meanwhile a live key may stop it, once: a thief who
holds one cannot stop it for ever, since after a veto only a majority of the guardians stops the next attempt. A clinic
that was stopped has to leave the next attempt to another, so no clinic gets into an account alone.
"""

from typing import Annotated

import msgspec

from medrec.core import ladder, state
from medrec.core.credential import NewCredential, can_sign, entered, signed_by
from medrec.core.crypto import key_id
from medrec.core.ladder import Approval, Attempt, Check, Doors, Guardians, Ladder, Revealed, Staff, StaffKey, StaffProof
from medrec.core.outcome import Code, claim, refuse
from medrec.core.state import Account
from medrec.core.types import Bytes32, Fields, TimeMs, Transaction, read_fields
from medrec.core.view import Draft

CLINIC_ROLES = frozenset({"hospital", "clinic"})
STAFF_AGE_MS = 24 * ladder.HOUR_MS
"""How long a staff key stands on the ledger, for all to see, before it may vouch for anybody."""

BY_KEY, BY_CLINIC = "key", "clinic "
"""How a ladder remembers what was stopped: by a key of the account; and at which clinic."""

Address = Annotated[str, msgspec.Meta(min_length=1, max_length=65)]


class SetDoors(Fields, frozen=True):
    """The payload of account/doors: all doors as they shall be."""

    guardians: Guardians | None
    papers: Annotated[list[Bytes32], msgspec.Meta(max_length=ladder.PAPERS_MAX)]
    clinic: bool


class ByPaper(Fields, frozen=True):
    """The payload of recovery/by-paper, which the paper code's key signs."""

    credential: NewCredential
    paper: Bytes32


class ByGuardian(Fields, frozen=True):
    """The payload of recovery/by-guardian: one guardian's word for a new credential."""

    account: Address
    credential: NewCredential
    guardians: Revealed


class ByClinic(Fields, frozen=True):
    """The payload of recovery/by-clinic: how the person was recognised, and two of the staff who say so."""

    account: Address
    credential: NewCredential
    check: Check
    staff: tuple[StaffProof, StaffProof]
    time: TimeMs


class Veto(Fields, frozen=True):
    """The payload of recovery/veto: the hash of the new credential that must not come."""

    credential: Bytes32


class Stop(Fields, frozen=True):
    """The payload of recovery/stop: one guardian's word against a recovery."""

    account: Address
    credential: Bytes32
    guardians: Revealed


class Finish(Fields, frozen=True):
    """The payload of recovery/finish, which the new key signs."""


class SetStaff(Fields, frozen=True):
    """The payload of organisation/staff: all keys of staff who may vouch for people."""

    credentials: Annotated[list[NewCredential], msgspec.Meta(max_length=ladder.STAFF_MAX)]


def set_doors(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Choose the ways back. Further papers are noted at once; whatever opens or closes another door waits, the first
    choice too: a thief who finds an account that never chose must not choose for its owner."""
    payload: SetDoors = read_fields(transaction.body.payload, SetDoors)
    address = transaction.body.author
    found = ladder.ladder_of(draft, address)
    claim(found.attempt_at(time) is None, Code.RECOVERY_PENDING)
    chosen = payload.guardians
    if chosen is not None:
        # One guardian alone would be one more key for a thief to steal.
        enough = ladder.GUARDIANS_NEEDED_MIN <= chosen.needs <= chosen.of
        claim(enough, Code.GUARDIANS_TOO_FEW, f"{chosen.needs} of {chosen.of}")
    claim(len(set(payload.papers)) == len(payload.papers), Code.BAD_PAYLOAD, "a paper code stands twice")
    new, old = Doors(chosen, payload.papers, payload.clinic), found.doors_at(time)
    delay, waits = ladder.policy_of(draft).doors, found.waiting_at(time)
    if _adds(found, old, new, time, delay):
        changed = msgspec.structs.replace(found, doors=new, next=None, next_at=0)
    elif waits is not None and _adds(found, waits, new, time, delay):
        # What waits goes on waiting, not anew. A paper that comes meanwhile stands beside the present ones as well.
        kept = [paper for paper in old.papers if paper in new.papers or time >= found.paper_from(paper, delay)]
        more = [paper for paper in new.papers if paper not in kept]
        room = msgspec.structs.replace(old, papers=(kept + more)[: ladder.PAPERS_MAX])
        changed = msgspec.structs.replace(found, doors=room, next=new)
    else:
        changed = msgspec.structs.replace(found, doors=old, next=new, next_at=time + delay)
    named = {paper.hex() for doors in (changed.doors, changed.next) if doors is not None for paper in doors.papers}
    known = {paper.hex() for paper in old.papers} | set(found.papers_since)
    since = {paper: when for paper, when in found.papers_since.items() if paper in named}
    since |= dict.fromkeys(sorted(named - known), time)
    _write(draft, address, msgspec.structs.replace(changed, chosen=True, papers_since=since))


def by_paper(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """A recovery begins with a paper code, which is used up."""
    payload: ByPaper = read_fields(transaction.body.payload, ByPaper)
    address = transaction.body.author
    found = ladder.ladder_of(draft, address)
    used = ladder.paper_hash(payload.paper)
    claim(used in found.doors_at(time).papers, Code.WRONG_CODE)
    # A thief with a live key prints papers of his own: they open nothing before their owner could answer the notice.
    begins = found.paper_from(used, ladder.policy_of(draft).doors)
    claim(time >= begins, Code.TIME_LOCKED, f"this paper until {begins}")
    claim(found.attempt_at(time) is None, Code.RECOVERY_PENDING)
    begun = _begin(draft, address, found, "paper", "", payload.credential, time)
    assert begun.attempt is not None
    # Nor is what a paper begins that is younger than the last veto beyond the next one.
    older = found.papers_since.get(used.hex(), 0) < found.vetoed.get(BY_KEY, 0)
    attempt = msgspec.structs.replace(begun.attempt, final=begun.attempt.final and older)
    since = {paper: when for paper, when in begun.papers_since.items() if paper != used.hex()}
    doors = _without_paper(begun.doors, used)
    _write(draft, address, msgspec.structs.replace(begun, doors=doors, attempt=attempt, papers_since=since))


def by_guardian(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """A guardian agrees to a new key; the recovery begins when enough of them agree to the same one."""
    payload: ByGuardian = read_fields(transaction.body.payload, ByGuardian)
    author = transaction.body.author
    found = _known(draft, payload.account)
    guardians = check_guardian(found.doors_at(time), payload.guardians, author)
    # Words count beside what a paper or a clinic began, and take its place when they are enough: else a thief who
    # begins again and again would keep the guardians from ever being heard.
    attempt = found.attempt_at(time)
    claim(attempt is None or attempt.door != "guardians", Code.RECOVERY_PENDING)
    digest = ladder.credential_hash(payload.credential)
    recent = {who: word for who, word in found.approvals.items() if time < word.time + ladder.LIFE_MS}
    before = recent.get(author)
    claim(before is None or before.credential != digest, Code.ALREADY_SAID)
    claim(can_sign(payload.credential), Code.BAD_CREDENTIAL)
    # One word a guardian: who changes her mind takes back the earlier one, and nobody can hold up the others.
    approvals = {**recent, author: Approval(digest, time)}
    said = sum(1 for word in approvals.values() if word.credential == digest)
    changed = msgspec.structs.replace(found, approvals=approvals)
    if said >= guardians.needs:
        changed = _begin(draft, payload.account, changed, "guardians", "", payload.credential, time)
        changed = msgspec.structs.replace(changed, approvals={})
    _write(draft, payload.account, changed)


def by_clinic(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """A recovery begins at a clinic that has the person before it."""
    payload: ByClinic = read_fields(transaction.body.payload, ByClinic)
    author = transaction.body.author
    check_clinic(draft, author)
    found = _known(draft, payload.account)
    claim(found.doors_at(time).clinic, Code.DOOR_CLOSED)
    claim(found.attempt_at(time) is None, Code.RECOVERY_PENDING)
    stopped = found.vetoed.get(BY_CLINIC + author)
    claim(stopped is None or time >= stopped + ladder.MEMORY_MS, Code.CLINIC_SPENT)
    digest = ladder.credential_hash(payload.credential)
    age = time - payload.time
    claim(-ladder.VOUCH_AHEAD_MS <= age < ladder.VOUCH_LIFE_MS, Code.VOUCH_VOID, f"of {payload.time}")
    vouched = _recent(found.vouched, time)
    claim(payload.time > vouched.get(author, -1), Code.VOUCH_VOID, "used")
    message = ladder.vouch_message(
        transaction.body.network, author, payload.account, digest, payload.check, payload.time
    )
    claim(payload.staff[0][0] != payload.staff[1][0], Code.STAFF_UNKNOWN, "one key twice")
    for key, proof in payload.staff:
        check_staff(draft, author, key, message, proof, time)
    changed = msgspec.structs.replace(found, vouched=vouched | {author: payload.time})
    _write(draft, payload.account, _begin(draft, payload.account, changed, "clinic", author, payload.credential, time))


def veto(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """A live key stops a recovery: the first one in a while."""
    payload: Veto = read_fields(transaction.body.payload, Veto)
    address = transaction.body.author
    found = ladder.ladder_of(draft, address)
    attempt = _under_way(found, payload.credential, time)
    claim(not attempt.final, Code.VETO_SPENT)
    vetoed = _stopped(found, attempt, time) | {BY_KEY: time}
    _write(draft, address, msgspec.structs.replace(found, attempt=None, vetoed=vetoed))


def stop(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """A guardian is against a recovery. A majority stops any; the first at a clinic is stopped by one."""
    payload: Stop = read_fields(transaction.body.payload, Stop)
    author = transaction.body.author
    found = _known(draft, payload.account)
    attempt = _under_way(found, payload.credential, time)
    # The guardians of when it began: a thief's own set must not come into force in between.
    guardians = check_guardian(found.doors_at(attempt.since), payload.guardians, author)
    claim(author not in attempt.stops, Code.ALREADY_SAID)
    stops = [*attempt.stops, author]
    needed = 1 if attempt.door == "clinic" and not attempt.final else guardians.of // 2 + 1
    if len(stops) < needed:
        changed = msgspec.structs.replace(found, attempt=msgspec.structs.replace(attempt, stops=stops))
    else:
        vetoed = _stopped(found, attempt, time)
        changed = msgspec.structs.replace(found, attempt=None, approvals={}, vetoed=vetoed)
    _write(draft, payload.account, changed)


def finish(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """The new key takes the account over: it is the only one from now on. The address, and all history, stays."""
    read_fields(transaction.body.payload, Finish)
    address = transaction.body.author
    found = ladder.ladder_of(draft, address)
    attempt = found.attempt_at(time)
    if attempt is None:
        refuse(Code.NO_RECOVERY)
    claim(time >= attempt.ripe, Code.TIME_LOCKED, f"until {attempt.ripe}")
    account = state.account(draft, address)
    assert account is not None
    for _, credential in sorted(account.credentials.items()):
        ladder.retire(draft, address, credential, height)
    new = entered(attempt.credential, height)
    # A thief may have used up the numbers; what old keys signed is no transaction any more.
    draft.delete(state.nonce_key(address))
    if found.frozen_until:
        draft.delete(ladder.thaw_index(found.frozen_until, address))
    state.write(draft, state.account_key(address), Account({key_id(new.key).hex(): new}, since=account.since))
    # What the old keys prepared falls: a change of doors that waits, and papers that a thief may have printed.
    doors = msgspec.structs.replace(found.doors_at(attempt.since), papers=[])
    _write(draft, address, Ladder(doors, found.chosen, vouched=found.vouched, froze=found.froze))


def set_staff(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """An organisation names the keys of its staff who may vouch or act for people; those that stay keep their age."""
    payload: SetStaff = read_fields(transaction.body.payload, SetStaff)
    author = transaction.body.author
    before = state.read(draft, ladder.staff_key(author), Staff) or Staff()
    keys: dict[str, StaffKey] = {}
    for credential in payload.credentials:
        claim(can_sign(credential), Code.BAD_CREDENTIAL)
        name = key_id(credential.key).hex()
        claim(name not in keys, Code.CREDENTIAL_EXISTS)
        kept = before.keys.get(name)
        keys[name] = kept if kept is not None and kept.credential == credential else StaffKey(credential, time)
    claim(keys != before.keys, Code.NO_CHANGE)
    state.write(draft, ladder.staff_key(author), Staff(keys))


def check_guardian(doors: Doors, revealed: Revealed, author: str) -> Guardians:
    """The guardians of an account, if this is their set and the author one of them."""
    guardians = doors.guardians
    if guardians is None:
        refuse(Code.DOOR_CLOSED)
    fits = (
        sorted(set(revealed.members)) == revealed.members
        and (len(revealed.members), revealed.needs) == (guardians.of, guardians.needs)
        and ladder.guardians_commitment(revealed) == guardians.commitment
    )
    claim(fits, Code.WRONG_GUARDIANS)
    claim(author in revealed.members, Code.NOT_A_GUARDIAN)
    return guardians


def check_clinic(draft: Draft, author: str) -> None:
    """Only hospitals and clinics meet people in person."""
    organisation = state.organisation(draft, author)
    claim(organisation is not None and CLINIC_ROLES.intersection(organisation.roles), Code.NOT_A_CLINIC)


def check_staff(draft: Draft, organisation: str, key: bytes, message: bytes, proof: bytes, time: int) -> None:
    """A member of the organisation's staff, known for long enough, signed this."""
    staff = state.read(draft, ladder.staff_key(organisation), Staff) or Staff()
    found = staff.keys.get(key.hex())
    if found is None or time < found.since + STAFF_AGE_MS:
        refuse(Code.STAFF_UNKNOWN, key.hex())
    claim(signed_by(found.credential, message, proof), Code.STAFF_UNKNOWN, f"{key.hex()} did not sign this")


def _adds(found: Ladder, before: Doors, new: Doors, time: int, delay: int) -> bool:
    """Whether nothing but papers differs, and none goes that already opens the door: a thief's go at once."""
    if (new.guardians, new.clinic) != (before.guardians, before.clinic):
        return False
    return all(paper in new.papers or time < found.paper_from(paper, delay) for paper in before.papers)


def _begin(
    draft: Draft, address: str, found: Ladder, door: ladder.Door, by: str, new: NewCredential, time: int
) -> Ladder:
    # The new key may be one that acts already: otherwise a thief who sees it named would add it, and so refuse it.
    claim(can_sign(new), Code.BAD_CREDENTIAL)
    ripe = time + ladder.policy_of(draft).delay(door)
    vetoed = _recent(found.vetoed, time)
    attempt = Attempt(door, by, new, time, ripe, ripe + ladder.LIFE_MS, BY_KEY in vetoed)
    # Doors that wait are dropped: a thief's must not come into force while he stops what the present ones began.
    doors = found.doors_at(time)
    return msgspec.structs.replace(found, doors=doors, next=None, next_at=0, attempt=attempt, vetoed=vetoed)


def _known(draft: Draft, address: str) -> Ladder:
    claim(state.account(draft, address) is not None, Code.UNKNOWN_ACCOUNT)
    return ladder.ladder_of(draft, address)


def _under_way(found: Ladder, credential: bytes, time: int) -> Attempt:
    attempt = found.attempt_at(time)
    if attempt is None or ladder.credential_hash(attempt.credential) != credential:
        refuse(Code.NO_RECOVERY)
    return attempt


def _stopped(found: Ladder, attempt: Attempt, time: int) -> dict[str, int]:
    stopped = {f"{BY_CLINIC}{attempt.by}": time} if attempt.by else {}
    return _recent(found.vetoed, time) | stopped


def _recent(times: dict[str, int], time: int) -> dict[str, int]:
    return {who: when for who, when in times.items() if time < when + ladder.MEMORY_MS}


def _without_paper(doors: Doors, used: bytes) -> Doors:
    return msgspec.structs.replace(doors, papers=[paper for paper in doors.papers if paper != used])


def _write(draft: Draft, address: str, changed: Ladder) -> None:
    state.write(draft, ladder.ladder_key(address), changed)
