"""Which tables hold something of a person, and which of them go when she is erased."""

from sqlalchemy import Table

from medrec.node.keeping.store import metadata

GONE_WITH_PERSON = (
    *("consent", "revoked", "dispute_taken", "broken_glass", "correction_here", "list_act", "own_entry", "delegation"),
    *("delegation_ended", "delegation_secret", "match_request", "referral_sent", "referral_taken"),
    *("share_link", "undone", "account_secret", "delegation_rest", "delegation_used", "half_keys", "waiting_link"),
    *("share_key", "to_bring", "stated_secret", "delegation_begins", "delegation_doubted", "list_seen"),
    "attested_secret",
    *("list_put_away", "list_act_hearer", "list_act_against", "list_act_brought", "list_act_ended", "consent_sign"),
    *("refused_often", "code_holder"),
)
"""Tables of what the organisation holds of the people linked to it, by their account."""
OF_CLIENT = (
    *("client", "client_secret", "relationship", "notice", "record_copy", "own_reading", "look", "look_contrary"),
    *("look_asked", "chart_epoch", "guardian_set", "guardian_asked", "guarded_elsewhere", "guardian_indexed"),
    *("device", "not_hers", "held_said", "taken_back", "stays", "words_shown", "new_phone", "delegation_end_told"),
    *("notice_former", "notice_refused", "notice_wish", "notice_waiting", "asked_of", "correction_asked"),
    *("correction_before", "kept_secret", "account_event", "unlinked", "link_left"),
    "dispute_said",
)
"""Tables of what an agent keeps of the people it serves, by their account. They go when she is erased there as such."""
STAYS = {
    "person": "its row is deleted by itself",
    "asking": "what this organisation asked others for: its own half, which it owes them and the ledger",
    "our_emergency": "what its own staff did elsewhere, and has to be reviewed",
} | dict.fromkeys(OF_CLIENT, "the role of an agent, which ends with `erase_account` there (leaving.py)")
"""Tables that name people and do not go with a patient, and why."""


def of_person() -> list[Table]:
    """The tables of GONE_WITH_PERSON, as far as this node has them."""
    return [metadata.tables[name] for name in GONE_WITH_PERSON if name in metadata.tables]


def of_client() -> list[Table]:
    """The tables of OF_CLIENT, as far as this node has them."""
    return [metadata.tables[name] for name in OF_CLIENT if name in metadata.tables]
