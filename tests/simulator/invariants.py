"""What must hold: at every release, and when a world has come to rest."""

import hashlib
from collections import Counter
from typing import Any

import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.consent import terms
from medrec.core.consent.emergency import REVIEW_MS
from medrec.core.machine import nonce_place
from medrec.core.manifests.access import obligation_of
from medrec.core.state import Obligation
from medrec.core.types import decode_transaction
from medrec.engines.memory import MemoryEngine
from medrec.node.agent import redelivery
from medrec.node.keeping import store
from medrec.node.ledger.audit import audit_journal
from medrec.node.ledger.checkpoints import evidence
from medrec.node.ledger.rebuild import entries_of, rebuild, relationship_key
from medrec.node.node import Node
from medrec.node.release import access
from medrec.node.release.access import Ask, Release
from medrec.node.release.receive import Received

from .steps import MINUTE, alter_record, ask_for, may_go
from .world import HOSPITALS, NAMES, Person, Violation, World

LINKS_MAX = 40
"""How often somebody may be linked at one place in a world."""


def demand(holds: bool, sentence: str) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(sentence)


# --- at every release -------------------------------------------------------------------------------------


def watch_releases(world: World) -> None:
    """Look at every answer that carries records, at the moment it leaves."""

    def look(source: str, caller: str, body: bytes) -> None:
        asked = access.decode(body, Ask)
        obligation = obligation_of(source, caller, bytes.fromhex(asked.request.id))
        node = world.nodes[source]
        entries = entries_written(node)
        owing = [entry for entry in entries if _owes(entry) == obligation]
        demand(len(owing) == 1, f"{source} sent records and its journal has {len(owing)} lines that say so")
        oldest = node.anchorer.waiting_since()
        late = oldest is not None and node.clock() > oldest + node.merge_delay_ms
        world.released.append((source, obligation, asked.account))
        # The very line of the release waits, too; only older ones count. An emergency does not wait for the ledger.
        emergency = asked.request.purpose in terms.EMERGENCY
        demand(emergency or not late, f"{source} sent records though lines waited longer than the merge delay")

    def arriving(recipient: str, source: str, body: bytes) -> None:
        release = access.decode(access.open_release(body)[0], Release, access.RELEASE_BYTES_MAX)
        stated: Any = manifests.decode(release.disclosure.manifest)
        if not release.records:
            return
        obligation = obligation_of(source, recipient, bytes.fromhex(stated.request.id))
        world.released.append((source, obligation, stated.account))
        person = next(one for one in world.people if one.account == stated.account)
        allowed = may_go(person, source, recipient) is not False
        demand(allowed, f"{source} refers {person.name} to {recipient} with what she has taken back or never permitted")
        altered = [one.id for one in stated.records if (source, one.id) in world.altered]
        demand(not altered, f"{source} refers {person.name} with {altered}, altered in place")

    world.watch_release, world.watch_referral = look, arriving


def watch_ledger(world: World) -> None:
    """No obligation is open whose time was over when a block came: each block marks what it finds past due."""
    engine = world.ledger.engine
    tip = engine.tip()
    if tip.height < 2:
        return
    with engine.view() as view, engine.view(tip.height - 1) as before:
        due = [key for key, _ in view.scan(b"~due/", b"~due/" + tip.time.to_bytes(8, "big"))]
        # What came with the last block itself is marked by the next one.
        late = [key for key in due if before.get(key) is not None]
    demand(not late, "an obligation is past due on the ledger and still open")


def entries_written(node: Node) -> list[bytes]:
    with node.store.read() as connection:
        return [
            bytes(row.entry) for row in connection.execute(sql.select(store.line.c.entry).order_by(store.line.c.seq))
        ]


def _owes(entry: bytes) -> bytes | None:
    owes = codec.decode(entry)[2].get("owes")
    return bytes(owes[0]) if owes else None


# --- coming to rest ---------------------------------------------------------------------------------------


def heal(world: World) -> None:
    """The weather clears: wires, ledgers, clocks and disks are as they should be, and nobody ends any more."""
    world.lossy = 0.0
    world.unreachable.clear()
    world.crash_in.clear()
    for name in NAMES:
        world.skew[name] = 0
        copy = world.copies[name]
        copy.cut_off = copy.lags = False
        copy.loses_answers = lambda: False
        world.nodes[name].store.full = False  # type: ignore[attr-defined]
    # A clock that was ahead comes back; what was dated by it must have passed.
    world.time += 3 * MINUTE


def settle(world: World) -> None:
    """Let every node go on until nothing waits any more."""
    for number in range(12):
        world.time += 61_000 * (1 + number)
        for name in world.at_work:
            result = world.do(name, "tick", world.nodes[name].tick)
            demand(not isinstance(result, Exception), f"{name} fails with fair weather: {result}")
        for name in world.at_work[len(HOSPITALS) :]:
            result = world.do(name, "redeliver", world.nodes[name].redeliver_missing)
            demand(not isinstance(result, Exception), f"{name} cannot ask for what is missing: {result}")
        if not any(_waits(world.nodes[name]) for name in world.at_work):
            return
    raise Violation("; ".join(filter(None, (_waits(world.nodes[name]) for name in world.at_work))))


def _waits(node: Node) -> str:
    with node.store.read() as connection:
        outbox = connection.execute(sql.select(sql.func.count()).select_from(store.outbox)).scalar()
    if outbox:
        return f"{node.organisation} has {outbox} notices that are not delivered"
    if node.anchorer.waiting_since() is not None:
        return f"{node.organisation} has lines that are not anchored"
    if any(one.status == "waiting" for one in node.referrals.sent()):
        return f"{node.organisation} has referrals that are not delivered"
    if node.agent is not None and (node.agent.behind() or node.agent.missing(0)):
        return f"{node.organisation} misses {len(node.agent.missing(0))} notices of lines on the ledger"
    return ""


# --- at rest ----------------------------------------------------------------------------------------------


def check_at_rest(world: World) -> None:
    """Everything that must hold of a world in which nothing waits."""
    check_ledger(world)
    for name in NAMES:
        fault = audit_journal(world.nodes[name])
        demand(fault is None, f"{name}: {fault}")
        check_anchored(world, name)
        check_alarms(world, name)
    check_notices(world)
    check_looks(world)
    check_decisions(world)
    check_altered(world)
    check_obligations(world)
    check_emergencies(world)


def check_ledger(world: World) -> None:
    """Whoever applies the same blocks comes to the same roots; every author's numbers go up; no copy differs."""
    again = MemoryEngine(world.ledger.genesis, lambda: 0)
    times = iter([committed.block.time for committed in world.ledger.all_blocks()])
    again._clock = lambda: next(times)
    last: dict[bytes, int] = {}
    for committed in world.ledger.all_blocks():
        again.submit(committed.block.transactions)
        demand(again.tip() == committed.tip, f"the ledger applied again differs at height {committed.block.height}")
        for data, outcome, leaf in zip(
            committed.block.transactions, committed.outcomes, committed.leaf_indices, strict=True
        ):
            if outcome.code == 0 and leaf is not None and not outcome.detail:
                body = decode_transaction(data).body
                place = nonce_place(body.author, body.key, body.kind)
                demand(body.nonce > last.get(place, 0), "a number was used twice")
                last[place] = body.nonce
                if body.kind == "recovery/finish":
                    # The old keys are gone, and whoever came back counts anew.
                    last.pop(state.nonce_key(body.author), None)
    tip = world.ledger.engine.tip()
    for name, copy in world.copies.items():
        demand(copy.tip() == tip, f"the copy of {name} holds another history")


def check_anchored(world: World, name: str) -> None:
    """The ledger has every line of the journal once, in its order."""
    anchored: list[bytes] = []
    for committed in world.ledger.all_blocks():
        for place, _, data, _ in entries_of(committed):
            if decode_transaction(committed.block.transactions[place]).body.author == name:
                anchored.append(data)
    lines = entries_written(world.nodes[name])
    demand(anchored == lines, f"the ledger has {len(anchored)} entries of {name}, its journal {len(lines)}, or others")
    owed = Counter(filter(None, map(_owes, lines)))
    demand(all(count == 1 for count in owed.values()), f"{name} wrote one disclosure down twice")


def check_alarms(world: World, name: str) -> None:
    """No alarm without a cause: nobody lies here but who alters records, and who is cut off is late."""
    with world.nodes[name].store.read() as connection:
        raised = connection.execute(sql.select(store.alarm.c.code, store.alarm.c.subject)).all()
        demand(evidence(connection) == {}, f"{name} holds evidence of a split view")
    # A source that does not reach the ledger for an hour is told of by whoever had something from it.
    late = {("release-not-on-ledger", source) for source, _, _ in world.released}
    strange = [
        f"{code} {subject}" for code, subject in raised if code != "record-altered" and (code, subject) not in late
    ]
    demand(not strange, f"{name} raises {', '.join(strange)}")


def check_notices(world: World) -> None:
    """Her agent has every line about each person, from whoever wrote it, once, anchored, and nothing else.

    Only what was written under a link that is undone may stay where it is when she has moved meanwhile; then it is
    known how much that is, and explained.
    """
    for person in world.people:
        world.learn_links(person)
        have: dict[str, list[str]] = {name: [] for name in HOSPITALS}
        absent = Counter[str]()
        for notice in world.agent_of(person).notices(person.account):
            if notice.manifest is None:
                absent[notice.organisation] += 1
                continue
            said = notice.manifest.organisation
            demand(said == notice.organisation, f"the agent believes {notice.organisation} about {said}")
            demand(notice.height is not None, f"a notice of {notice.organisation} is not on the ledger")
            have[notice.organisation].append(hashlib.sha256(notice.entry).hexdigest())
        told = Counter(row.organisation for row in rebuild(world.copies[person.agent], person.view_secret))
        gaps = {gap.organisation: gap.lines for gap in redelivery.explained(world.nodes[person.agent], person.account)}
        demand(gaps == dict(absent), f"the agent of {person.name} misses {dict(absent)} and explains {gaps}")
        for name in HOSPITALS:
            wrote = [hashlib.sha256(entry).hexdigest() for entry in _lines_about(world.nodes[name], person)]
            there = name in person.linked or not person.moved
            fits = sorted(have[name]) == sorted(wrote) if there else not Counter(have[name]) - Counter(wrote)
            demand(
                fits and len(have[name]) + absent[name] == len(wrote),
                f"{name} wrote {len(wrote)} lines about {person.name}, her agent has {len(have[name])}, or others",
            )
            # The ledger and 32 bytes on paper tell the same.
            demand(
                told[name] == len(wrote),
                f"from the ledger alone {person.name} finds {told[name]} lines of {name}, which wrote {len(wrote)}",
            )


def check_looks(world: World) -> None:
    """Every release that was ever seen on a wire has told the person it is about."""
    for person in world.people:
        told = set()
        for notice in world.agent_of(person).notices(person.account):
            owes = _owes(notice.entry) if notice.kind == "disclosure/1" else None
            told.add((notice.organisation, owes))
        absent = {gap.organisation for gap in redelivery.explained(world.nodes[person.agent], person.account)}
        for source, obligation, account in world.released:
            if account == person.account and source not in absent:
                demand((source, obligation) in told, f"{person.name} is not told of a look at {source}")


def _lines_about(node: Node, person: Person) -> list[bytes]:
    """What a node wrote about a person under her links, also under those that were undone since."""
    hers = {relationship_key(person.view_secret, node.organisation, epoch) for epoch in range(1, LINKS_MAX)}
    with node.store.read() as connection:
        rows = [
            row.id
            for row in connection.execute(sql.select(store.person.c.id, store.person.c["keys"]))
            if node.vault.unwrap(bytes(row.keys)).relationship in hers
        ]
        entries = connection.execute(
            sql.select(store.line.c.entry)
            .join_from(store.manifest, store.line, store.manifest.c.seq == store.line.c.seq)
            .where(store.manifest.c.person.in_(rows))
        )
        return [bytes(entry) for entry in entries.scalars()]


def check_decisions(world: World) -> None:
    """Who is permitted gets an answer, and who is not gets none, once the weather is fair."""
    for person in world.people:
        for source in HOSPITALS:
            for requester in HOSPITALS:
                if requester == source or world.random.random() < 0.5:
                    continue
                # Now and then the wire brings the request twice, which must not be answered twice.
                world.doubles = world.random.random() < 0.25
                got = ask_for(world, person, source, requester)
                if world.doubles:
                    world.doubles = False
                    continue
                if may_go(person, source, requester) and not world.altered_at(source):
                    demand(isinstance(got, Received), f"{source} refuses {requester} what {person.name} permits: {got}")


def check_altered(world: World) -> None:
    """What is changed in place does not go out (asking raises Violation), and it is an alarm where it lies."""
    for person in world.people:
        for source in HOSPITALS:
            requester = next(name for name in HOSPITALS if name != source)
            mine = [place for place in world.records[source].raw if place[1].startswith(person.name)]
            if not mine or not may_go(person, source, requester) or world.random.random() < 0.5:
                continue
            alter_record(world, source, world.random.choice(sorted(mine)))
            ask_for(world, person, source, requester)
    settle(world)


def check_obligations(world: World) -> None:
    """Every disclosure has met its other half, or is overdue by name once its time is over."""
    world.time += max(access.DUE_MS, REVIEW_MS) + MINUTE
    settle(world)
    with world.ledger.engine.view() as view:
        for name in HOSPITALS:
            glass = {broken.id for broken in world.nodes[name].emergencies.all()}
            for owed in filter(None, map(_owes, entries_written(world.nodes[name]))):
                found: Any = state.read(view, state.obligation_key(name, owed), Obligation)
                demand(found is not None, f"the ledger does not know what a disclosure of {name} asks for")
                if owed not in glass:
                    demand(found.status != "open", f"an obligation to {name} is past due and still open")
                    demand(found.status != "overdue", f"the other half of a disclosure of {name} never came")


def check_emergencies(world: World) -> None:
    """Whoever broke the glass has reviewed it, and the person heard the outcome; or it is overdue by name for all."""
    broken = [(name, item) for name in HOSPITALS for item in world.nodes[name].emergencies.all()]
    reviewed = {
        item.id for name in HOSPITALS for item in world.nodes[name].emergency_reviews.all() if item.status == "reviewed"
    }
    heard = {
        notice.manifest.obligation
        for person in world.people
        for notice in world.agent_of(person).notices(person.account)
        if notice.kind == "emergency-reviewed/1" and notice.manifest is not None
    }
    stays = {(person.account, name) for person in world.people for name in HOSPITALS if name not in person.left}
    with world.ledger.engine.view() as view:
        for name, item in broken:
            found: Any = state.read(view, state.obligation_key(name, item.id), Obligation)
            owed = ("settled", "late") if item.id in reviewed else ("overdue",)
            demand(found.status in owed, f"the review that {item.requester} owes {name} is {found.status}, not {owed}")
            now = next(one.status for one in world.nodes[name].emergencies.all() if one.id == item.id)
            right = "reviewed" if item.id in reviewed else "overdue"
            demand(now == right, f"{name} takes an emergency for {now} that is {right}")
            told = item.id not in reviewed or (item.account, name) not in stays or item.id.hex() in heard
            demand(told, f"the outcome of a review at {item.requester} has not reached the person")
