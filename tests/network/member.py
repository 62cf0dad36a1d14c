"""A pair in a process of its own, which a test may kill or stop: opens the engine of a folder and does what it is told.

usage: member.py FOLDER

Lines in: `die STEP NUMBER` (end without any farewell at the NUMBER-th time that the application comes to STEP),
`say NAME NUMBER` (order a transaction; it is acknowledged with `said NAME NUMBER`), `tip`, `close`.
"""

import os
import sys
import threading
from pathlib import Path

from ledger_world import World

from medrec.core import codec
from medrec.engines import cometbft_binary
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.engine import EngineError

PROGRAM_VARIABLE = "MEDREC_TEST_PROGRAM"


class Doom:
    """At which step, and at which coming there, the process ends."""

    def __init__(self) -> None:
        self.step, self.left = "", 0

    def __call__(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os._exit(9)


def tell(line: str) -> None:
    """One line out, whole."""
    os.write(1, (line + "\n").encode())


def say(engine: CometBftEngine, genesis: dict[str, object], name: str, number: int) -> None:
    """Order one transaction, and acknowledge it when it is durable."""
    world = World(genesis)
    world.tip = engine.tip()
    world.nonces[name] = number - 1
    payload = {"name": f"{name} {number}", "endpoint": ""}
    try:
        engine.submit([world.sign(name, "organisation/describe", payload, expires=world.tip.height + 900)])
        tell(f"said {name} {number}")
    except EngineError as error:
        tell(f"error {error.code} {error.sentence}")


def main() -> None:
    """Run until told otherwise."""
    folder, doom = Path(sys.argv[1]), Doom()
    genesis = codec.decode_json((folder / "genesis.json").read_bytes())
    named = os.environ.get(PROGRAM_VARIABLE)
    find = (lambda: Path(named)) if named else cometbft_binary.program
    try:
        engine = CometBftEngine(folder, genesis, find, submit_s=120, fault=doom)
    except EngineError as error:
        tell(f"error {error.code} {error.sentence}")
        return
    tell("open")
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "die":
            doom.left, doom.step = int(words[1]), words[0]
        elif verb == "say":
            threading.Thread(target=say, args=(engine, genesis, words[0], int(words[1])), daemon=True).start()
        elif verb == "tip":
            tell(f"tip {engine.tip().height} {engine.tip().app_hash.hex()} {engine.trouble}")
        elif verb == "close":
            break
    engine.close()
    tell("closed")


if __name__ == "__main__":
    main()
