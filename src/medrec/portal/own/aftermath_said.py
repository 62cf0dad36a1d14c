"""What may have been said in a person's name with her old key: entries, words on her list, requests, disputes; and what
was done with it for others. The cards are those of aftermath_given.py."""

from medrec.core.manifests.correction import CorrectionRequestManifest
from medrec.core.manifests.delegation import ActingManifest
from medrec.core.manifests.dispute import DisputeManifest
from medrec.core.manifests.entry import entry_of
from medrec.core.manifests.record import RecordManifest
from medrec.node.agent.copies import Copy
from medrec.portal import person, render, words
from medrec.portal.own.aftermath_given import Cards, Case
from medrec.portal.own.entries import read

# How the page of her list says what she can say there.
SAID = {"not-taking": "not_taking", "like-this": "like_this", "also-taking": "also", "dismissed": "dismiss"}
GUARDIAN = ("recovery/by-guardian", "recovery/stop", "account/freeze", "account/unfreeze")


def written(case: Case) -> Cards:
    """What was entered under her own name; each can be taken back where she writes."""
    node = case.node
    found = [
        f"{entry.title} {entry.value}".strip()
        for line in node.entries.lines(case.who.account)
        if line.author == case.who.account and case.has(line.time)
        if (entry := read(Copy(node.organisation, line.type, line.id, line.tag, line.content))) is not None
    ]
    return [case.card("written", "written", render.listed(found), "writing")] if found else []


def taken_back(case: Case) -> Cards:
    """What was taken out of what she had written: of which kind, and of when. Its text is gone."""
    gone = {
        (line.record.type, line.record.id): line.time
        for notice in case.lines("record/1")
        if isinstance(line := notice.manifest, RecordManifest) and line.record.action == "delete"
        if (stated := entry_of(line)) is not None and stated.author == case.who.account
    }
    if not gone:
        return []
    first: dict[tuple[str, str], int] = {}
    for notice in person.within(case.node, case.who.account, ("record/1",), 0, case.window[1], case.node.organisation):
        if isinstance(line := notice.manifest, RecordManifest):
            first.setdefault((line.record.type, line.record.id), line.time)
    told = [
        render.say(
            words.AFTERMATH["of_when"],
            kind=words.record_type(name[0]),
            when=case.visit.when(first.get(name, time)),
        )
        for name, time in sorted(gone.items(), key=lambda one: one[1])
    ]
    return [case.card(f"back-{max(gone.values())}", "taken_back", render.listed(told), "writing")]


def of_list(case: Case) -> Cards:
    """What was said about her medicines, each word by itself: one may be hers and the next a thief's."""
    says = words.AFTERMATH["said_of"]
    return [
        case.card(
            f"said-{kept.act.id}",
            "said",
            render.say(says, what=words.ONE_LIST[SAID[kept.act.kind]], names=render.listed(named)),
            "lists",
        )
        for kept in case.node.acts.of(case.who.account)
        if kept.act.author == "patient" and case.has(kept.time)
        if (named := [subject.name for subject in kept.act.subjects] or [kept.act.words])
    ]


def corrections(case: Case) -> Cards:
    """What places were asked to correct, in her name and not by a helper."""
    found = [
        notice.manifest.statement.words
        for notice in case.lines("correction-request/1")
        if isinstance(notice.manifest, CorrectionRequestManifest)
        if (said := notice.manifest.statement).act is None and said.acting is None
    ]
    return [case.card("asked", "asked", render.listed(found), "mistakes")] if found else []


def disputes(case: Case) -> Cards:
    """Looks that she was made to call wrong, which stops everything to who looked; and those where that was undone."""
    node, account = case.node, case.who.account
    assert node.looks is not None
    last = {
        one.manifest.statement.id: one.manifest.statement
        for one in case.lines("dispute/1")
        if isinstance(one.manifest, DisputeManifest)
    }
    every = [one.manifest for one in person.every(node, account, ("dispute/1",))]
    closed = {one.statement.id for one in every if isinstance(one, DisputeManifest) and one.statement.action == "close"}
    cards = []
    for one in last.values():
        if (one.action == "close") != (one.id in closed):
            continue
        title = "disputed" if one.action == "open" else "settled"
        told = one.words or words.AFTERMATH["no_words"] if one.action == "open" else words.AFTERMATH["settled_more"]
        card = case.card(f"{title}-{one.id}", title, told, "looked", requester=case.who.place(one.requester))
        look = node.looks.latest(account, one.requester)
        if look is not None:
            place = {"person": case.who.handle, "pair": look.pair.hex()}
            again = {"end": case.visit.link("dispute", **place), "field": ("settled", one.id)}
            card |= again if one.action == "open" else {"change": case.visit.link("one_look", **place)}
        cards.append(card)
    return cards


def for_others(case: Case) -> Cards:
    """What was done for people whom she helps, who do not know whose hands had her key."""
    node, me = case.node, case.who.account
    assert node.agent is not None
    clients = node.agent.names_of(held.delegation.account for held in node.delegates.for_delegate(me))
    cards = []
    for account in sorted(clients):
        acts = [
            one.manifest
            for one in person.within(node, account, ("acting/1",), *case.window)
            if isinstance(one.manifest, ActingManifest) and one.manifest.delegate == me
        ]
        done = {act.subject.partition(":")[2] if act.subject.startswith("done:") else "" for act in acts if _does(act)}
        if done:
            told = render.listed([words.NAMES[page if page in words.NAMES else "mistakes"] for page in sorted(done)])
            cards.append(case.card(f"for-{account}", "for_others", told, "helping", name=clients[account]))
    return cards


def _does(act: ActingManifest) -> bool:
    """Whether more was done than looked at."""
    return bool(act.subject) and not act.subject.startswith("read:")


def as_guardian(case: Case) -> Cards:
    """What was said with her key on somebody else's way back."""
    node, me = case.node, case.who.account
    assert node.account_watch is not None
    events = [
        event
        for event in node.account_watch.within(me, *case.window)
        if event.kind in GUARDIAN and event.author == me and event.about != me
    ]
    if not events:
        return []
    told = render.listed(list(dict.fromkeys(words.KINDS[event.kind] for event in events)))
    return [case.card(f"guardian-{max(event.height for event in events)}", "as_guardian", told, "guarding")]
