"""Stop: a permission is taken back with the person's key, or closed with a no of just what it opened."""

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from medrec.core.consent import plain
from medrec.core.consent.closing import beyond, doubted, opposite
from medrec.core.consent.plain import Plain
from medrec.portal import person, render, words
from medrec.portal.own.acts import Act, begun, signer
from medrec.portal.own.allow import Word, ends_at, propose_all, revocation
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


def stop(node: "Node", visit: Visit) -> Go:
    """Begin the act of taking a permission back, by the mark of it in the address."""
    who = whose(node, visit)
    try:
        mark = bytes.fromhex(visit.path["mark"])
    except ValueError:
        raise PageError(404, "unknown-line") from None
    kept, signs = ends_at(node, who, mark), signer(node, visit, who)
    consents = person.consents(node, visit, who.known, who.account)
    sentence = next((consent["sentence"] for consent in consents if consent["mark"] == mark.hex()), Markup(""))
    if kept is None or signs.acting is not None:
        return _close(node, visit, who, mark, sentence)
    sentences = [Markup("{}").format(words.SIGN["take_back"]), sentence]
    anew = _hidden_anew(node, visit, who, mark.hex())
    if anew:
        return propose_all(node, visit, who, anew, "sharing", "stopped", first=sentences)
    part = revocation(node, who, signs, mark, *kept)
    return begun(node, visit, who, Act(who.account, sentences, [], (part,), signs.key, "sharing", "stopped"))


def _hidden_anew(node: "Node", visit: Visit, who: Whose, mark: str) -> list[Word]:
    """Where the sentence of a mark lets those look who treat her in an emergency: what she hides at its place, without
    them, and that the yes ends with it. What is hidden is shown in an emergency only while she says so."""
    given, kept = person.plain_consents(node, who.account, visit.now), person.endable(node, who.account)
    ended = [one for one in given if one.mark == mark and one.says.effect == "emergency-yes"]
    hidden = [
        one
        for one in given
        if ended
        and one.place == ended[0].place
        and one.says.emergencies
        and not one.says.to
        and (one.says.about or one.says.kinds or one.says.since or one.says.before)
        and bytes.fromhex(one.mark) in kept
    ]
    said = [Word(msgspec.structs.replace(one.says, emergencies=False), [one.place], [one]) for one in hidden]
    return [word._replace(instead=[*word.instead, *ended]) if word is said[0] else word for word in said]


def _close(node: "Node", visit: Visit, who: Whose, mark: bytes, sentence: Markup) -> Go:
    """Close a yes whose secret lies elsewhere, since it was not given here, or one that a helper closes, whose key
    takes back nothing of the person's: with a no to what it opens, at the same place. A no goes before every yes
    (docs/spec/decision.md). The page says which yes it stops, and what more it closes."""
    statement = person.permission(node, who.account, mark.hex())
    if statement is None:
        raise PageError(404, "unknown-line")
    yes = person.as_plain(statement)
    wanted = opposite(yes)
    first = [sentence, render.say(words.STOPS["with_a_no"])]
    more = [render.say(words.STOPS[name]) for name in _wider(statement, wanted)]
    also = beyond(wanted, yes)
    if also:
        more.append(
            render.say(words.STOPS["also"], purposes=render.listed([words.POLICY_PURPOSES[one] for one in also]))
        )
    word = Word(wanted, [statement.organisation])
    return propose_all(node, visit, who, [word], "sharing", "stopped", first=first, last=more)


def _wider(statement: Any, no: Plain) -> list[str]:
    """Why the no closes more than a permission opens, as names of `words.STOPS`."""
    found = []
    if hasattr(statement, "grant"):
        whole = {one for kind in no.kinds for one in plain.KINDS[kind]}
        found += ["all_kinds"] if statement.grant.types and set(statement.grant.types) != whole else []
    else:
        try:
            plain.read(statement.consent.encode())
        except plain.NotPlain:
            found.append("other_form")
    found += ["in_doubt"] if doubted(no) else []
    return found + (["emergencies"] if no.effect == "emergency-no" else [])
