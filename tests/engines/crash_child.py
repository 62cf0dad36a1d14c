"""A process that is to be killed: opens the ledger, submits from several threads, says what was acknowledged.

Usage: crash_child.py FILE THREADS STEP NUMBER. At the NUMBER-th time that the engine comes to STEP the process ends
without any farewell (STEP "none": it goes on until it is killed).
"""

import os
import sys
import threading
from pathlib import Path

from ledger_world import World
from suite import MANY, NAMES, Clock, describe

from medrec.core import state
from medrec.engines.sqlite import SqliteEngine


def main() -> None:
    """Run until the end comes."""
    path, threads, step, number = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    left = [number]

    def fault(here: str) -> None:
        if here == step:
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)

    engine = SqliteEngine(path, MANY, Clock(), fault)
    world = World(MANY)
    with engine.view() as view:
        world.tip = view.tip
        for name in NAMES:
            world.nonces[name] = state.read_integer(view, state.nonce_key(name))

    def run(name: str) -> None:
        while True:
            number = world.nonces.get(name, 0) + 1
            world.tip = engine.tip()
            (place,) = engine.submit([describe(world, name, number)])
            os.write(1, f"{name} {number} {place.height} {place.index}\n".encode())

    for name in NAMES[:threads]:
        threading.Thread(target=run, args=(name,)).start()


if __name__ == "__main__":
    main()
