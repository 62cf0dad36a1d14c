"""What an agent's notices say of a person: what is new, and what she allowed."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from markupsafe import Markup
from msgspec import UNSET

from medrec.core import codec, manifests
from medrec.core.consent import plain
from medrec.core.consent.closing import closes
from medrec.node.account import aftermath
from medrec.node.agent import not_taken, redelivery, standing_links
from medrec.node.agent.agent import Notice
from medrec.node.agent.gone_keys import Gone, late
from medrec.node.agent.told import taken_back
from medrec.node.consent import own_consents
from medrec.node.keeping import store
from medrec.portal import policies, render, untold, words
from medrec.portal.own.entries import entry_of, title_of
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

NEWS = ("record/1", "link/1")
CONSENTS = ("consent/1", "consent/2", "revocation/1")
FIRST = {"late": 0, "active": 1}
"""Permissions in these states stand first: what asks her, then what is in force."""


def _where(account: str, kinds: Sequence[str]) -> Any:
    return (store.notice.c.account == account) & store.notice.c.kind.in_(kinds)


def count(node: "Node", account: str, kinds: Sequence[str]) -> int:
    """How many lines of these kinds a person has."""
    with node.store.read() as connection:
        query = sql.select(sql.func.count()).select_from(store.notice).where(_where(account, kinds))
        return int(connection.execute(query).scalar() or 0)


def read(node: "Node", account: str, kinds: Sequence[str], limit: int, offset: int = 0) -> list[Notice]:
    """A person's lines of these kinds, newest first."""
    with node.store.read() as connection:
        rows = connection.execute(
            sql.select(store.notice)
            .where(_where(account, kinds))
            .order_by(store.notice.c.time.desc(), store.notice.c.counter.desc())
            .limit(limit)
            .offset(offset)
        ).all()
    return [opened(node, row) for row in rows]


def every(node: "Node", account: str, kinds: Sequence[str]) -> list[Notice]:
    """All of a person's lines of these kinds, newest first: of what is few, and may not be pushed out by more."""
    return read(node, account, kinds, count(node, account, kinds))


def within(
    node: "Node", account: str, kinds: Sequence[str], since: int, until: int, organisation: str = ""
) -> list[Notice]:
    """A person's lines of these kinds (of one organisation) that were written down in this time, oldest first, however
    many there are."""
    column = store.notice.c
    chosen = sql.select(store.notice).where(_where(account, kinds), column.time.between(since, until))
    if organisation:
        chosen = chosen.where(column.organisation == organisation)
    with node.store.read() as connection:
        rows = connection.execute(chosen.order_by(column.time, column.counter)).all()
    return [opened(node, row) for row in rows]


def opened(node: "Node", row: Any) -> Notice:
    manifest, salt, entry = None, b"", b""
    if row.sealed is not None:
        data, salt, entry, _ = codec.decode(node.vault.open_kept(bytes(row.sealed), bytes(row.tag)))
        manifest = manifests.decode(data)
    return Notice(
        row.account, row.organisation, row.epoch, row.counter, row.kind, row.time, row.received, row.height,
        manifest, salt, entry,
    )  # fmt: skip


def missing(node: "Node", visit: Visit, known: dict[str, str], account: str) -> list[Any]:
    """What was found on the ledger by its tag and is not here, one sentence for each organisation: never delivered, or
    told and not taken, with the reason."""
    assert node.agent is not None
    refused = not_taken.of(node, account)
    told: dict[tuple[str, not_taken.NotTaken | None], list[int]] = {}
    for notice in node.agent.missing():
        if notice.account == account:
            why = refused.get((notice.organisation, notice.epoch, notice.counter))
            told.setdefault((notice.organisation, why), []).append(notice.time)
    found = []
    for (organisation, why), times in sorted(told.items(), key=lambda one: (one[0][0], one[0][1] or ())):
        place = known.get(organisation, organisation)
        values = {"count": len(times), "organisation": place, "when": visit.when(min(times))}
        if why is None:
            found.append(render.say(words.PERSON["missing"], **values))
            continue
        what = words.MANIFESTS[why.kind] if why.kind else words.PERSON["not_taken_any"]
        reason = render.say(words.PERSON[f"not_taken_{why.why}"], organisation=place)
        found.append(render.say(words.PERSON["not_taken"], what=what, why=reason, **values))
    return found


def undone(node: "Node", visit: Visit, known: dict[str, str], account: str) -> list[Any]:
    """What is missing because the link it was written under is undone, one sentence for each organisation."""
    return [
        render.say(
            words.PERSON["undone"],
            count=gap.lines,
            organisation=known.get(gap.organisation, gap.organisation),
            when=visit.when(gap.since),
        )
        for gap in redelivery.explained(node, account)
    ]


def _link(visit: Visit, notice: Notice) -> str:
    return visit.link("line", person=visit.path["person"], tag=codec.decode(notice.entry)[1].hex())


def news(node: "Node", visit: Visit, known: dict[str, str], notice: Notice) -> dict[str, Any]:
    """One line of what is new; it names the thing where her own copy is that very version."""
    statement: Any = notice.manifest
    organisation = known.get(notice.organisation, notice.organisation)
    item = {
        "source": render.say(words.PERSON["from"], organisation=organisation, when=visit.when(notice.time)),
        "anchored": notice.height is not None,
        "link": _link(visit, notice),
        "more": None,
    }
    if notice.kind == "link/1":
        named = "linked" if statement.action == "link" else "unlinked"
        text = words.PERSON[named if statement.chart is UNSET else f"chart_{named}"]
        more = render.say(words.PERSON["linked_more"], count=statement.lines) if statement.lines else None
        return {**item, "title": render.say(text, organisation=organisation), "action": "link", "more": more}
    record = statement.record
    kind, tag = words.record_type(record.type), codec.decode(notice.entry)[1]
    copy = node.copies.one(notice.account, tag) if node.copies is not None else None
    named = entry_of(copy) if copy is not None else None
    more = None if named is None else " · ".join([kind, *([words.RECORD[named.denied]] if named.denied else [])])
    shown = kind if named is None else title_of(named)
    title = render.say(words.PERSON["line"], action=words.ACTIONS[record.action], kind=shown)
    return {**item, "title": title, "action": record.action, "more": more}


def consents(node: "Node", visit: Visit, known: dict[str, str], account: str) -> list[dict[str, Any]]:
    """Every permission and prohibition in a sentence, with whether it is in force, and the way to stop it."""
    kept = own_consents.known(node, account)
    found = []
    given = standing(node, account)
    ends = kept | set(_entered(given))
    closed = _closed(given)
    for one in given:
        notice, statement = one.notice, one.notice.manifest
        sentence, effect, until = in_words(visit, known, statement)
        ended = until is not None and until <= visit.now
        mark = bytes.fromhex(statement.nullifier)
        found.append(
            {
                "whom": _whom(node, known, statement),
                "sentence": sentence,
                "given": _given(visit, known, statement),
                "time": notice.time,
                "state": one.over
                if one.over
                else "ended"
                if ended
                else "closed"
                if statement.nullifier in closed
                else "late"
                if one.gone
                else "active",
                "late": _late(visit, known, one),
                "keep": kept_as(statement) if one.gone is not None and not one.gone.contrary else "",
                "effect": effect,
                "link": _link(visit, notice),
                "mark": mark.hex(),
                "stop": visit.link("stop", person=visit.path["person"], mark=mark.hex())
                if mark in ends or effect == "permit"
                else None,
                "elsewhere": mark not in ends,
            }
        )
    return sorted(found, key=lambda item: FIRST.get(item["state"], len(FIRST)))


def in_words(visit: Visit, known: dict[str, str], statement: Any) -> tuple[Markup, str, int | None]:
    """A consent in sentences, its effect (permit, deny) and its end."""
    if hasattr(statement, "grant"):
        return _grant(visit, known, statement), statement.grant.effect, statement.grant.until
    return _fhir(known, statement)


def kept_as(statement: Any) -> str:
    """Under which name she says of a permission that it is hers (aftermath.py)."""
    return f"permission-{statement.nullifier}"


def _late(visit: Visit, known: dict[str, str], one: "Standing") -> Markup | None:
    """Why a permission is not in force here: the key that signed it was gone when it came."""
    if one.gone is None:
        return None
    text = "contrary" if one.gone.contrary else "late" if one.gone.went is not None else "late_undated"
    when = visit.when(one.gone.went) if one.gone.went is not None else ""
    place = known.get(one.notice.organisation, one.notice.organisation)
    return render.say(words.CONSENTS[text], when=when, place=place)


def _whom(node: "Node", known: dict[str, str], statement: Any) -> Markup:
    """Whom a consent is about, to be found at a glance; the person's own page is named as that."""
    parties, _ = opened_to(statement, known)
    if not parties:
        return Markup("{}").format(words.CONSENTS["everybody"])
    own = render.say(words.SHARING["own_page"], place=known.get(node.organisation, node.organisation))
    return render.listed(
        [own if one.organisation == node.organisation else known.get(one.organisation, one.name) for one in parties]
    )


def permission(node: "Node", account: str, mark: str) -> Any:
    """The yes of a person by its nullifier (hex), while it stands; None for anything else."""
    for notice, over, _ in standing(node, account):
        if not over and notice.manifest.nullifier == mark and _effect(notice.manifest) == "permit":
            return notice.manifest
    return None


def opened_to(statement: Any, known: dict[str, str]) -> tuple[list[plain.Party], list[str]]:
    """Whom a yes opens something to, and which kinds; no party is everybody, no kind is everything.

    What cannot be said in plain words is taken for everybody and everything: a no may reach further than the yes.
    """
    if hasattr(statement, "grant"):
        everybody = "*" in statement.grant.recipients
        names = [] if everybody else statement.grant.recipients
        wanted = set(statement.grant.types)
        fits = [kind for kind, types in plain.KINDS.items() if wanted and wanted.intersection(types)]
        covered = {one for kind in fits for one in plain.KINDS[kind]}
        kinds = fits if wanted and wanted <= covered else []
        return [plain.Party(name, name=known.get(name, name)[:100]) for name in names], kinds
    try:
        read_back = plain.read(statement.consent.encode())
    except plain.NotPlain:
        return [], []
    return read_back.to, read_back.kinds


def _effect(statement: Any) -> str:
    if hasattr(statement, "grant"):
        return str(statement.grant.effect)
    try:
        return "permit" if plain.read(statement.consent.encode()).effect in ("share", "emergency-yes") else "deny"
    except plain.NotPlain:
        return "permit"


def _closed(standing: list["Standing"]) -> set[str]:
    """The nullifiers of each yes of which a no of the person, at the same place, leaves nothing."""
    said = [(one.notice.manifest, one.gone, as_plain(one.notice.manifest)) for one in standing if not one.over]
    noes = [
        (no.organisation, sentence)
        for no, gone, sentence in said
        if not gone and _effect(no) == "deny" and not hasattr(no, "grant")
    ]
    return {
        yes.nullifier
        for yes, _, sentence in said
        if _effect(yes) == "permit" and any(place == yes.organisation and closes(no, sentence) for place, no in noes)
    }


def as_plain(statement: Any) -> plain.Plain:
    """A consent as a plain sentence; one that cannot be said so is taken for a yes to everybody and everything."""
    if hasattr(statement, "grant"):
        return plain.Plain("share", *opened_to(statement, {}), until=plain.last_day(statement.grant.until))
    try:
        return plain.read(statement.consent.encode())
    except plain.NotPlain:
        return plain.Plain("share", purposes=["any"])


def _given(visit: Visit, known: dict[str, str], statement: Any) -> Any:
    """When a consent was given, and by whom if not by the person's own key."""
    assurance = getattr(statement, "assurance", "self")
    if assurance == "clinic":
        # The place alone says so: nothing that she holds can show that it is her word.
        place, clerk = known.get(statement.organisation, statement.organisation), statement.attested.clerk
        return render.say(words.CONSENTS["given_clinic"], place=place, clerk=clerk, when=visit.when(statement.time))
    name = "given_helper" if assurance == "delegate" else "given"
    return render.say(words.CONSENTS[name], when=visit.when(statement.time))


class Standing(NamedTuple):
    """A consent, why it is over ("revoked", "unlinked": with the link that it was given under; "" for one that is not),
    and where it is not in force: that its key was gone when it came, and she has not said since that it is hers."""

    notice: Notice
    over: str
    gone: Gone | None


def standing(node: "Node", account: str) -> list[Standing]:
    """Every consent a person gave, newest first."""
    notices = [notice for notice in every(node, account, CONSENTS) if notice.manifest is not None]
    lines = list(zip(notices, late(node, account, notices), strict=True))
    # What a key that was gone takes back is over where the ledger says so.
    over = taken_back(node, [one.manifest for one, gone in lines if gone is None or one.kind != "revocation/1"])
    left = standing_links.over(node, account)
    # Whoever dates it after the key went does not have it from her.
    asked = set(aftermath.open_among(node, account, [kept_as(one.manifest) for one, gone in lines if gone is not None]))
    return [
        Standing(
            one,
            "revoked" if one.manifest.nullifier in over else "unlinked" if left(one.organisation, one.epoch) else "",
            gone if gone and (gone.contrary or kept_as(one.manifest) in asked) else None,
        )
        for one, gone in lines
        if one.kind != "revocation/1"
    ]


def _entered(every: Sequence[Standing]) -> dict[bytes, str]:
    """The marks of what places wrote down for a person, each with its place, which takes it back without a secret."""
    said = [one.notice.manifest for one in every if getattr(one.notice.manifest, "assurance", "") == "clinic"]
    return {bytes.fromhex(one.nullifier): one.organisation for one in said}


def entered(node: "Node", account: str) -> dict[bytes, str]:
    """What places wrote down for a person, by its mark: the place. She did not sign it, and may end it."""
    return _entered(standing(node, account))


def endable(node: "Node", account: str) -> set[bytes]:
    """The marks of the consents that a signature of the person takes back from here."""
    return own_consents.known(node, account) | set(entered(node, account))


class Given(NamedTuple):
    """A plain sentence that is in force: at which place, the mark (hex) that takes it back, and the SHA-256 (hex) of
    what was signed."""

    says: plain.Plain
    place: str
    mark: str
    hash: str


def plain_consents(node: "Node", account: str, now: int) -> list[Given]:
    """The plain sentences of a person that are in force, with what she signed here and no place has told of yet."""
    found, told, (fresh, over) = [], standing(node, account), untold.said(node, account)
    known = {one.notice.manifest.nullifier for one in told}
    stands = [one.notice.manifest for one in told if not one.over and not one.gone]
    for signed in [*stands, *(one for one in fresh if one.nullifier not in known)]:
        text = getattr(signed, "consent", None)
        if text is None or signed.nullifier in over:
            continue
        with suppress(plain.NotPlain):
            sentence = plain.read(text.encode())
            if plain.goes_on(sentence, now):
                digest = hashlib.sha256(manifests.encode(signed)).hexdigest()
                found.append(Given(sentence, signed.organisation, signed.nullifier, digest))
    return found


def _fhir(known: dict[str, str], statement: Any) -> tuple[Markup, str, int | None]:
    """Sentence, effect and end of a FHIR consent, with the place where it holds."""
    data = statement.consent.encode()
    place = render.say(words.SIGN["at"], place=known.get(statement.organisation, statement.organisation))
    sentence = Markup(" ").join([*policies.sentences(data, known), place])
    try:
        read_back = plain.read(data)
    except plain.NotPlain:
        return sentence, "permit", None
    effect = "permit" if read_back.effect in ("share", "emergency-yes") else "deny"
    return sentence, effect, plain.end_of(read_back)


def _grant(visit: Visit, known: dict[str, str], statement: Any) -> Any:
    grant = statement.grant
    everybody = "*" in grant.recipients
    who = (
        words.CONSENTS["everybody"]
        if everybody
        else render.listed([known.get(recipient, recipient) for recipient in grant.recipients])
    )
    text = words.CONSENTS[grant.effect + ("_some" if grant.types else "_all")]
    kinds = render.listed([words.record_types(kind) for kind in grant.types])
    until: Any = words.CONSENTS["no_end"]
    if grant.until is not None:
        until = render.say(words.CONSENTS["until"], when=visit.when(grant.until))
    source = known.get(statement.organisation, statement.organisation)
    return render.say(text, who=who, kinds=kinds, source=source, until=until)
