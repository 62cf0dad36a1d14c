"""How a verb reaches its node: the running one answers on its socket; otherwise the verb opens the node itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from medrec import wiring
from medrec.engines.engine import EngineError
from medrec.node import operate
from medrec.node.ledger.together import ApartError
from medrec.node.node import Node
from medrec.node.settings import read_settings

WAIT_S = 120.0
"""For how long a verb that has opened the node waits for the blocks that it lacks."""
LOOK_S = 10.0
"""The same for one that only says how the node stands."""


def at_desk(settings: Path, verb: str, *arguments: Any, opened: Callable[[Node], Any] | None = None) -> Any:
    """What the verb brings. `opened` is done instead where the node is opened here (to show progress)."""
    place = read_settings(settings)
    try:
        node, engine = wiring.node_of(place)
    except EngineError as error:
        if error.code != "in-use":
            raise
        return operate.ask(place.data, verb, list(arguments))
    try:
        try:
            node.together.wait(LOOK_S if verb in operate.ALWAYS else WAIT_S)
        except ApartError:
            if verb not in operate.ALWAYS:
                raise
        return opened(node) if opened is not None else operate.perform(node, verb, list(arguments))
    finally:
        wiring.close_node(node)
        wiring.close(engine)
