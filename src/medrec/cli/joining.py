"""The steps of `medrec join`. Each can be done again: what was made is kept, what was asked has the same answer."""

import ipaddress
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from medrec import wiring
from medrec.cli import members
from medrec.cli.stop import Stop
from medrec.core import codec, state
from medrec.core.genesis import network_id
from medrec.engines.engine import Engine
from medrec.node.keeping.files import make_inside, settle, write_whole
from medrec.node.keeping.keys import ORGANISATION_FILE, OrganisationKeys
from medrec.node.ledger import govern
from medrec.node.ledger.govern import GovernError
from medrec.node.ledger.invite import JOIN_PATH, Invitation, signed_text
from medrec.node.peers import tls
from medrec.node.peers.doors import ENGINE_PATH
from medrec.node.peers.exchange import Exchange, ExchangeError
from medrec.node.peers.peers import address

ASK_S = 30.0
ANSWER_BYTES_MAX = 64 << 10
SNAPSHOT_S = 60.0
NO_SNAPSHOT = "no member has offered a snapshot yet; without --sync the same command begins from the first block"


def read_invitation(file: Path) -> Invitation:
    """The invitation in a file. Raises Stop."""
    try:
        read = msgspec.convert(codec.decode_json(file.read_bytes().strip()), Invitation)
        wiring.check_genesis(read.genesis)
    except (codec.CodecError, msgspec.ValidationError) as error:
        raise Stop("invitation", f"{file.name} is no invitation: {error}.") from None
    if wiring.now_ms() > read.expires:
        raise Stop("invitation-expired", f"{file.name} has expired; ask {read.inviter} for a new one.")
    return read


def prepare(read: Invitation, folder: Path, endpoint: str, host: str, engine_port: int, sync: bool) -> OrganisationKeys:
    """The node's folder, made once; its keys."""
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not parts.hostname or len(endpoint) > 300:
        raise Stop("bad-endpoint", "--endpoint is an https address that the other organisations can reach.")
    settle(folder)
    keys_folder = folder / "data" / "keys"
    if (keys_folder / ORGANISATION_FILE).exists():
        keys = OrganisationKeys.load(keys_folder)
        if keys.organisation != read.id:
            raise Stop("exists", f"{folder} holds the node of {keys.organisation}; choose another --folder.")
        if not (folder / members.SETTINGS).exists():
            raise Stop("exists", f"{folder} holds only a part of a node; set it aside, or choose another --folder.")
        if not wiring.has_begun(folder / "ledger", read.genesis):
            wiring.follow_from(folder / "ledger", _begins(read, folder / "ledger", sync))
        return keys
    keys = OrganisationKeys.generate(read.id)

    def make(work: Path) -> None:
        begins = _begins(read, work / "ledger", sync)
        wiring.follow_engine(
            work / "ledger", f"{host}:{engine_port}", f"127.0.0.1:{engine_port + 1}",
            f"{parts.hostname}:{engine_port}", read.peers, codec.encode_json(read.validators), begins,
        )  # fmt: skip
        members.write_member(work, keys, read.genesis, read.roles[0], endpoint, host, parts.port or 443)

    try:
        make_inside(folder, make)
    except FileExistsError as error:
        raise Stop("exists", f"Something is there already: {error}. Choose another --folder.") from None
    return keys


def _begins(read: Invitation, ledger: Path, sync: bool) -> tuple[str, dict[str, Any]] | None:
    """Where the engine reads what proves a snapshot, once its folder says whom it believes there. Raises Stop."""
    if not sync:
        return None
    if not read.trust["height"] or not read.trust.get("snapshot"):
        said = f"When the invitation was made {read.inviter} had no snapshot to begin from; join without --sync."
        raise Stop("no-snapshot", said)
    write_whole(ledger / wiring.AUTHORITIES_FILE, tls.authority(read.inviter, bytes.fromhex(read.key)))
    return address(read.endpoint, ENGINE_PATH), read.trust


def ask(read: Invitation, keys: OrganisationKeys, endpoint: str, folder: Path) -> bytes:
    """Ask the inviting node for the one in `folder`; the id of the proposal that it made. Raises Stop."""
    secret, public = bytes.fromhex(read.secret), {name: bytes.fromhex(key) for name, key in keys.public().items()}
    engine = wiring.engine_id(folder / "ledger")
    text = signed_text(network_id(read.genesis), read.id, secret, endpoint, engine, public)
    body = {"secret": secret, "endpoint": endpoint, "engine": engine, "keys": public}
    body["signature"] = keys.sign_request(text)
    url = address(read.endpoint, JOIN_PATH)
    _check_way(read.endpoint)
    exchange = Exchange(connect_s=5.0, tls=tls.trust_in(read.inviter, bytes.fromhex(read.key)))
    try:
        answer = exchange.post(
            url, {"content-type": "application/cbor"}, codec.encode(body), seconds=ASK_S, bytes_max=ANSWER_BYTES_MAX
        )
        told = codec.decode(answer.body)
    except ExchangeError as error:
        if error.reason == ssl.SSLCertVerificationError.__name__:
            said = f"What answers at {read.endpoint} has not the key of {read.inviter} that stands in the invitation: "
            raise Stop(
                "other-key", said + "it was replaced since, or this is somebody else. Ask for a new one."
            ) from None
        raise Stop("unreachable", f"{read.inviter} cannot be reached at {read.endpoint} ({error.reason}).") from None
    except codec.CodecError:
        raise Stop("garbage", f"What answers at {read.endpoint} is no node.") from None
    finally:
        exchange.close()
    if answer.status != 200:
        raise Stop(str(told.get("code"))[:40], str(told.get("sentence"))[:300])
    return bytes(told["proposal"])


def _check_way(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    try:
        near = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        near = parts.hostname == "localhost"
    if parts.scheme != "https" and not near:
        raise Stop("no-tls", "The inviting node's address is not https; the invitation is not sent in the clear.")


def wait_for_votes(engine: Engine, organisation: str, wait_s: float, sync: bool, say: members.Say) -> int:
    """Follow the ledger until the organisation is on it; the height at which it came. `sync`: it is to begin from a
    snapshot, and is told of it if none comes for a minute. Raises Stop after `wait_s`.
    """
    begun, told = time.monotonic(), not sync
    while True:
        with engine.view() as view:
            found = state.organisation(view, organisation)
        if found is not None and found.active:
            return found.since
        waited, nothing = time.monotonic() - begun, sync and not engine.tip().height
        if wait_s and waited > wait_s:
            trouble = getattr(engine, "trouble", "") or (NO_SNAPSHOT if nothing else "the votes are not there yet")
            raise Stop("waiting", f"Not admitted so far: {trouble}. The same command goes on waiting.", 1)
        if nothing and not told and waited > SNAPSHOT_S:
            told = True
            say(f"Still waiting: {NO_SNAPSHOT}.")
        engine.blocks(engine.tip().height, wait_s=0.5)


def ask_to_validate(engine: Engine, keys: OrganisationKeys, read: Invitation) -> bytes:
    """Propose this engine's consensus key; the proposal's id. Raises GovernError."""
    consensus = wiring.own_consensus_key(engine)
    change = {"change": "validator", "id": read.id, "key": consensus, "power": 1}
    try:
        return govern.send(engine, keys, network_id(read.genesis), "governance/propose", {"change": change})
    except GovernError as error:
        raise Stop(error.code, error.sentence) from None
