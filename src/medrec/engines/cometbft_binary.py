"""The engine's program: CometBFT, pinned.

`cometbft version` of a `go install` build names another release (the fallback text in its source was not moved on),
so the module version that Go writes into the program is what counts.
"""

from pathlib import Path

from medrec.engines.go_program import GoProgram, Say

VERSION = "v0.40.0"
MODULE = "github.com/cometbft/cometbft"
PROGRAM_VARIABLE = "MEDREC_COMETBFT"
COMETBFT = GoProgram("CometBFT", MODULE, "cmd/cometbft", VERSION, PROGRAM_VARIABLE)


def built() -> Path | None:
    """The program if it is there already; nothing is built. Raises EngineError for one of another version."""
    return COMETBFT.built()


def program(say: Say = lambda line: None) -> Path:
    """The program, built on first use; `say` is told how far it is. Raises EngineError."""
    return COMETBFT.program(say)


def check_version(path: Path) -> None:
    """Raises EngineError unless the program was built from the pinned version."""
    COMETBFT.check_version(path)
