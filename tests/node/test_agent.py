"""Notices: delivered, matched by tags, found when missing; links; and the index rebuilt from 32 bytes."""

import os

import pytest
import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.commitment import commitment, tag
from medrec.core.kinds.anchor import encode_entry
from medrec.core.manifests.consent import ConsentManifest, Grant, RevocationManifest
from medrec.core.manifests.record import RecordManifest, RecordVersion
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.keys import PersonKey
from medrec.node.keeping.vault import derive
from medrec.node.ledger.rebuild import rebuild
from medrec.node.right_person.link import LinkError

from .world import World, observation


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def payloads(organisation) -> list[bytes]:
    with organisation.store.read() as connection:
        rows = connection.execute(sql.select(store.outbox.c.payload).order_by(store.outbox.c.id)).scalars().all()
        sent = [organisation.journal.sent(connection, bytes(row)) for row in rows]
    organisation.store.write(lambda connection: connection.execute(sql.delete(store.outbox)))
    return sent


def deliver(world: World, organisation) -> list[bool]:
    return world.agent.take_notices(organisation.name, payloads(organisation))


def follow(world: World) -> None:
    while world.agent.follow():
        pass


def test_a_record_reaches_the_person_and_is_seen_on_the_ledger(world):
    account, _, _ = world.person(north="p1")
    world.north.publish(observation("o1", "p1", 1))
    assert all(deliver(world, world.north))
    assert [notice.height for notice in world.agent.notices(account)] == [None, None]
    world.north.anchor()
    follow(world)
    newest, link = world.agent.notices(account)
    assert (newest.kind, newest.manifest.record.id, link.kind) == ("record/1", "o1", "link/1")
    assert newest.height is not None and link.height is not None
    assert newest.manifest.account == account


def test_a_notice_delivered_twice_stands_once(world):
    account, _, _ = world.person(north="p1")
    world.north.publish(observation("o1", "p1", 1))
    sent = payloads(world.north)
    assert all(world.agent.take_notices("north", sent))
    assert all(world.agent.take_notices("north", sent))
    assert len(world.agent.notices(account)) == 2


@pytest.mark.parametrize("order", ["notice first", "ledger first"])
def test_the_order_of_notice_and_ledger_does_not_matter(world, order):
    account, _, _ = world.person(north="p1")
    world.north.publish(observation("o1", "p1", 1))
    if order == "notice first":
        deliver(world, world.north)
    world.north.anchor()
    follow(world)
    deliver(world, world.north)
    assert all(notice.height and notice.manifest for notice in world.agent.notices(account))
    assert world.agent.missing(grace_ms=0) == []


def test_what_was_anchored_but_never_delivered_is_found_and_asked_for(world):
    account, _, _ = world.person(north="p1")
    world.north.publish(observation("o1", "p1", 1), observation("o2", "p1", 2))
    sent = payloads(world.north)
    world.agent.take_notices("north", [sent[0], sent[2]])
    world.north.anchor()
    follow(world)
    missing = world.agent.missing(grace_ms=0)
    assert [(notice.organisation, notice.epoch, notice.counter) for notice in missing] == [("north", 1, 1)]
    asked = codec.encode({"account": account, "epoch": 1, "counters": [1]})
    assert codec.decode(world.call("north", "/medrec/redeliver", asked)) == 1
    assert deliver(world, world.north) == [True]
    assert world.agent.missing(grace_ms=0) == []
    assert world.agent.notices(account)[-2].manifest.record.id == "o1"


def test_only_the_agent_of_the_account_may_ask_again(world):
    account, _, _ = world.person(north="p1")
    asked = codec.encode({"account": account, "epoch": 1, "counters": [0]})
    with pytest.raises(LinkError):
        world.north.linker.redeliver("south", asked)


def test_lines_from_before_the_link_are_handed_over(world):
    world.north.publish(observation("o1", "p1", 1), observation("o2", "p1", 2))
    world.north.anchor()
    account, key, _secret = world.person()
    assert world.link(account, key, "north", "p1") == 2
    world.north.publish(observation("o3", "p1", 3))
    deliver(world, world.north)
    world.north.anchor()
    follow(world)
    notices = world.agent.notices(account)
    assert {notice.manifest.record.id for notice in notices if notice.kind == "record/1"} == {"o1", "o2", "o3"}
    assert all(notice.height for notice in notices)


def test_the_whole_index_comes_back_from_the_ledger_and_32_bytes(world):
    world.north.publish(observation("before", "p1", 1))
    world.north.anchor()
    account, key, secret = world.person(south="q7")
    world.link(account, key, "north", "p1")
    for number in range(3):
        world.north.publish(observation(f"n{number}", "p1", number))
        world.south.publish(observation(f"s{number}", "q7", number))
    world.north.anchor()
    world.south.anchor()
    lines = rebuild(world.engine, secret)
    named = {(line.organisation, line.summary[3]) for line in lines if line.summary and line.summary[0] == 1}
    assert named == {(o, f"{o[0]}{n}") for o in ("north", "south") for n in range(3)}
    # Four records and one link at each, but one record of the north was there before the link.
    assert len(lines) == 9
    assert rebuild(world.engine, os.urandom(32)) == []


def test_nobody_else_can_link_or_see(world):
    account, key, _secret = world.person(north="p1")
    code = world.south.linker.invite("q1")
    thief = PersonKey.generate()
    with pytest.raises(LinkError) as refused:
        world.agent.link(account, "south", code, lambda m: (key.key_id, thief.sign_transaction_id(m)))
    assert refused.value.code == "not-the-account"
    with pytest.raises(LinkError) as refused:
        world.agent.link(account, "south", os.urandom(16), lambda m: (key.key_id, key.sign_transaction_id(m)))
    assert refused.value.code == "code-unknown"


def test_a_code_works_once_and_for_a_quarter_of_an_hour(world):
    account, key, _ = world.person()
    code = world.north.linker.invite("p1")
    sign = lambda m: (key.key_id, key.sign_transaction_id(m))  # noqa: E731
    world.clock.now += 16 * 60_000
    with pytest.raises(LinkError) as refused:
        world.agent.link(account, "north", code, sign)
    assert refused.value.code == "code-unknown"
    code = world.north.linker.invite("p1")
    world.agent.link(account, "north", code, sign)
    other, other_key, _ = world.person()
    with pytest.raises(LinkError) as refused:
        world.agent.link(other, "north", code, lambda m: (other_key.key_id, other_key.sign_transaction_id(m)))
    assert refused.value.code == "code-unknown"


@pytest.mark.parametrize("fault", ["other organisation", "bit", "garbage", "counter"])
def test_a_notice_that_does_not_fit_is_not_taken(world, fault):
    account, _, _ = world.person(north="p1", south="q1")
    world.north.publish(observation("o1", "p1", 1))
    _, good = payloads(world.north)
    caller = "north"
    if fault == "other organisation":
        caller = "south"
    elif fault == "bit":
        good = good[:-1] + bytes([good[-1] ^ 1])
    elif fault == "garbage":
        good = b"\xff\xff"
    else:
        held, epoch, counter, sealed = codec.decode(good)
        good = codec.encode([held, epoch, counter + 1, sealed])
    before = len(world.agent.notices(account))
    assert world.agent.take_notices(caller, [good]) == [False]
    assert len(world.agent.notices(account)) == before


def test_tags_of_two_relationships_have_nothing_in_common(world):
    world.person(north="p1", south="q1")
    world.north.publish(observation("o1", "p1", 1))
    world.south.publish(observation("o1", "q1", 1))
    with world.north.store.read() as first, world.south.store.read() as second:
        tags = [
            {codec.decode(bytes(entry))[1] for entry in c.execute(sql.select(store.line.c.entry)).scalars()}
            for c in (first, second)
        ]
    assert len(tags[0]) == len(tags[1]) == 2 and not tags[0] & tags[1]


def test_the_view_secret_and_the_name_lie_sealed(world, tmp_path):
    _, _, secret = world.person(north="p1")
    world.helper.store.write(lambda connection: None)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("helper.db*"))
    assert secret not in stored and b"Ada" not in stored


def test_a_long_relationship_is_walked_to_its_end_in_one_go(world):
    account, _, _ = world.person(north="p1")
    world.north.publish(*(observation(f"o{number}", "p1", number) for number in range(100)))
    world.north.anchor()
    follow(world)
    assert len(world.agent.missing(grace_ms=0)) == 101
    deliver(world, world.north)
    assert world.agent.missing(grace_ms=0) == []
    assert len(world.agent.notices(account)) == 101


@pytest.mark.parametrize("time", ["abc", None, -1, 2**62, [1]])
def test_a_notice_with_a_time_that_is_none_is_not_taken(world, time):
    account, _, _ = world.person(north="p1")
    world.north.publish(observation("o1", "p1", 1))
    _, good = payloads(world.north)
    held, epoch, counter, sealed = codec.decode(good)
    with world.helper.store.read() as connection:
        key = derive(world.agent._relationship_key(connection, account, "north", epoch), "notice")
    parts = codec.decode(world.helper.vault.open(key, sealed, b"north"))
    changed = world.helper.vault.seal(key, codec.encode([*parts[:3], time]), b"north")
    assert world.agent.take_notices("north", [codec.encode([held, epoch, counter, changed])]) == [False]
    assert world.agent.take_notices("north", [good]) == [True]


def test_a_time_ahead_of_ours_does_not_stand_on_top_for_ever(world):
    account, _, _ = world.person(north="p1")
    world.clock.now += 86_400_000
    world.north.publish(observation("o1", "p1", 1))
    world.clock.now -= 86_400_000
    deliver(world, world.north)
    assert max(notice.time for notice in world.agent.notices(account)) <= world.clock.now


def forged(world, account, manifest) -> list[bool]:
    """North tells the agent of this manifest in a line of its own."""
    with world.north.store.read() as connection:
        identifier = world.north.journal.person_of_account(connection, account).id
    draft = Draft(manifest.manifest, manifests.encode(manifest), identifier)
    world.north.store.write(lambda connection: world.north.journal.append(connection, [draft]))
    return world.agent.take_notices("north", payloads(world.north))[-1:]


def a_record(world, **changes):
    version = RecordVersion("Observation", "o1", 1, "create", "form", "00" * 32, None)
    fields = {"organisation": "north", "account": None, "network": world.network.hex(), **changes}
    return RecordManifest("record/1", fields["network"], fields["organisation"], fields["account"], 1, version)


@pytest.mark.parametrize("lie", [{"organisation": "south"}, {"account": "somebody else"}, {"network": "11" * 32}])
def test_an_organisation_speaks_for_itself_alone(world, lie):
    account, _, _ = world.person(north="p1", south="q1")
    payloads(world.north)
    assert forged(world, account, a_record(world)) == [True]
    assert forged(world, account, a_record(world, **lie)) == [False]


@pytest.mark.parametrize("kind", ["consent/1", "revocation/1"])
def test_a_consent_without_the_persons_signature_is_not_shown(world, kind):
    account, key, _ = world.person(north="p1")
    payloads(world.north)
    grant = Grant("permit", ["*"], [], None)
    start = (kind, world.network.hex(), "north", account, 1)
    if kind == "consent/1":
        manifest = ConsentManifest(*start, grant, "22" * 32, key.key_id.hex(), "33" * 64)
    else:
        manifest = RevocationManifest(*start, "22" * 32, key.key_id.hex(), "33" * 64)
    assert forged(world, account, manifest) == [False]


@pytest.mark.parametrize("order", ["notice first", "ledger first"])
def test_a_notice_of_another_line_than_the_ledger_has_is_an_alarm(world, order):
    account, _, _ = world.person(north="p1")
    deliver(world, world.north)
    world.north.anchor()
    follow(world)
    # The truth goes to the ledger, a lie under the same tag goes to the agent.
    world.north.publish(observation("truth", "p1", 1))
    (told,) = payloads(world.north)
    held, epoch, counter, sealed = codec.decode(told)
    with world.helper.store.read() as connection:
        key = world.agent._relationship_key(connection, account, "north", epoch)
    manifest, salt, _, time = codec.decode(world.helper.vault.open(derive(key, "notice"), sealed, b"north"))
    lie = manifest.replace(b'"truth"', b'"false"')
    entry = encode_entry(commitment(lie, salt), tag(key, counter))
    body = codec.encode([lie, salt, entry, time])
    changed = codec.encode([held, epoch, counter, world.helper.vault.seal(derive(key, "notice"), body, b"north")])
    if order == "notice first":
        world.agent.take_notices("north", [changed])
    world.north.anchor()
    follow(world)
    if order == "ledger first":
        world.agent.take_notices("north", [changed])
    newest = next(notice for notice in world.agent.notices(account) if notice.counter == counter)
    assert newest.height is None
    with world.helper.store.read() as connection:
        assert list(connection.execute(sql.select(store.alarm.c.code)).scalars()) == ["notice-mismatch"]


def test_handed_over_lines_can_be_asked_for_again(world):
    world.north.publish(observation("o1", "p1", 1))
    world.north.anchor()
    account, key, _ = world.person()
    world.link(account, key, "north", "p1")
    payloads(world.north)
    world.north.anchor()
    follow(world)
    missing = world.agent.missing(grace_ms=0)
    assert {(notice.epoch, notice.counter) for notice in missing} == {(0, 0), (1, 0)}
    for notice in missing:
        asked = codec.encode({"account": account, "epoch": notice.epoch, "counters": [notice.counter]})
        world.call("north", "/medrec/redeliver", asked)
    assert deliver(world, world.north) == [True, True]
    assert world.agent.missing(grace_ms=0) == []
