"""A patient's own act on her list, prepared at her agent, signed by her, and brought to the organisations she names.

What an organisation has not taken waits in the outbox from the moment it is written down, and is brought again. So does
what one is not to hear that she disputes a look of, until she has settled that.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from medrec.core import manifests
from medrec.core.manifests.act_parts import Against, parted
from medrec.core.manifests.acts import Act, ActKind, Subject, act_message, misfit, recipients_of
from medrec.node.agent import bringing
from medrec.node.consent.consents import Sign
from medrec.node.lists.acts import heard, payload_for
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.looks import stopped
from medrec.node.looks.disputing import organisations
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node


class Stated(NamedTuple):
    """What came of a patient's act: who has it, who said no and why, who is still to hear it."""

    id: str
    taken: tuple[str, ...]
    refused: dict[str, str]
    waiting: tuple[str, ...]


def prepare(
    agent: "Node",
    account: str,
    kind: ActKind,
    key: bytes,
    subjects: Sequence[Subject],
    *,
    words: str = "",
    notice: str | None = None,
    against: Sequence[Against] = (),
    recipients: Sequence[str] | None = None,
) -> Act:
    """A patient's act without its signature, to be signed by her; by default for all that know her.

    Raises Refusal, LookupError if she is not served here.
    """
    assert agent.agent is not None
    agent.agent.view_secret(account)
    known = organisations(agent, account)
    hearers = known if recipients is None else list(recipients)
    # A source that is not to hear of the act is not named in it, and none that hears it learns of another.
    named = [one for one in against if "*" in hearers or one.source in hearers]
    try:
        parts = parted(named, hearers, agent.vault.random(32))
    except ValueError:
        raise Refusal(Code.TOO_LARGE) from None
    name = agent.agent.name_of(account) or ""
    act = manifests.made(
        {
            "network": agent.network.hex(),
            "account": account,
            "id": agent.vault.random(16).hex(),
            "kind": kind,
            "author": "patient",
            "organisation": "",
            "name": name,
            "time": agent.clock(),
            "subjects": [msgspec.to_builtins(subject) for subject in subjects],
            "words": words,
            "notice": notice,
            "marks": parts.marks,
            "to": msgspec.to_builtins(parts.to),
            "opened": msgspec.to_builtins(parts.opened),
            "key": key.hex(),
        },
        Act,
    )
    if misfit(act):
        raise Refusal(Code.MALFORMED, misfit(act))
    return act


def state(agent: "Node", act: Act) -> Stated:
    """Write a signed act down at the agent and bring it to whom it names; who cannot be reached hears it later.

    Raises Refusal, StoreError.
    """
    known = [name for name in organisations(agent, act.account) if name != agent.organisation]
    allowed = recipients_of(act)
    hearers = [name for name in known if "*" in allowed or name in allowed]
    # Written down together with what is still to be told: a crash between the two would keep it from them for ever.
    agent.acts.take(agent.organisation, act, hearers)
    # Of whose look she disputes one hears it once that is settled (looks/stopped.py).
    stops = stopped.by_her(agent, act.account)
    held = [name for name in hearers if name in stops]
    open_to = [name for name in hearers if name not in held]
    each = [bringing.bring(agent, [name], ACTS_PATH, payload_for(act, name), _FINAL) for name in open_to]
    waiting = (*held, *(name for brought in each for name in brought.waiting))
    done = [name for name in hearers if name not in waiting]
    agent.store.write(lambda connection: heard(connection, agent.vault, done, act))
    refused = {name: sentence for brought in each for name, sentence in brought.refused.items()}
    return Stated(act.id, tuple(name for brought in each for name in brought.taken), refused, waiting)


_FINAL = frozenset(
    code.value
    for code in (
        Code.BAD_SIGNATURE,
        Code.MALFORMED,
        Code.NOT_LINKED,
        Code.WRONG_NETWORK,
        Code.WRONG_ORGANISATION,
    )
)
"""Refusals that would be the same tomorrow. Whoever does not know the key now (the account is frozen there already, its
ledger is behind) hears the word again, until it stands there."""


def signed(act: Act, sign: Sign) -> Act:
    """The act with the signature of whoever holds the person's key."""
    _, signature = sign(act_message(act))
    return msgspec.structs.replace(act, signature=signature.hex())
