"""Whether this node's engine sees the head of the ledger: what it and its peers say about their heights.

A peer's word counts no further than its share: the head is seen while more than two thirds of the validators, this
node counted with them, stand at this node's height or below. One that claims a height nobody has blinds nobody.
"""

from typing import Any, NamedTuple, Protocol


class Calls(Protocol):
    """What is asked of the engine."""

    def call(self, method: str, **parameters: Any) -> Any:
        """One call's result."""


class Reach(NamedTuple):
    """`peers` are connected, `level` of them have nothing that this node lacks, of `members` validators.

    `fetching`: the engine still looks for blocks that it lacks, or for somebody who could have them.
    """

    fetching: bool
    peers: int
    level: int
    members: int

    @property
    def seen(self) -> bool:
        """Whether the newest block of the network is here."""
        return not self.fetching and 3 * (self.level + 1) > 2 * self.members


def look(rpc: Calls) -> Reach:
    """Ask the engine. Raises RpcError."""
    fetching = bool(rpc.call("status")["sync_info"]["catching_up"])
    members = int(rpc.call("validators", per_page="1")["total"])
    state = rpc.call("dump_consensus_state")
    mine = int(state["round_state"]["height"])
    # A peer that is itself looking for blocks says 0. What it works on is one more than what it has.
    heights = [int(peer["peer_state"]["round_state"]["height"]) for peer in state["peers"] or []]
    return Reach(fetching, len(heights), sum(0 < height <= mine for height in heights), members)
