"""What happens in a simulated world: each step is small, drawn from the seed, and may fail for the world's reasons."""

import json
from collections.abc import Callable

from medrec.core.records.canonical import canonical
from medrec.node.node import Node
from medrec.node.records.publish import Incoming
from medrec.node.release.receive import Received, request_records

from .world import HOSPITALS, NAMES, Person, Violation, World

MINUTE = 60_000
RECORDS = 3


def _hospital(world: World) -> Node:
    return world.nodes[world.random.choice(HOSPITALS)]


def _person(world: World) -> Person:
    return world.random.choice(world.people)


def publish(world: World) -> None:
    """A record arrives, is changed, or goes."""
    node, person = _hospital(world), _person(world)
    name = node.organisation
    identifier = f"{person.name}-{world.random.randrange(RECORDS)}"
    place = ("Observation", identifier)
    records = world.records[name].raw
    if place in records and world.random.random() < 0.15:
        arriving = Incoming(*place, None, f"delivery {len(world.trace)}")
        records.pop(place)
    else:
        content = {
            "resourceType": "Observation",
            "id": identifier,
            "status": "final",
            "subject": {"reference": f"Patient/{person.name}"},
            "valueQuantity": {"value": world.random.randrange(1000)},
        }
        raw = json.dumps(content).encode()
        records[place] = raw
        arriving = Incoming(*place, canonical(raw), f"delivery {len(world.trace)}")
    # The system of the hospital tells of it again until the node has taken it.
    world.altered.discard((name, identifier))
    world.retry(name, f"publish {identifier}", lambda node: node.publisher.publish([arriving]))


def alter(world: World) -> None:
    """Somebody changes a record where it lives, without a word."""
    node = _hospital(world)
    records = world.records[node.organisation].raw
    if not records or world.random.random() < 0.7:
        return
    alter_record(world, node.organisation, world.random.choice(sorted(records)))


def alter_record(world: World, source: str, place: tuple[str, str]) -> None:
    """A record changes where it lives."""
    records = world.records[source].raw
    changed = {**json.loads(records[place]), "issued": f"{len(world.trace)}"}
    records[place] = json.dumps(changed).encode()
    world.altered.add((source, place[1]))
    world.tell(f"{source} {place[1]} is altered")


def link(world: World) -> None:
    """A person is linked at a desk."""
    person, node = _person(world), _hospital(world)
    name = node.organisation
    if name not in person.linked:
        world.do(name, f"link {person.name}", lambda: world.link(person, name))
        world.learn_links(person)


def unlink(world: World) -> None:
    """A link is undone: the person leaves, or the desk found that it was somebody else."""
    person = _person(world)
    if not person.linked or world.random.random() < 0.5:
        return
    name = world.random.choice(sorted(person.linked))
    by_desk = world.random.random() < 0.5
    who, by = (name, "the desk") if by_desk else (person.agent, "herself")
    world.do(who, f"unlink {person.name} by {by}", lambda: world.unlink(person, name, by_desk))
    world.learn_links(person)


def consent(world: World) -> None:
    """A person permits some hospitals to be told by another."""
    person = _person(world)
    sources = sorted(person.linked)
    if not sources:
        return
    source = world.random.choice(sources)
    others = [name for name in HOSPITALS if name != source]
    recipients = tuple(world.random.sample(others, world.random.randrange(1, len(others) + 1)))
    world.do(
        person.agent, f"consent of {person.name} at {source}", lambda: bool(world.consent(person, source, recipients))
    )


def take_back(world: World) -> None:
    """A person takes a consent back."""
    person = _person(world)
    given = [
        (source, index)
        for source, consents in person.consents.items()
        for index, entry in enumerate(consents)
        if entry.state != "gone"
    ]
    if given:
        source, index = world.random.choice(given)
        world.do(person.agent, f"{person.name} takes back at {source}", lambda: world.take_back(person, source, index))


def ask(world: World) -> None:
    """A hospital asks another for a person's records."""
    person = _person(world)
    source, requester = world.random.sample(HOSPITALS, 2)
    ask_for(world, person, source, requester)


def ask_for(world: World, person: Person, source: str, requester: str, purpose: str = "TREAT") -> object:
    """One request, and what must hold of its answer."""
    node = world.nodes[requester]

    def work() -> object:
        doctor = node.practitioners.present(f"dr-{requester}")
        return request_records(node, source, person.account, practitioner=doctor, reason="visit", purpose=purpose)

    if purpose == "BTG":
        allowed: bool | None = (source, requester, person.account) in world.declared
    else:
        allowed = may_go(person, source, requester)
    got = world.do(requester, f"asks {source} about {person.name} for {purpose}", work)
    if isinstance(got, Received):
        if allowed is False:
            why = "for no emergency that was declared" if purpose == "BTG" else "has taken back or never permitted"
            raise Violation(f"{source} released to {requester} what {person.name} {why}")
        for record in got.records:
            if (source, record.id) in world.altered:
                raise Violation(f"{source} released {record.id}, which was altered in place")
    return got


def may_go(person: Person, source: str, requester: str) -> bool | None:
    """Whether a release is permitted: yes, no, or nobody outside can tell because an answer was lost."""
    states = {entry.state for entry in person.consents[source] if requester in entry.recipients}
    if "given" in states:
        return True
    return None if "unknown" in states else False


def anchor(world: World) -> None:
    """A node anchors."""
    name = world.random.choice(NAMES)
    world.do(name, "anchor", lambda: world.nodes[name].anchor())


def deliver(world: World) -> None:
    """A node delivers."""
    name = world.random.choice(HOSPITALS)
    world.do(name, "deliver", lambda: world.nodes[name].deliverer.step(world.clock(name)()))


def follow(world: World) -> None:
    """An agent follows the ledger, and asks for what is missing."""
    name = world.random.choice([person.agent for person in world.people])
    node = world.nodes[name]
    assert node.agent is not None
    world.do(name, "follow", node.agent.follow)
    world.do(name, "redeliver", lambda: world.nodes[name].redeliver_missing())


def tick(world: World) -> None:
    """One round of everything at one node."""
    name = world.random.choice(NAMES)
    world.do(name, "tick", lambda: world.nodes[name].tick())


def checkpoint(world: World) -> None:
    """A node signs the head and asks the others."""
    if world.random.random() < 0.5:
        return
    name = world.random.choice(NAMES)
    world.do(name, "checkpoint", lambda: world.nodes[name].checkpoints.keep_up() is not None)


def wait(world: World) -> None:
    """Time passes: a moment, minutes, or hours."""
    world.time += world.random.choice((20, 500, 5_000, 30_000, MINUTE, 3 * MINUTE, 20 * MINUTE, 70 * MINUTE))


def crash(world: World) -> None:
    """Some node's process will end a few steps from now."""
    world.crash_in[world.random.choice(NAMES)] = world.random.randrange(12)


def weather(world: World) -> None:
    """Wires, ledgers, clocks and disks get worse or better."""
    name = world.random.choice(NAMES)
    chosen = world.random.randrange(8)
    if chosen == 0:
        world.lossy = world.random.choice((0.0, 0.0, 0.2, 0.5))
    elif chosen == 1:
        world.unreachable = {name} - world.unreachable
    elif chosen == 2:
        world.copies[name].cut_off = not world.copies[name].cut_off
    elif chosen == 3:
        world.copies[name].lags = not world.copies[name].lags
    elif chosen == 4:
        world.skew[name] = world.random.choice((0, -90_000, 45_000, 90_000))
    elif chosen == 5:
        store = world.nodes[name].store
        store.full = not store.full  # type: ignore[attr-defined]
    else:
        lossy = world.random.choice((0.0, 0.3, 0.6))
        world.copies[name].loses_answers = lambda: world.random.random() < lossy
    world.tell(f"weather {chosen} at {name}")


Step = tuple[Callable[[World], None], int]
"""What to do, and how often it is drawn."""

STEPS: tuple[Step, ...] = (
    (publish, 6),
    (alter, 1),
    (link, 3),
    (unlink, 1),
    (consent, 4),
    (take_back, 2),
    (ask, 7),
    (anchor, 5),
    (deliver, 6),
    (follow, 4),
    (tick, 4),
    (checkpoint, 1),
    (wait, 6),
    (crash, 2),
    (weather, 4),
)
