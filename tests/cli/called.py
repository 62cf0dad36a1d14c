"""`medrec` as an operator calls it: each call is a process of its own, with its own folder, output and end.

It is forked from a process in which the modules of the program were read, and nothing else was done: reading them
anew takes longer than what most verbs do. That `python -m medrec` itself works is seen where a node is started.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "300"}
LONGEST_S = 300
READY = """
import json, os, signal, sys
from pydantic import TypeAdapter  # the command line reads it at its first word
from medrec.cli import main

def next_call():
    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if not child:
            return call
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

if call := next_call():
    signal.alarm(call["longest"])
    os.chdir(call["at"])
    for here, file in enumerate([os.devnull, call["out"], call["err"]]):
        os.dup2(os.open(file, os.O_RDWR), here)
    sys.argv = ["medrec", *call["words"]]
    main()
"""


@cache
def ready() -> subprocess.Popen[str]:
    """The process from which calls are forked; it ends with the one that asks it."""
    command = [sys.executable, "-c", READY]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def medrec(*words: object, at: Path) -> subprocess.CompletedProcess[str]:
    """What a call in the folder `at` printed, and how it ended; one that takes longer than LONGEST_S s is killed."""
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        call = {"words": [*map(str, words)], "at": str(at), "out": out.name, "err": err.name, "longest": LONGEST_S}
        stdin, stdout = ready().stdin, ready().stdout
        assert stdin and stdout
        stdin.write(json.dumps(call) + "\n")
        stdin.flush()
        ended = int(stdout.readline())
        done = subprocess.CompletedProcess(call["words"], ended, out.read().decode(), err.read().decode())
    assert "Traceback" not in done.stdout + done.stderr
    return done
