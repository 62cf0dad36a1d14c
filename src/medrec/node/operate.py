"""What an operator asks of a node, whether it runs or not: where it stands, a receipt, a reading, a data set.

A running node answers on a socket in its data folder, which only its own user can reach; the same functions serve
a verb that has opened the node itself.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.dataset import StatementError
from medrec.core.manifests.erasure import Ground
from medrec.engines.engine import EngineError
from medrec.node.account import recovery, staff
from medrec.node.account.accounts import AccountError
from medrec.node.keeping import journal, reduced, rehashing, store
from medrec.node.keeping.keys import KeyFileError
from medrec.node.keeping.store import StoreError
from medrec.node.ledger import govern, invite, receipts, renewal, rotation
from medrec.node.ledger.anchor import AnchorError
from medrec.node.ledger.audit import audit_journal
from medrec.node.ledger.checkpoints import CheckpointError
from medrec.node.ledger.sight import CUT_OFF
from medrec.node.ledger.standing import Standing, standing
from medrec.node.ledger.tiles import TilesError
from medrec.node.ledger.together import ApartError
from medrec.node.records.ingest import Ingested, ingest_folder
from medrec.node.refusals import Refusal
from medrec.node.release import dataset
from medrec.node.sources.source import SourceUnavailable

if TYPE_CHECKING:
    from medrec.node.node import Node

SOCKET = "node.sock"
ALIVE = "alive"
BYTES_MAX = 64 << 20
ANSWER_S = 3600.0
REJECTED_MAX = 1000


class OperateError(Exception):
    """The node could not do it. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def status(node: "Node") -> dict[str, Any]:
    """Where ledger and journal stand; `fault` is None or says what is wrong with the journal."""
    tip = node.engine.tip()
    stands = standing(node)
    with node.store.read() as connection:
        lines, _, _ = journal.head(connection)
    return {
        "height": tip.height,
        "transactions": tip.log_size,
        "app_hash": tip.app_hash.hex(),
        "time": tip.time,
        "lines": lines,
        "waiting_since": node.anchorer.waiting_since(),
        "standing": stands.sentence(),
        "fault": audit_journal(node),
        "trouble": _trouble(node, stands),
        "notes": _notes(node),
    }


def _notes(node: "Node") -> list[str]:
    """What an operator has to see to, and what stands in no program's way."""
    column = store.alarm.c
    asked = sql.select(column.sentence).where(column.code.in_((rehashing.UNSEALED, reduced.ALARM))).order_by(column.id)
    with node.store.read() as connection:
        found = [str(sentence) for sentence in connection.execute(asked).scalars()]
    return [*found, *([node.labels.note] if node.labels.note else [])]


def _trouble(node: "Node", stands: Standing) -> dict[str, str]:
    """What is wrong, by where it is wrong."""
    apart = node.together.apart()
    found = {
        **node.trouble,
        "engine": getattr(node.engine, "trouble", ""),
        "ledger": apart.sentence if apart else CUT_OFF if stands.cut_off else "",
    }
    return {room: sentence for room, sentence in found.items() if sentence}


def alive(node: "Node") -> dict[str, Any]:
    """The same without the walk through the journal: cheap, whatever its length, and never behind another verb."""
    found = standing(node)
    return {
        "height": found.height,
        "lines": found.lines,
        "anchored": found.anchored,
        "standing": found.sentence(),
        "trouble": _trouble(node, found),
    }


def receipt(node: "Node", kind: str, identifier: str, version: int | None, quantum: bool) -> bytes:
    """The receipt of a record's newest version, or of an older one."""
    node.anchor()
    wanted = (kind, identifier) if version is None else (kind, identifier, version)
    return receipts.receipt_for(node, wanted, with_mldsa=quantum)


def root(node: "Node") -> bytes:
    """The network's root file."""
    return receipts.root_file(node)


def ingest(node: "Node", folder: str, thorough: bool) -> dict[str, Any]:
    """Read a folder, and anchor what was signed."""
    return {
        **told(ingest_folder(node.publisher, node.store, Path(folder), thorough=thorough)),
        "anchored": node.anchor(),
    }


def told(done: Ingested) -> dict[str, Any]:
    """A reading in plain values."""
    got = done.published
    return {
        "created": got.created,
        "updated": got.updated,
        "deleted": got.deleted,
        "unchanged": got.unchanged,
        "altered": [[item.type, item.id, item.origin] for item in got.altered],
        "rejected_count": len(done.rejected),
        "rejected": [
            [item.code, item.origin, item.line, item.column, item.key, item.sentence]
            for item in done.rejected[:REJECTED_MAX]
        ],
        "gone": list(done.gone),
    }


def export(node: "Node", first: int, last: int | None, folder: str) -> dict[str, Any]:
    """Write a data set; its statement and its last line."""
    node.anchor()
    if last is None:
        with node.store.read() as connection:
            last = journal.head(connection)[0]
    return {"statement": dataset.export_dataset(node, first, last, Path(folder)), "last": last}


def publish_tiles(node: "Node") -> dict[str, Any]:
    """Bring the published log to the present head now; how many leaves were new and how many there are."""
    node.anchor()
    if node.tiles is None:
        raise OperateError("no-tiles", "The settings name no folder for the log; set `tiles`.")
    added = node.publish_log(node.checkpoints.make())
    head = node.tiles.published()
    return {"added": added, "size": head.size if head is not None else 0, "folder": str(node.tiles.folder)}


def manage_staff(
    node: "Node", action: str, who: str, role: str, profession: str = staff.PROFESSION, same_as: str = ""
) -> Any:
    """List, invite, dismiss; or put the keys of those who may vouch or act for people on the ledger."""
    try:
        if action == "invite":
            identifier, code = staff.invite(node, who, role, profession, same_as)
            return {"id": identifier, "code": code.hex()}
        if action == "dismiss":
            staff.dismiss(node, who)
            # Nobody else learns who left; that this key counts no more everybody does.
            if (key := staff.member(node, who).key) is not None:
                recovery.forget_staff(node, key)
        if action == "publish":
            credentials = staff.credentials(node, ("clinician", "desk", "helper"))
            recovery.name_staff(node, credentials)
            return {"keys": len(credentials)}
        members = [{**one._asdict(), "key": one.key.hex() if one.key else ""} for one in staff.members(node)]
        return {"members": members}
    except staff.StaffError as error:
        raise OperateError(error.code, error.sentence) from None
    except AccountError as error:
        raise OperateError(error.outcome.code.name.lower().replace("_", "-"), error.outcome.sentence) from None


def erase(node: "Node", what: str, which: str, ground: str, words: str) -> dict[str, Any]:
    """Erase a record ("Type/id"), a local patient, or somebody by her account: the statement, and how many lines."""
    if ground not in get_args(Ground):
        raise OperateError("unknown-ground", f"There is no ground {ground!r}; there are {', '.join(get_args(Ground))}.")
    reason: Any = ground
    kind, _, identifier = which.partition("/")
    try:
        if what == "record" and kind and identifier:
            done = node.erasures.erase_record(kind, identifier, reason, words)
        elif what == "person":
            done = node.erasures.erase_person(which, reason, words)
        elif what == "account":
            done = node.erasures.erase_account(which, reason, words)
        else:
            raise OperateError("unknown-record", "Say what: record Type/id, person NUMBER, or account ADDRESS.")
    except Refusal as refusal:
        raise OperateError(refusal.code, refusal.sentence) from None
    return {"statement": done.statement.hex(), "lines": done.lines}


def renew(node: "Node", files: list[list[Any]]) -> list[bytes]:
    """The renewals of receipts: [receipt, its renewal so far or None] each."""
    return renewal.renew(node, [(receipt, before) for receipt, before in files])


VERBS: dict[str, Callable[..., Any]] = {
    "propose": govern.propose,
    "vote": govern.vote,
    "proposals": govern.proposals,
    "leave": govern.leave,
    "affirm": govern.affirm,
    "rotate": rotation.rotate,
    "invite": invite.invite,
    "status": status,
    ALIVE: alive,
    "receipt": receipt,
    "root": root,
    "ingest": ingest,
    "export": export,
    "tiles": publish_tiles,
    "staff": manage_staff,
    "erase": erase,
    "renew": renew,
}


ALWAYS = frozenset({"status", "alive", "root"})
"""What is told of a node whose parts do not tell one story, too."""


def perform(node: "Node", verb: str, arguments: list[Any]) -> Any:
    """Do it. Raises OperateError for everything that can go wrong outside."""
    try:
        if verb not in ALWAYS:
            node.together.check()
        return VERBS[verb](node, *arguments)
    except (
        EngineError,
        StoreError,
        ApartError,
        CheckpointError,
        TilesError,
        renewal.RenewalError,
        receipts.ReceiptUnavailableError,
        dataset.DatasetError,
        StatementError,
    ) as error:
        raise OperateError(error.code, error.sentence) from None
    except govern.GovernError as error:
        raise OperateError(error.code, error.sentence) from None
    except KeyFileError as error:
        raise OperateError("keys", f"{error}.") from None
    except manifests.UnwritableError as error:
        raise OperateError("too-long", f"This cannot be written down: {error}.") from None
    except AnchorError as error:
        raise OperateError(error.code.name.lower().replace("_", "-"), error.sentence) from None
    except SourceUnavailable as error:
        raise OperateError("source-unavailable", f"{error}.") from None


class OperatorSocket:
    """Answers the operator's verbs while the node runs."""

    def __init__(self, node: "Node", folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._listener: socket.socket | None = None
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to answer. What a crash left behind is taken over: the ledger's lock keeps a second node out."""
        path = self._folder / SOCKET
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(self._folder) as short:
            listener.bind(short)
        path.chmod(0o600)
        listener.listen(4)
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="operator", daemon=True)
        self._thread.start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), name="operator-verb", daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(ANSWER_S)
            connection.sendall(codec.encode(self._answer(_read_all(connection))))

    def _answer(self, data: bytes) -> dict[str, Any]:
        try:
            asked = codec.decode(data)
            # One verb after another; only whether the node lives must be told while a long one is done.
            with contextlib.nullcontext() if asked["verb"] == ALIVE else self._turn:
                return {"done": perform(self._node, asked["verb"], asked["arguments"])}
        except OperateError as error:
            return {"code": error.code, "sentence": error.sentence}
        except (codec.CodecError, KeyError, TypeError):
            return {"code": "malformed", "sentence": "The node was asked for something that it does not know."}
        except Exception as error:
            return {"code": "fault", "sentence": f"MedRec has a fault here ({type(error).__name__})."}

    @property
    def quiet(self) -> bool:
        """Whether no verb is being done now."""
        if free := self._turn.acquire(blocking=False):
            self._turn.release()
        return free

    def stop(self) -> None:
        """Answer no more."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            (self._folder / SOCKET).unlink(missing_ok=True)


def ask(folder: Path, verb: str, arguments: list[Any]) -> Any:
    """Ask the node that runs over a data folder. Raises OperateError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, _short(folder) as short:
            connection.settimeout(ANSWER_S)
            connection.connect(short)
            connection.sendall(codec.encode({"verb": verb, "arguments": arguments}))
            connection.shutdown(socket.SHUT_WR)
            answer = codec.decode(_read_all(connection), bytes_max=BYTES_MAX)
    except (OSError, codec.CodecError):
        raise OperateError(
            "in-use", "Another process has the ledger file open and does not answer here; stop it first."
        ) from None
    if "done" not in answer:
        raise OperateError(answer["code"], answer["sentence"])
    return answer["done"]


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's path, whatever the folder's length: the system takes only about a hundred characters."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)
