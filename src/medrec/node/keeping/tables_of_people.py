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
STAYS = {
    "person": "its row is deleted by itself",
    "asking": "what this organisation asked others for: its own half, which it owes them and the ledger",
    "our_emergency": "what its own staff did elsewhere, and has to be reviewed",
} | dict.fromkeys(
    (
        *("client", "relationship", "notice", "record_copy", "own_reading", "look", "look_contrary", "guardian_set"),
        *("look_asked", "chart_epoch"),
        *("device", "not_hers", "held_said", "taken_back", "stays", "words_shown", "new_phone", "guardian_asked"),
        *(
            "delegation_end_told",
            "guarded_elsewhere",
            "guardian_indexed",
            "notice_former",
            "notice_refused",
            "correction_asked",
        ),
        *("account_event",),
        *("correction_before", "kept_secret", "notice_wish", "notice_waiting", "asked_of", "unlinked", "link_left"),
    ),
    "the role of an agent",
)
"""Tables that name people and are not touched, and why. An agent's people leave it in another way."""


def of_person() -> list[Table]:
    """The tables of GONE_WITH_PERSON, as far as this node has them."""
    return [metadata.tables[name] for name in GONE_WITH_PERSON if name in metadata.tables]
