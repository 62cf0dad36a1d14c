"""Care that does not wait for a consent, and care that goes on elsewhere: emergencies, their reviews, referrals."""

from .steps import Step, ask_for
from .world import HOSPITALS, Person, World


def emergency(world: World) -> None:
    """Somebody breaks the glass, and looks; now and then without having declared anything."""
    person: Person = world.random.choice(world.people)
    source = world.random.choice(sorted(person.linked) or HOSPITALS)
    requester = world.random.choice([name for name in HOSPITALS if name != source])
    if world.random.random() < 0.8:
        declare(world, person, source, requester, "summary")
        if world.random.random() < 0.6:
            declare(world, person, source, requester, "restricted")
    ask_for(world, person, source, requester, "BTG")


def declare(world: World, person: Person, source: str, requester: str, scope: str) -> None:
    """An emergency is declared at a source, or at least somebody tried."""
    node = world.nodes[requester]
    world.declared.add((source, requester, person.account))

    def work() -> object:
        doctor = node.practitioners.present(f"dr-{requester}")
        text = "found unconscious at the bus stop"
        return node.emergency_reviews.declare(source, person.account, doctor, "unconscious", text, scope=scope)  # type: ignore[arg-type]

    world.do(requester, f"breaks the glass of {person.name} at {source}: {scope}", work)


def review(world: World) -> None:
    """Somebody else than the doctor looks at what she did."""
    waiting = [
        (name, item)
        for name in HOSPITALS
        for item in world.nodes[name].emergency_reviews.all()
        if item.status not in ("refused", "reviewed")
    ]
    if waiting:
        name, item = world.random.choice(waiting)
        review_of = world.nodes[name].emergency_reviews.review
        words = "She could not be asked."
        world.do(name, "reviews", lambda: review_of(item.id, f"chief-{name}", "The chief", "justified", words))


def refer(world: World) -> None:
    """A person is sent on to another hospital, with her records."""
    person: Person = world.random.choice(world.people)
    source = world.random.choice(sorted(person.linked) or HOSPITALS)
    recipient = world.random.choice([name for name in HOSPITALS if name != source])
    node = world.nodes[source]

    def work() -> object:
        doctor = node.practitioners.present(f"dr-{source}")
        return node.referrals.refer(person.account, recipient, practitioner=doctor, reason="a second opinion").status

    world.do(source, f"refers {person.name} to {recipient}", work)


STEPS: tuple[Step, ...] = ((emergency, 3), (review, 2), (refer, 3))
