"""Who may do what at a node's addresses: one declared rule beside each, which the access matrix of the tests tries.

An address without a rule fails the tests: whoever adds one says here who may ask, and the tests ask as everybody else.
"""

from enum import Enum


class Rule(Enum):
    """What is asked of a caller before anything about a person is said."""

    EVERYBODY = "everybody"
    """Nothing about people is here; the answer is the same for whoever asks."""
    MEMBER = "member"
    """An active organisation; nothing about people comes back."""
    GATE = "gate"
    """An active organisation with a practitioner's credential; the gate and the person's consents decide."""
    HER_AGENT = "her-agent"
    """The organisation that serves the person here; for others she does not exist."""
    HER_SIGNATURE = "her-signature"
    """Whoever brings a statement that the person signed herself; it says nothing back but that it was taken."""
    OWN_WORD = "own-word"
    """An active organisation, about its own dealings; what it says reaches no further than those."""
    GATE_OR_HERSELF = "gate-or-herself"
    """As GATE; for what the node has written down about a person: she herself by her signature, or her agent."""
    SESSION = "session"
    """Somebody who has signed in at the site, about herself; what is sent carries her session's token."""
    HELD = "held"
    """Whoever holds what was given to one person alone: her key, a code, a ticket, a link. Others are told nothing."""
    INVENTED = "invented"
    """At a demonstration alone, where every person is invented."""


NEEDS_THE_HEAD = frozenset({Rule.HER_AGENT, Rule.OWN_WORD})
"""What is answered only to an organisation that is known to be active: not by a node that has not seen the ledger's
head for longer than the merge delay. At a GATE the gate refuses by itself, and lets emergencies through; a person's own
signature, and what says nothing about people, is taken at any time."""
