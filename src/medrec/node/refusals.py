"""Why the node says no: every code with its sentence, and what of it may be seen from outside.

From outside, a person who is unknown here and one who does not allow it look the same: both are `not-permitted`.
The journal, which only she and this organisation can read, holds the code itself.
"""

from enum import Enum


class Code(Enum):
    """The reasons. The value is the code as it is sent and journalled."""

    # The request itself.
    MALFORMED = "malformed"
    WRONG_NETWORK = "wrong-network"
    NOT_THE_REQUESTER = "not-the-requester"
    REQUESTER_SUSPENDED = "requester-suspended"
    REQUEST_EXPIRED = "request-expired"
    REQUEST_TOO_LONG = "request-too-long"
    REQUEST_REPLAYED = "request-replayed"
    UNKNOWN_ORGANISATION = "unknown-organisation"
    PURPOSE_MISSING = "purpose-missing"
    PURPOSE_UNKNOWN = "purpose-unknown"
    REASON_MISSING = "reason-missing"
    QUERY_UNKNOWN = "query-unknown"
    NOT_FOUND = "not-found"
    NOT_A_PROVIDER = "not-a-provider"
    NOT_GENUINE = "not-genuine"
    TICKET_UNKNOWN = "ticket-unknown"
    TOO_MANY_VIEWS = "too-many-views"
    TOO_MANY_NUMBERS = "too-many-numbers"
    # Who asks in the requester's name.
    CREDENTIAL_MISSING = "credential-missing"
    CREDENTIAL_BAD = "credential-bad"
    CREDENTIAL_FOREIGN = "credential-foreign"
    CREDENTIAL_KEY_RETIRED = "credential-key-retired"
    CREDENTIAL_OVER = "credential-over"
    CREDENTIAL_TOO_LONG = "credential-too-long"
    NOT_THE_PRACTITIONER = "not-the-practitioner"
    ASSERTION_BAD = "assertion-bad"
    REFERRER_GONE = "referrer-gone"
    # Emergencies.
    EMERGENCY_ROLE = "emergency-role"
    EMERGENCY_REASON = "emergency-reason"
    EMERGENCY_HOURS = "emergency-hours"
    EMERGENCY_UNDECLARED = "emergency-undeclared"
    EMERGENCY_STEP = "emergency-step"
    UNKNOWN_EMERGENCY = "unknown-emergency"
    OWN_EMERGENCY = "own-emergency"
    # Corrections and erasures.
    UNKNOWN_CORRECTION = "unknown-correction"
    NOT_CORRECTED = "not-corrected"
    UNKNOWN_RECORD = "unknown-record"
    STILL_AT_SOURCE = "still-at-source"
    # The node's state.
    MERGE_DELAY = "merge-delay"
    STORE_UNUSABLE = "store-unusable"
    LEDGER_UNUSABLE = "ledger-unusable"
    SOURCE_UNAVAILABLE = "source-unavailable"
    RULES_UNREADABLE = "rules-unreadable"
    # The person's will.
    NOT_PERMITTED = "not-permitted"
    UNKNOWN_PERSON = "unknown-person"
    NO_CONSENT = "no-consent"
    DENIED = "denied"
    CONSENT_BROKEN = "consent-broken"
    CONSENT_CHANGED = "consent-changed"
    ACTOR_UNRESOLVED = "actor-unresolved"
    CODES_UNKNOWN = "codes-unknown"
    DISPUTED = "disputed"
    # The records.
    RECORD_ALTERED = "record-altered"
    RECORD_CHANGED = "record-changed"
    TOO_LARGE = "too-large"
    # Consents and revocations handed in.
    WRONG_ORGANISATION = "wrong-organisation"
    UNKNOWN_ACCOUNT = "unknown-account"
    UNKNOWN_CREDENTIAL = "unknown-credential"
    BAD_SIGNATURE = "bad-signature"
    NOT_A_DELEGATE = "not-a-delegate"
    DELEGATION_VOID = "delegation-void"
    DELEGATION_OVER = "delegation-over"
    RECOVERY_WAITS = "recovery-waits"
    NO_SUCH_NUMBER = "no-such-number"
    ENTRY_UNFIT = "entry-unfit"
    NOT_LINKED = "not-linked"
    NOT_ON_LIST = "not-on-list"
    FROM_THE_FUTURE = "from-the-future"
    CONSENT_OVER = "consent-over"
    ATTESTED_TOO_LONG = "attested-too-long"
    CONSENT_REVOKED = "consent-revoked"
    CONSENT_STRANGER = "consent-stranger"
    CONSENT_ABOUT_ANOTHER = "consent-about-another"
    NULLIFIER_USED = "nullifier-used"
    UNKNOWN_DISPUTE = "unknown-dispute"
    UNKNOWN_LOOK = "unknown-look"
    NOT_OWED = "not-owed"
    SEARCH_TOO_SHORT = "search-too-short"
    WRONG_SECRET = "wrong-secret"  # noqa: S105  # a code, no secret

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return SENTENCES[self]

    @property
    def outward(self) -> "Code":
        """The code that may be told to the one who asked."""
        return Code.NOT_PERMITTED if self in HIDDEN else self


SENTENCES: dict[Code, str] = {
    Code.MALFORMED: "The request is not readable; nothing was done.",
    Code.WRONG_NETWORK: "This was written for another network.",
    Code.NOT_THE_REQUESTER: "The request names another organisation than the one that sent it.",
    Code.REQUESTER_SUSPENDED: "The asking organisation is not, or no longer, active on the ledger.",
    Code.REQUEST_EXPIRED: "The request has run out; ask again.",
    Code.REQUEST_TOO_LONG: "The request claims to be valid for too long; ask with a shorter time.",
    Code.UNKNOWN_ORGANISATION: "This names an organisation that never joined the network; look up its id.",
    Code.REQUEST_REPLAYED: "A request with this id was answered before; ask again with a new id.",
    Code.PURPOSE_MISSING: "The request does not say for what purpose; say it and ask again.",
    Code.PURPOSE_UNKNOWN: "The purpose of use is none of HL7 v3-ActReason; say one of these and ask again.",
    Code.REASON_MISSING: "The request gives no reason; write one sentence and ask again.",
    Code.QUERY_UNKNOWN: "This node does not answer a query of this form; the CapabilityStatement lists those it does.",
    Code.NOT_FOUND: "No such record is here, or there is no permission for it.",
    Code.NOT_A_PROVIDER: "The directory has no active provider of this name; choose one that it has.",
    Code.NOT_GENUINE: "What came does not verify; nothing of it was kept.",
    Code.TICKET_UNKNOWN: "This page was opened before, or its time has run out; ask for it again.",
    Code.TOO_MANY_VIEWS: "Your organisation has asked for more pages than it has opened; open those, or wait.",
    Code.TOO_MANY_NUMBERS: "Your organisation has given more numbers of new phones than people have; wait an hour.",
    Code.CREDENTIAL_MISSING: "The request does not show who asks; add the practitioner's credential.",
    Code.CREDENTIAL_BAD: "The practitioner's credential is not readable, or its signature does not hold.",
    Code.CREDENTIAL_FOREIGN: "The credential was made by another organisation, or for another network.",
    Code.CREDENTIAL_KEY_RETIRED: "The credential is signed with a key that was replaced; have it signed anew.",
    Code.CREDENTIAL_OVER: "The credential is not valid at this time; sign in again, and check the clocks.",
    Code.CREDENTIAL_TOO_LONG: "The credential claims to be valid for more than a day.",
    Code.NOT_THE_PRACTITIONER: "The request names somebody else than the credential it shows.",
    Code.ASSERTION_BAD: "The practitioner did not sign this request.",
    Code.REFERRER_GONE: "Whoever referred does not work there any more, or as somebody else; refer the patient anew.",
    Code.EMERGENCY_ROLE: "Only a doctor, nurse or paramedic may declare an emergency, and no program.",
    Code.EMERGENCY_REASON: "An emergency needs one of the known reasons, and at least 20 characters in your own words.",
    Code.EMERGENCY_HOURS: "An emergency is declared for one hour at least, and for 120 at most.",
    Code.EMERGENCY_UNDECLARED: "Declare the emergency first; to name the purpose is not enough.",
    Code.EMERGENCY_STEP: "Open the emergency summary first; the restricted parts open by a second step.",
    Code.UNKNOWN_EMERGENCY: "There is no such emergency here that waits for a review.",
    Code.OWN_EMERGENCY: "Somebody else must review an emergency than the one who declared it.",
    Code.UNKNOWN_CORRECTION: "There is no such request here that waits for an answer.",
    Code.NOT_CORRECTED: "There is no newer version of that record; correct it at its source first.",
    Code.UNKNOWN_RECORD: "No such record is here.",
    Code.STILL_AT_SOURCE: "The record is still in the system it lives in; delete it there first.",
    Code.MERGE_DELAY: "This node has not reached the ledger for too long and lets nothing out until it has.",
    Code.STORE_UNUSABLE: "This node cannot write its journal and therefore lets nothing out.",
    Code.LEDGER_UNUSABLE: "This node cannot read the ledger and therefore lets nothing out.",
    Code.SOURCE_UNAVAILABLE: "The place where the records live does not answer; try again later.",
    Code.RULES_UNREADABLE: "The rules that tell sensitive records cannot be read here, so nothing is let out.",
    Code.NOT_PERMITTED: "There is no permission for this here.",
    Code.UNKNOWN_PERSON: "Nobody with this account is linked here.",
    Code.NO_CONSENT: "The person has not permitted it.",
    Code.DENIED: "The person has denied it.",
    Code.CONSENT_BROKEN: "A consent of the person cannot be read, so nothing is let out.",
    Code.CONSENT_CHANGED: "The permission was taken back while the request was being answered.",
    Code.ACTOR_UNRESOLVED: "A consent names somebody of whom nobody can say whether the requester is meant.",
    Code.CODES_UNKNOWN: "A consent denies by a code that nobody here knows, and which any record may carry.",
    Code.DISPUTED: "The person disputes a look of this organisation; nothing more goes to it until that is settled.",
    Code.RECORD_ALTERED: "A record was changed at its source without a new version and is not let out.",
    Code.RECORD_CHANGED: "A record has a newer version that is not signed yet; try again in a moment.",
    Code.TOO_LARGE: "The records are more than fit into one answer; ask for fewer.",
    Code.WRONG_ORGANISATION: "This was written for another organisation.",
    Code.UNKNOWN_ACCOUNT: "The ledger knows no such account, or it is frozen.",
    Code.UNKNOWN_CREDENTIAL: "The key that signed does not act for this account.",
    Code.BAD_SIGNATURE: "The signature does not hold.",
    Code.DELEGATION_VOID: "This statement lets nobody act for anybody.",
    Code.DELEGATION_OVER: "The right to act for this person is over.",
    Code.NO_SUCH_NUMBER: "No new phone waits under this number for this person; compare it with her, digit by digit.",
    Code.RECOVERY_WAITS: "A recovery of this account is under way; what is new waits until it is over or stopped.",
    Code.ENTRY_UNFIT: "This cannot be entered into a record.",
    Code.NOT_A_DELEGATE: "The person has not named the one who signed to decide for her.",
    Code.NOT_LINKED: "This account is not linked here; link it at the desk first.",
    Code.NOT_ON_LIST: "Nothing on her list here is what this speaks of; nothing was written down.",
    Code.FROM_THE_FUTURE: "The time on it lies in the future; check the clock that wrote it.",
    Code.ATTESTED_TOO_LONG: "What a clinic writes down for a person may open something for thirty days at most.",
    Code.CONSENT_OVER: "The consent had ended before it arrived.",
    Code.CONSENT_REVOKED: "The consent was taken back before.",
    Code.CONSENT_STRANGER: "The consent names an organisation that is not on the ledger; look up its id and sign anew.",
    Code.CONSENT_ABOUT_ANOTHER: "The text of the consent says that it is about somebody else than who gives it.",
    Code.NULLIFIER_USED: "Another consent carries the same nullifier; every consent needs its own.",
    Code.UNKNOWN_DISPUTE: "There is no such dispute here that is open.",
    Code.SEARCH_TOO_SHORT: "Write at least two letters of a name, or the whole number.",
    Code.NOT_OWED: "This organisation does not owe this any more, or knows what it owes it for.",
    Code.UNKNOWN_LOOK: "There is no such look or refusal in this journal.",
    Code.WRONG_SECRET: "The secret does not belong to this consent.",
}

HIDDEN = frozenset(
    {
        Code.UNKNOWN_PERSON,
        Code.NO_CONSENT,
        Code.DENIED,
        Code.CONSENT_BROKEN,
        Code.CONSENT_CHANGED,
        Code.ACTOR_UNRESOLVED,
        Code.CODES_UNKNOWN,
        Code.DISPUTED,
        Code.NOT_PERMITTED,
    }
)

UNREADABLE = frozenset(
    {Code.MALFORMED, Code.PURPOSE_MISSING, Code.PURPOSE_UNKNOWN, Code.REASON_MISSING, Code.QUERY_UNKNOWN}
)
TRY_AGAIN = frozenset(
    {
        Code.MERGE_DELAY,
        Code.STORE_UNUSABLE,
        Code.LEDGER_UNUSABLE,
        Code.SOURCE_UNAVAILABLE,
        Code.RULES_UNREADABLE,
        Code.RECORD_CHANGED,
    }
)


class Refusal(Exception):
    """The node refuses; `reason` is the enum member, `code` its text, `sentence` what people read.

    `detail` (a type and id, never content) stands behind the sentence.
    """

    def __init__(self, reason: Code, detail: str = "", decided: tuple[str, ...] = ()) -> None:
        self.reason = reason
        self.code = reason.value
        self.detail = detail
        self.decided = decided
        self.sentence = f"{reason.sentence} ({detail})" if detail else reason.sentence
        super().__init__(self.sentence)

    @property
    def status(self) -> int:
        """The HTTP status that goes with it: 400, 403, 404 or 503."""
        if self.reason in (Code.NOT_FOUND, Code.TICKET_UNKNOWN):
            return 404
        return 400 if self.reason in UNREADABLE else 503 if self.reason in TRY_AGAIN else 403

    def outward(self) -> "Refusal":
        """The same refusal as the one who asked may see it."""
        return self if self.reason not in HIDDEN else Refusal(Code.NOT_PERMITTED)
