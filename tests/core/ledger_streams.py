"""Random streams of transactions, right and wrong, for the laws that hold for every history."""

from hypothesis import strategies as st
from ledger_world import World, entry, hash_of

from medrec.core import state
from medrec.core.kinds.anchor import ANSWER_MS_MIN

STREAMS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=4), max_size=6)
"""Blocks of (choice, number) pairs for `step`."""


def step(world: World, choice: int, number: int) -> bytes:
    """One of many transactions, right or wrong, as the numbers choose."""
    author = ("north", "south", "east")[number % 3]
    other = ("south", "east", "north")[number % 3]
    identifier = hash_of(f"obligation {number % 4}")[:16]
    # Before the least time, at its end, and later.
    due = world.tip.time + ANSWER_MS_MIN + (number % 5 - 1) * 1500
    makers = [
        lambda: world.batch(author, [entry(number, owes=[identifier, other, due])]),
        lambda: world.batch(author, [entry(number, settles=[[other, identifier]]), entry(number + 1)]),
        lambda: world.batch(author, [entry(number, nullifier=hash_of(f"secret {number % 3}"))]),
        lambda: world.batch(author, [entry(number)], first=number),
        lambda: world.opening(f"person {number % 6}"),
        lambda: world.sign(author, "organisation/describe", {"name": f"Name {number}", "endpoint": ""}),
        lambda: world.sign(author, "organisation/describe", {"name": "x"}, nonce=number),
        lambda: world.proposal(author, "validator", id=other, key=hash_of(f"{number}"), power=1),
        lambda: world.sign(author, "organisation/describe", {"name": "short", "endpoint": ""},
                           expires=world.tip.height + 1 + number % 3),
        lambda: hash_of(f"noise {number}"),
    ]  # fmt: skip
    return makers[choice % len(makers)]()


STREAMS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=4), max_size=6)


def follow(world: World) -> None:
    """Learn from the state where the journals stand, so that batches continue them."""
    for author in ("north", "south", "east"):
        head = state.read(world.view, state.batch_key(author), state.BatchHead)
        if head is not None:
            world.heads[author], world.counts[author] = head.transaction, head.last
