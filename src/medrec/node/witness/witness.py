"""An independent witness: a court, a library, a patients' union that runs this and nothing else of MedRec.

It keeps a key, a list of logs with the keys it trusts for each, and for each log the one head that it cosigned last.
The order of a request, and what a crash there means:

1. the request is judged against the kept head: nothing has happened;
2. the new head is written and synced: the log's next proof must start there, though nobody got a cosignature;
3. the cosignature is made and sent.

So whatever was cosigned was kept before. A witness whose state file is gone does not start: one that forgot what it
signed could sign a second history. Heads that contradict each other are kept as evidence that anybody can check and
that the witness hands to everybody who asks.
"""

import fcntl
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from medrec.core.checkpoint import (
    Note,
    NoteError,
    NoteKey,
    SignatureLine,
    render_note,
    render_signature,
)
from medrec.core.evidence import Evidence
from medrec.core.note import from_base64, parse_vkey, to_base64
from medrec.core.receipt import ReceiptError, read_root
from medrec.core.witness import SIZE_TYPE, Head, Judgement, Request, judge, parse_request, signed_by_log
from medrec.node.keeping.files import write_whole
from medrec.node.witness.witness_keys import WITNESS_FILE, WitnessKeys
from medrec.node.witness.witness_roots import OtherChainError, keep_root, kept_root, log_keys, origin_of

STATE_FILE = "witness-state.json"
LOGS_FILE = "witness-logs.json"
EVIDENCE_FOLDER = "evidence"
EVIDENCE_MAX = 256
TEXT = "text/plain; charset=utf-8"

_STATE_FORM, _LOGS_FORM = "witness-state/1", "witness-logs/1"
_log = logging.getLogger("medrec.witness")


class WitnessError(Exception):
    """The witness cannot work. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Answer(NamedTuple):
    """An answer over HTTP."""

    status: int
    type: str
    body: bytes


Logs = Mapping[str, Sequence[NoteKey]]
"""The keys trusted for each origin."""


class Witness:
    """One witness over its folder; `clock` gives milliseconds. Close it: a folder has one witness at a time."""

    def __init__(self, keys: WitnessKeys, folder: Path, logs: Logs, clock: Callable[[], int]) -> None:
        """Raises WitnessError no-state, bad-state, in-use."""
        self.keys = keys
        self.logs = logs
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._held = (folder / ".lock").open("ab")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._held.close()
            raise WitnessError("in-use", f"Another witness runs on {folder.name}; stop it first.") from None
        self._heads = _read_state(folder / STATE_FILE)

    def close(self) -> None:
        """Let the folder go."""
        self._held.close()

    def head(self, origin: str) -> Head:
        """What was cosigned last of a log."""
        return self._heads.get(origin, Head())

    def answer(self, data: bytes) -> Answer:
        """Answer add-checkpoint. Raises OSError if the disk refuses; then nothing is cosigned."""
        try:
            request = parse_request(data)
        except NoteError as error:
            return Answer(400, TEXT, f"bad request: {error}\n".encode())
        with self._lock:
            known = self.head(request.head.origin)
            judgement = judge(request, self.logs.get(request.head.origin), known)
            if judgement.split or judgement.unproven:
                self._keep_evidence(judgement, known, request)
            if judgement.status == 409:
                return Answer(409, SIZE_TYPE, f"{known.size}\n".encode())
            if judgement.status != 200:
                return Answer(judgement.status, TEXT, f"{judgement.sentence}\n".encode())
            note = request.note
            try:
                lines = self.keys.cosign(note.text, -(-self._clock() // 1000))
            except NoteError as error:
                return Answer(400, TEXT, f"bad request: {error}\n".encode())
            shown = render_note(Note(note.text, (*_of_log(note, self.logs[request.head.origin]), *lines)))
            head = Head(request.head.size, request.head.root, shown)
            self._write_state({**self._heads, request.head.origin: head})
        return Answer(200, TEXT, b"".join(map(render_signature, lines)))

    def take_root(self, data: bytes) -> Answer:
        """Answer whoever brings a newer root file of a network that this witness follows by one."""
        try:
            network = read_root(data)
            origin = origin_of(network)
            with self._lock:
                if kept_root(self._folder, network.network) is None:
                    return Answer(404, TEXT, b"unknown network: this witness follows it by no root file\n")
                known = keep_root(self._folder, data)
                follow_log(self._folder, origin, log_keys(known))
                self.logs = {**self.logs, origin: log_keys(known)}
        except ReceiptError as error:
            return Answer(400, TEXT, f"bad root file: {error.sentence}\n".encode())
        except OtherChainError:
            _log.error("A root file of %s contradicts the one that is kept; nothing was changed.", origin)
            return Answer(409, TEXT, b"this root file tells another history of the members than the one kept here\n")
        return Answer(200, TEXT, f"{known.sets[-1][0]}\n".encode())

    def _write_state(self, heads: dict[str, Head]) -> None:
        document = {
            "medrec": _STATE_FORM,
            "heads": {
                origin: {"size": head.size, "root": to_base64(head.root), "note": head.note.decode()}
                for origin, head in sorted(heads.items())
            },
        }
        write_whole(self._folder / STATE_FILE, json.dumps(document, indent=1).encode())
        self._heads = heads

    # --- evidence -----------------------------------------------------------------------------------------

    def _keep_evidence(self, judgement: Judgement, known: Head, request: Request) -> None:
        """Keep two signed heads. Proven ones are an alarm; of the rest only the first few are kept, as a suspicion."""
        kind = "split-view" if judgement.split else "unproven"
        new = request.note
        shown = render_note(Note(new.text, tuple(_of_log(new, self.logs[request.head.origin]))))
        made = Evidence(known.note, shown, judgement.root, request.proof)
        data = made.render()
        digest = hashlib.sha256(data).hexdigest()[:16]
        path = self._folder / EVIDENCE_FOLDER / f"{kind}-{request.head.size}-{digest}.json"
        if path.exists() or len(self.evidence(kind)) >= EVIDENCE_MAX:
            return
        write_whole(path, data)
        if judgement.split:
            _log.error(
                "SPLIT VIEW of %s: two signed heads contradict each other; see %s", request.head.origin, path.name
            )
        else:
            _log.warning("%s: a signed head was not shown to go on from the last one", request.head.origin)

    def evidence(self, kind: str = "split-view") -> list[str]:
        """Names of the evidence files of a kind: split-view (proven) or unproven (a suspicion)."""
        return sorted(path.name for path in (self._folder / EVIDENCE_FOLDER).glob(f"{kind}-*.json"))

    def read_evidence(self, name: str) -> bytes | None:
        """An evidence file, None if there is none of this name."""
        if name not in self.evidence() + self.evidence("unproven"):
            return None
        return (self._folder / EVIDENCE_FOLDER / name).read_bytes()

    def card(self) -> str:
        """Who this witness is and where it stands, as text."""
        lines = [f"witness {self.keys.name}", "", *(key.vkey() for key in self.keys.public()), ""]
        for origin in self.logs:
            head = self.head(origin)
            lines += [f"log {origin}", f"  size {head.size} root {to_base64(head.root)}"]
            lines += [f"  {len(self.logs[origin])} keys are trusted to sign its heads"]
        found = self.evidence()
        lines += ["", f"{len(found)} split views were seen." if found else "No split view was seen."]
        lines += [f"  evidence/{name}" for name in found]
        return "\n".join(lines) + "\n"


def _of_log(note: Note, keys: Sequence[NoteKey]) -> Iterator[SignatureLine]:
    """The lines of a note by the log's keys that hold; others were not looked at and are left out."""
    for line in note.signatures:
        if signed_by_log(Note(note.text, (line,)), keys):
            yield line


def set_up(folder: Path, keys: WitnessKeys) -> None:
    """Make a witness in a folder: its keys, an empty state, no logs. Raises KeyFileError if there is one.

    The keys come last: a folder without them holds no witness yet, and this can be done again.
    """
    if not (folder / WITNESS_FILE).exists():
        write_whole(folder / STATE_FILE, json.dumps({"medrec": _STATE_FORM, "heads": {}}).encode())
        write_whole(folder / LOGS_FILE, json.dumps({"medrec": _LOGS_FORM, "logs": {}}).encode())
    keys.save(folder)


def follow_root(folder: Path, data: bytes) -> None:
    """Follow a network by its root file from now on, with the members that come. Raises WitnessError, ReceiptError.

    An older root file than the one kept changes nothing.
    """
    try:
        known = keep_root(folder, data)
    except OtherChainError:
        raise WitnessError(
            "other-chain",
            "This root file tells another history of the members than the one kept in the folder's roots.",
        ) from None
    follow_log(folder, origin_of(known), log_keys(known))


def follow_log(folder: Path, origin: str, keys: Sequence[NoteKey]) -> None:
    """Trust these keys, and no others, for an origin from now on. Raises WitnessError."""
    logs = {**read_logs(folder), origin: keys}
    document = {"medrec": _LOGS_FORM, "logs": {name: [key.vkey() for key in of] for name, of in sorted(logs.items())}}
    write_whole(folder / LOGS_FILE, json.dumps(document, indent=1).encode())


def read_logs(folder: Path) -> dict[str, Sequence[NoteKey]]:
    """The logs that a witness follows. Raises WitnessError."""
    with _reading(LOGS_FILE, "the list of its logs"):
        document = json.loads((folder / LOGS_FILE).read_bytes())
        if document["medrec"] != _LOGS_FORM:
            raise ValueError("another form")
        return {origin: [parse_vkey(text) for text in texts] for origin, texts in document["logs"].items()}


def _read_state(path: Path) -> dict[str, Head]:
    with _reading(path.name, "what it cosigned; a witness that forgot could sign a second history"):
        document = json.loads(path.read_bytes())
        if document["medrec"] != _STATE_FORM:
            raise ValueError("another form")
        return {
            origin: Head(int(head["size"]), from_base64(head["root"]), head["note"].encode())
            for origin, head in document["heads"].items()
        }


@contextmanager
def _reading(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise WitnessError(
            "no-state", f"{name} is not there: it holds {what}. Bring it back from a backup, or make a new witness."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WitnessError("bad-state", f"{name} is damaged; bring it back from a backup.") from None
