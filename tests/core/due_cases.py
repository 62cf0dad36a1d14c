"""Cases of what is due too soon to be answered; entered into the table of ledger_cases."""

from ledger_cases import case
from ledger_world import World, entry

from medrec.core.outcome import Code


@case("anchor", Code.OK)
def an_obligation_without_time_to_answer_is_settled_in_time(world: World) -> bytes:
    world.anchor("north", entry(0, owes=[bytes(16), "south", 0]))
    world.block(time=world.tip.time + 3_599_000)
    return world.batch("south", [entry(0, settles=[["north", bytes(16)]])])


@case("anchor", Code.OK)
def an_obligation_without_time_to_answer_is_overdue_after_an_hour(world: World) -> bytes:
    world.anchor("north", entry(0, owes=[bytes(16), "south", 0]))
    world.block(time=world.tip.time + 3_599_001)
    return world.batch("south", [entry(0, settles=[["north", bytes(16)]])])
