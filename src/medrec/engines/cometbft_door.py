"""Who may connect to the engine: the members' engines, those of who is about to join, and guests by name."""

from collections.abc import Callable
from pathlib import Path

from medrec.core import state
from medrec.core.machine import tip_of
from medrec.core.view import View, prefix_end
from medrec.engines.cometbft_files import EngineSettings

GUESTS_FILE = "guests"
"""Ids of engines that are let in beside the others, one a line; what follows a # is for people."""


def door(folder: Path, settings: EngineSettings, view: Callable[[], View]) -> Callable[[str], bool]:
    """Whether an engine of this id (40 hex digits) may connect. The ledger and the file of guests are read each time it
    is asked for: who is added is let in at once."""
    members = {peer.split("@")[0] for peer in settings.peers}

    def admits(engine: str) -> bool:
        if not settings.closed or engine in members or engine in admitted(view()):
            return True
        try:
            lines = (folder / GUESTS_FILE).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return False
        return engine in {line.split("#")[0].strip().lower() for line in lines} - {""}

    return admits


def admitted(view: View) -> set[str]:
    """The engines that proposals to admit an organisation name, while they are open and once they are carried out."""
    prefix, now = state.proposal_key(b""), tip_of(view).time
    found = (state.read(view, key, state.Proposal) for key, _ in view.scan(prefix, prefix_end(prefix)))
    return {str(one.change["engine"]) for one in found
            if one is not None and "engine" in one.change and (one.done or now <= one.closes)}  # fmt: skip
