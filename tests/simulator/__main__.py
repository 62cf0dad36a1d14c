"""Play worlds by hand: `python -m tests.simulator --seed 17` tells one step by step, `--seeds 1000` plays many.

Exit code 0: nothing was found; 1: something did not hold, and its seeds are named.
"""

import argparse
import logging
import sys

from .bugs import BUGS
from .run import measured, runs


def main() -> int:
    """See the head of this file."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this one world step by step")
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds to play")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--bug", choices=sorted(BUGS), default="", help="plant a fault")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if chosen.seed is not None:
        (done,) = runs([chosen.seed], chosen.bug)
        print("\n".join(done.trace))
        print(f"seed {done.seed}: {done.finding or 'everything held'}; {done.crashes} crashes, digest {done.digest}")
        return 1 if done.finding else 0
    if chosen.bug:
        print(f"{chosen.bug}: {BUGS[chosen.bug].sentence}")
    count, seconds, bad = measured(range(chosen.first, chosen.first + chosen.seeds), chosen.bug)
    for done in bad[:20]:
        print(f"seed {done.seed}: {done.finding}")
    print(f"{count} worlds in {seconds:.1f} s, {len(bad)} with a finding")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
