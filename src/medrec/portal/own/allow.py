"""Allow or close something: a form of plain choices becomes a sentence, is tried out, and waits for a signature."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from markupsafe import Markup

from medrec.core.consent import plain
from medrec.core.consent.plain import KINDS, PURPOSES, TOPICS, Party, Plain
from medrec.core.consent.trial import Shown
from medrec.node.consent import own_consents
from medrec.node.consent.consents import CONSENTS_PATH, REVOCATIONS_PATH
from medrec.node.consent.policies import DraftConsent, draft_consent, signed_consent, try_at
from medrec.node.looks.disputing import organisations
from medrec.node.notify import asking
from medrec.node.peers.peers import PeerError
from medrec.portal import person, policies, render, untold, words
from medrec.portal.own import disputed
from medrec.portal.own.acts import Act, Part, Signer, begun, signer
from medrec.portal.own.charts import moment
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.person import Given

if TYPE_CHECKING:
    from medrec.node.node import Node

SECRET_BYTES = 32
DAYS = {"day": 1, "month": 30, "year": 365}
DAY_MS = 86_400_000
EVERYONE = "*"


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/allow.html; a form that was filled goes on to the page where it is confirmed."""
    who = whose(node, visit)
    request = _request(node, visit, who)
    whole = whole_of(node, who, request) if request is not None else None
    if visit.form and whole is None:
        return propose(node, visit, who, chosen(node, visit, who), _places(node, visit, who), "sharing")
    if visit.form and whole is not None and request is not None:
        after = partial(asking.keep_answer, node, who.account, request.id, "less")
        return propose(node, visit, who, *_less(node, visit, who, whole), "requests", after=after)
    linked = organisations(node, who.account) if whole is None else whole.places
    return {
        "handle": who.handle,
        "effect": visit.query.get("effect", "share"),
        "parties": [(name, who.known[name]) for name in sorted(who.known, key=lambda name: who.known[name])],
        "agent": node.organisation,
        "to": visit.query.get("to", "") if whole is None else whole.wanted.to[0].organisation,
        "request": request.id.hex() if request is not None else "",
        "whole": whole.wanted if whole is not None else None,
        "kinds": [one for one in words.POLICY_KINDS if whole is None or one in (whole.wanted.kinds or KINDS)],
        "topics": list(words.POLICY_TOPICS),
        "purposes": [
            one for one in words.POLICY_PURPOSES if whole is None or one in (whole.wanted.purposes or ["care"])
        ],
        "places": [(name, who.place(name)) for name in linked],
    }


class Whole(NamedTuple):
    """All that a request asks for: the sentence that a yes signs, and the places that hear it."""

    wanted: Plain
    places: list[str]


def whole_of(node: "Node", who: Whose, one: asking.Waiting) -> Whole:
    """What a yes to the whole of a request is; a yes to less lies within it."""
    asked = one.asking
    wanted = Plain(
        "share",
        [Party(asked.requester, name=who.place(asked.requester)[:100])],
        [kind for kind in asked.kinds if kind in KINDS],
        but_not=[topic for topic in asked.but_not if topic in TOPICS],
        purposes=[asked.purpose] if asked.purpose in PURPOSES and asked.purpose != "care" else [],
        until=_day_in(node, asked.days),
    )
    return Whole(wanted, [name for name in organisations(node, who.account) if name != asked.requester])


def _day_in(node: "Node", days: int) -> str:
    return moment(node.clock() + days * DAY_MS).date().isoformat()


def _less(node: "Node", visit: Visit, who: Whose, whole: Whole) -> tuple[Plain, list[str]]:
    """What the form's choices make of a request, to be signed at these places. Raises PageError for more than it asks
    for: what is left open is everything, and lies within no request for some."""
    wanted = chosen(node, visit, who)
    if visit.form.get("until") == "asked":
        wanted = msgspec.structs.replace(wanted, until=whole.wanted.until)
    named = {name.removeprefix("place-") for name, value in visit.form.items() if name.startswith("place-") and value}
    if not named <= set(whole.places) or not plain.is_within(wanted, plain.tidy(whole.wanted)):
        raise PageError(400, "more-than-asked")
    return wanted, [name for name in whole.places if name in named or not named]


def _request(node: "Node", visit: Visit, who: Whose) -> asking.Waiting | None:
    """The request that is answered with less: None for none. Raises PageError for one that is answered."""
    try:
        identifier = bytes.fromhex((visit.form or visit.query).get("request", ""))
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    found = asking.find(node, who.account, identifier) if identifier else None
    if identifier and (found is None or found.answer):
        raise PageError(404, "unknown-request")
    return found


def chosen(node: "Node", visit: Visit, who: Whose) -> Plain:
    """The sentence that the form's choices make. Raises PageError."""
    form = visit.form
    ticked = {name for name, value in form.items() if value}
    effect = form.get("effect", "share")
    to = form.get("to", EVERYONE)
    if to != EVERYONE and to not in who.known:
        raise PageError(400, "policy-unfit")
    topics = [topic for topic in plain.TOPICS if f"topic-{topic}" in ticked]
    until = form.get("until", "")
    purpose = form.get("purpose", "")
    made = Plain(
        effect if effect in ("share", "withhold") else "share",  # type: ignore[arg-type]
        [] if to == EVERYONE else [Party(to, name=who.known[to][:100])],
        [kind for kind in plain.KINDS if f"kind-{kind}" in ticked],
        about=topics if effect == "withhold" else [],
        but_not=topics if effect != "withhold" else [],
        purposes=[purpose] if purpose in plain.PURPOSES and effect != "withhold" and purpose != "care" else [],
        until=_day_in(node, DAYS[until]) if until in DAYS else None,
        marks=True if "marks" in ticked else None,
    )
    try:
        return plain.tidy(made)
    except plain.NotPlain:
        raise PageError(400, "policy-unfit") from None


def _places(node: "Node", visit: Visit, who: Whose) -> list[str]:
    linked = organisations(node, who.account)
    wanted = [name for name in linked if visit.form.get(f"place-{name}")]
    return wanted or linked


class Word(NamedTuple):
    """A sentence that is to be signed, the places that hear it, and the sentences of hers that end with it."""

    wanted: Plain
    places: Sequence[str]
    instead: Sequence[Given] = ()


def propose(
    node: "Node", visit: Visit, who: Whose, wanted: Plain, places: Sequence[str], back: str, done: str = "given",
    after: Any = None, instead: Sequence[Given] = (),
) -> Go:  # fmt: skip
    """Begin the act of giving this consent to these places, tried out first; `after` is called when it is done.

    `instead` are sentences of hers that are taken back when the new ones stand.
    """
    return propose_all(node, visit, who, [Word(wanted, places, instead)], back, done, after)


def propose_all(
    node: "Node", visit: Visit, who: Whose, said: Sequence[Word], back: str, done: str = "given", after: Any = None,
    first: Sequence[Markup] = (), last: Sequence[Markup] = (),
) -> Go:  # fmt: skip
    """The same for several sentences in one act, which begins with what is said `first` and ends with the `last`: each
    is tried out beside what the first of them ends."""
    if not said or not all(word.places for word in said):
        raise PageError(400, "policy-unfit")
    signs = signer(node, visit, who)
    instead = [one for word in said for one in word.instead]
    now = node.clock()
    parts: list[Part] = []
    sentences = list(first)
    changes: list[Markup] = []
    stops = disputed.stops(node, visit, who.account)
    for word in said:
        text = plain.write(word.wanted, who.account, now)
        for place in word.places:
            secret = node.vault.random(SECRET_BYTES)
            draft = draft_consent(node.network, place, who.account, now, text, secret, signs.key, signs.acting)
            parts.append(consent_part(node, who, place, draft, secret))
        sentences += policies.sentences(text, who.known)
        sentences += [render.say(words.SIGN["at"], place=render.listed([who.place(place) for place in word.places]))]
        ended = [one.hash for one in (*said[0].instead, *word.instead)]
        houses = {one.organisation for one in word.wanted.to}
        stopped = disputed.said(node, visit, who, stops, houses) if word.wanted.effect == "share" else None
        changes += [stopped.sentence] if stopped is not None else []
        changes += tried(node, who, word.wanted, text, word.places, ended)
    if after is not None:
        last = parts[-1]
        parts[-1] = last._replace(finish=partial(_then, last.finish, after))
    if instead:
        sentences.append(Markup("{}").format(words.SIGN["instead"]))
    sentences += last
    parts += taking_back(node, who, signs, instead)
    act = Act(who.account, sentences, list(dict.fromkeys(changes)), tuple(parts), signs.key, back, done)
    return begun(node, visit, who, act)


def _then(first: Any, after: Any, proof: bytes) -> None:
    first(proof)
    after()


def consent_part(node: "Node", who: Whose, place: str, draft: DraftConsent, secret: bytes) -> Part:
    """The signature of one place's consent."""
    from medrec.core import codec

    value = msgspec.to_builtins(draft.manifest)
    del value["signature"]

    def finish(proof: bytes) -> None:
        # The secret first: a consent whose secret is lost could not be taken back.
        own_consents.keep(node, who.account, place, secret)
        if draft.manifest.acting is not None:
            # The place holds the helper's signature against what the person signed, so it is shown that first.
            key = bytes.fromhex(draft.manifest.key)
            node.delegates.present(place, who.account, draft.manifest.acting, "consent", key)
        signed = signed_consent(draft, proof)
        node.peers.call(place, CONSENTS_PATH, signed)
        untold.given(node, signed)

    return Part("medrec/consent/2", codec.encode_json(value), draft.message, finish)


def tried(
    node: "Node", who: Whose, wanted: Plain, text: bytes, places: Sequence[str], replaced: Sequence[str] = ()
) -> list[Markup]:
    """What would change at each place, in sentences; `replaced` (hex SHA-256) are consents that end with it."""
    found: list[Markup] = []
    for place in places:
        try:
            trial = try_at(node, who.account, place, text, replaced)
        except PeerError:
            found.append(render.say(words.SIGN["untried"], place=who.place(place)))
            continue
        houses = {one.organisation for one in wanted.to}
        parties = [one for one in trial.parties if not houses or one.asker.organisation in houses]
        found += _changes(who, parties, who.place(place))
        stopped = sum(bool(judged.stopped) for judged in trial.looks)
        if stopped:
            found.append(render.say(words.SIGN["stopped_looks"], count=stopped))
        if trial.strange:
            named = render.listed(list(trial.strange))
            found.append(render.say(words.SIGN["strange"], names=named, place=who.place(place)))
        if not trial.complete:
            found.append(render.say(words.SIGN["not_all"], place=who.place(place)))
    return found


def _changes(who: Whose, parties: Sequence[Shown], place: Any) -> list[Markup]:
    """What those who are tried would see that they do not see now, and the other way, told once for all of whom and all
    for which it is the same; and who sees what he saw before."""
    alike: dict[tuple[str, tuple[str, ...]], dict[str, list[str]]] = {}
    for party in parties:
        before, after = set(party.before), set(party.after)
        for key, changed in (("opens", after - before), ("closes", before - after)):
            if changed:
                told = alike.setdefault((key, tuple(sorted(changed))), {})
                told.setdefault(party.asker.organisation, []).extend(party.asker.purposes)
    touched = {house for told in alike.values() for house in told}
    found = []
    for (key, entries), told in alike.items():
        for purposes in sorted({tuple(sorted(set(asked))) for asked in told.values()}):
            houses = [house for house, asked in told.items() if tuple(sorted(set(asked))) == purposes]
            named = render.listed([who.place(house) for house in houses])
            values = {"who": named, "count": len(entries), "place": place}
            if purposes == ("TREAT",):
                found.append(render.say(words.SIGN[key], **values))
                continue
            why = render.listed([words.PURPOSES.get(code, code) for code in purposes])
            found.append(render.say(words.SIGN[f"{key}_for"], purposes=why, **values))
    same = sorted({one.asker.organisation for one in parties} - touched)
    if same:
        named = render.listed([who.place(house) for house in same])
        found.append(render.say(words.SIGN["same"], who=named, place=place))
    return found


def taking_back(node: "Node", who: Whose, signs: Signer, given: Sequence[Given]) -> list[Part]:
    """The signatures that take these sentences back. Raises PageError for a helper, whose key takes back nothing of the
    person's, and for one whose secret is not here."""
    if given and signs.acting is not None:
        raise PageError(409, "not-your-word")
    found = []
    for one in given:
        mark = bytes.fromhex(one.mark)
        kept = ends_at(node, who, mark)
        if kept is None:
            raise PageError(409, "given-elsewhere")
        found.append(revocation(node, who, signs, mark, *kept))
    return found


def ends_at(node: "Node", who: Whose, mark: bytes) -> tuple[str, bytes] | None:
    """Where a sentence is taken back, and its secret (b"" for what the place wrote down, which keeps that itself); None
    for one whose secret lies elsewhere."""
    place = person.entered(node, who.account).get(mark)
    return own_consents.secret_of(node, who.account, mark) if place is None else (place, b"")


def revocation(node: "Node", who: Whose, signs: Signer, mark: bytes, place: str, secret: bytes) -> Part:
    """The signature that takes one sentence back at its place (`ends_at`)."""
    from medrec.core import codec
    from medrec.core.manifests.consent import revocation_message

    def finish(proof: bytes) -> None:
        named = {"secret": secret} if secret else {"nullifier": mark}
        body = {"account": who.account, "key": signs.key, "signature": proof, **named}
        node.peers.call(place, REVOCATIONS_PATH, codec.encode(body))
        untold.ended(node, who.account, mark.hex())

    return Part("medrec/revocation/1", mark, revocation_message(mark), finish, binary=True)
