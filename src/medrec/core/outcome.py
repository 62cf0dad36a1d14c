"""Why a transaction was accepted or refused.

Numbers are given by hand and never reused. Source order is precedence: where two codes fit, the upper one is the
answer. Each code has a sentence here and a heading in docs/spec/ledger.md.
"""

from enum import IntEnum
from typing import NamedTuple, NoReturn


class Code(IntEnum):
    """The outcome of one transaction."""

    OK = 0

    # The bytes themselves.
    TOO_LARGE = 1
    MALFORMED = 2
    UNKNOWN_KIND = 3
    WRONG_NETWORK = 4

    # Who speaks, and when.
    EXPIRED = 10
    EXPIRES_TOO_LATE = 11
    WRONG_AUTHOR = 12
    UNKNOWN_AUTHOR = 13
    AUTHOR_SUSPENDED = 14
    RETIRED_KEY = 15
    UNKNOWN_KEY = 16
    STALE_NONCE = 17
    BAD_SIGNATURE = 18
    BAD_PAYLOAD = 19

    # Batches of journal lines.
    BATCH_GAP = 30
    BATCH_FORK = 31
    ENTRY_MALFORMED = 32
    BATCH_COUNT = 33
    BATCH_ROOT = 34
    UNKNOWN_DEBTOR = 35
    OBLIGATION_EXISTS = 36
    DUE_OUT_OF_RANGE = 37

    # Organisations and their votes.
    NO_VOTE = 50
    UNKNOWN_PROPOSAL = 51
    PROPOSAL_CLOSED = 52
    ALREADY_VOTED = 53
    ORGANISATION_EXISTS = 54
    UNKNOWN_ORGANISATION = 55
    NO_CHANGE = 56
    KEY_IN_USE = 57
    LAST_VOTERS = 58
    BAD_UPGRADE = 59
    NAME_IN_USE = 60

    # Accounts of people.
    ADDRESS_MISMATCH = 70
    ACCOUNT_EXISTS = 71
    CREDENTIAL_EXISTS = 72
    UNKNOWN_CREDENTIAL = 73
    LAST_CREDENTIAL = 74
    TOO_MANY_CREDENTIALS = 75
    BAD_CREDENTIAL = 76
    RECOVERY_PENDING = 77
    NO_RECOVERY = 78
    TIME_LOCKED = 79

    # Ways back into an account, and freezing it.
    UNKNOWN_ACCOUNT = 140
    NOT_A_CLINIC = 141
    DOOR_CLOSED = 142
    WRONG_CODE = 143
    WRONG_GUARDIANS = 144
    NOT_A_GUARDIAN = 145
    GUARDIANS_TOO_FEW = 146
    ALREADY_SAID = 147
    STAFF_UNKNOWN = 148
    VETO_SPENT = 149
    CLINIC_SPENT = 150
    ALREADY_FROZEN = 151
    NOT_FROZEN = 152
    FREEZE_SPENT = 153
    UNFREEZE_SPENT = 154
    VOUCH_VOID = 155


SENTENCES: dict[Code, str] = {
    Code.OK: "The transaction was accepted.",
    Code.TOO_LARGE: "The transaction has more bytes than the ledger takes; split the batch.",
    Code.MALFORMED: "The bytes are not a transaction in its one form; encode it anew.",
    Code.UNKNOWN_KIND: "This network does not know this kind of transaction; check the protocol version.",
    Code.WRONG_NETWORK: "The transaction was made for another network; check the genesis file.",
    Code.EXPIRED: "The transaction expired before it was ordered; sign it again with a later height.",
    Code.EXPIRES_TOO_LATE: "The transaction would stay valid for too long; choose an earlier height.",
    Code.WRONG_AUTHOR: "This author may not make this kind of transaction.",
    Code.UNKNOWN_AUTHOR: "Nobody of this name is on the ledger.",
    Code.AUTHOR_SUSPENDED: "This organisation is suspended or this account is frozen.",
    Code.RETIRED_KEY: "The signing key was replaced; sign with the present one.",
    Code.UNKNOWN_KEY: "The signing key does not belong to the author.",
    Code.STALE_NONCE: "The author has already used this number or a higher one; take the next one.",
    Code.BAD_SIGNATURE: "The signature does not verify.",
    Code.BAD_PAYLOAD: "A field of the transaction is missing, of the wrong type, or out of range.",
    Code.BATCH_GAP: "The batch does not begin where this organisation's journal stood on the ledger.",
    Code.BATCH_FORK: "The batch does not follow this organisation's last batch; the journal has two histories.",
    Code.ENTRY_MALFORMED: "An entry is not in its one form or a part of it has the wrong size.",
    Code.BATCH_COUNT: "The batch holds another number of entries than it states.",
    Code.BATCH_ROOT: "The entries do not hash to the root that the organisation signed.",
    Code.UNKNOWN_DEBTOR: "An obligation names an organisation that is not on the ledger.",
    Code.OBLIGATION_EXISTS: "This organisation has already made an obligation with this id.",
    Code.DUE_OUT_OF_RANGE: "An obligation is due more than ten years away.",
    Code.NO_VOTE: "Only active organisations other than witnesses have a vote.",
    Code.UNKNOWN_PROPOSAL: "No such proposal is on the ledger.",
    Code.PROPOSAL_CLOSED: "The proposal was carried out or has run out of time.",
    Code.ALREADY_VOTED: "This organisation has already voted for the proposal.",
    Code.ORGANISATION_EXISTS: "An organisation with this id is already on the ledger.",
    Code.UNKNOWN_ORGANISATION: "No organisation with this id is on the ledger.",
    Code.NO_CHANGE: "The proposal would change nothing.",
    Code.KEY_IN_USE: "This key belongs, or once belonged, to an organisation of the ledger.",
    Code.LAST_VOTERS: "The proposal would leave the network without a voting organisation.",
    Code.BAD_UPGRADE: "A protocol upgrade needs the next version and a height that lies ahead.",
    Code.NAME_IN_USE: "This name means, or once meant, another organisation of the ledger.",
    Code.ADDRESS_MISMATCH: "The address does not follow from the credential and the salt.",
    Code.ACCOUNT_EXISTS: "This account is already on the ledger.",
    Code.CREDENTIAL_EXISTS: "The account already has this credential.",
    Code.UNKNOWN_CREDENTIAL: "The account has no such credential.",
    Code.LAST_CREDENTIAL: "The last credential of an account cannot be removed; add another one first.",
    Code.TOO_MANY_CREDENTIALS: "The account has as many credentials as it may hold.",
    Code.BAD_CREDENTIAL: "The credential could never sign: its key is not one of its algorithm.",
    Code.RECOVERY_PENDING: "A recovery of this account is under way; this waits until it is over or stopped.",
    Code.NO_RECOVERY: "No such recovery of this account is under way.",
    Code.TIME_LOCKED: "The recovery has to wait longer, so that everybody who was told can object.",
    Code.UNKNOWN_ACCOUNT: "The account that this speaks of is not on the ledger.",
    Code.NOT_A_CLINIC: "Only a hospital or a clinic, which meets people in person, may do this.",
    Code.DOOR_CLOSED: "The account has not opened this way back.",
    Code.WRONG_CODE: "This paper code is not one of the account's, or was used before.",
    Code.WRONG_GUARDIANS: "These are not the guardians to whom the account is committed.",
    Code.NOT_A_GUARDIAN: "The author is not one of the guardians.",
    Code.GUARDIANS_TOO_FEW: "At least two guardians have to agree, and no more than there are.",
    Code.ALREADY_SAID: "This guardian has already said so.",
    Code.STAFF_UNKNOWN: "Staff of the clinic, with keys that have stood on the ledger for a day, have to sign this.",
    Code.VETO_SPENT: "A key has stopped a recovery before; only a majority of the guardians can stop this one.",
    Code.CLINIC_SPENT: "A recovery at this clinic was stopped lately; another way back has to be taken.",
    Code.ALREADY_FROZEN: "The account is frozen already.",
    Code.NOT_FROZEN: "The account is not frozen.",
    Code.FREEZE_SPENT: "The author has frozen this account in the last thirty days.",
    Code.UNFREEZE_SPENT: "A key has ended a freeze in the last thirty days; now as many guardians as a recovery needs "
    "have to agree.",
    Code.VOUCH_VOID: "What the staff signed about this person is too old or was used before; both have to sign again.",
}


class Outcome(NamedTuple):
    """The code of one transaction, and which part of it the code speaks of (for people; not hashed)."""

    code: Code
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The code's sentence, with the detail where there is one."""
        return SENTENCES[self.code] + (f" ({self.detail})" if self.detail else "")


DETAIL_LENGTH_MAX = 200


class Refused(Exception):
    """A claim of a rule did not hold; the machine turns it into the transaction's outcome.

    The detail is cut to DETAIL_LENGTH_MAX characters: it may quote a stranger's bytes, and engines keep it.
    """

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(code, detail)
        self.outcome = Outcome(code, detail[:DETAIL_LENGTH_MAX])


def claim(holds: object, code: Code, detail: str = "") -> None:
    """Refuse the transaction with `code` unless the claim holds."""
    if not holds:
        raise Refused(code, detail)


def refuse(code: Code, detail: str = "") -> NoReturn:
    """Refuse the transaction with `code`."""
    raise Refused(code, detail)
