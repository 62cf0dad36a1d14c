"""Run the benchmarks: `python -m bench [--quick] [NAME ...]`, every module by default.

PEERS=1 measures other software in the same run, where it is present; PROFILE=1 shows where the time goes as well.
Figures are of this machine and this run. A bar that is not met is marked; nothing fails on time.
"""

import argparse
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Sequence

import bench
from bench.row import HEADER, machine

PARTS = ("row", "hospital", "peers", "validator", "chain_peers")


def names() -> list[str]:
    """The modules that measure something."""
    found = (module.name for module in pkgutil.iter_modules(bench.__path__))
    return [name for name in found if not name.startswith("_") and name not in PARTS]


def main(arguments: Sequence[str]) -> int:
    """Run the named modules, or all; 2 for a name that is not one of them."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: to see that it runs")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(names()):
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    print(f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}{', quick' if options.quick else ''}\n{machine()}")
    print(f"peers: {'measured where present' if os.environ.get('PEERS') == '1' else 'not asked for (PEERS=1)'}\n")
    print(HEADER, flush=True)
    for name in options.names or names():
        module = importlib.import_module(f"bench.{name}")
        for row in module.rows(options.quick):
            print(row.text(), flush=True)
        if os.environ.get("PROFILE") == "1":
            module.profile()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
