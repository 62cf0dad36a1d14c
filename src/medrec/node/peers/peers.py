"""Calling other organisations' nodes: POST, CBOR in and out, signed both ways.

Whatever goes wrong is a PeerError, and a PeerError never says that nothing happened over there: a call whose answer
was lost may have been carried out. What is called must bear being called twice.
"""

import ssl
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from secrets import token_bytes
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from medrec.core import codec
from medrec.core.state import Organisation
from medrec.engines.engine import Engine, EngineError
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers.directory import Directory
from medrec.node.peers.exchange import Answer, Exchange, ExchangeError
from medrec.node.peers.signing import (
    FORMER_MAY,
    NONCE_RANDOM_BYTES,
    RequestRefused,
    new_nonce,
    sign_request,
    standing,
    verify_answer,
)
from medrec.node.peers.tls import trust_in

CALL_S = 10.0
CONNECT_S = 3.0
ANSWER_BYTES_MAX = 64 << 20
REFUSAL_BYTES_MAX = 4 << 10
INTERACT = "fhir"
"""The path by which a LocalNetwork carries interactions with the FHIR API."""
LANES = 8


class PeerError(Exception):
    """A call did not bring an answer that counts. `code` is a short name, the text one sentence for people.

    `answered` tells a refusal that the peer itself signed from everything else; its code and sentence are then the
    peer's own words. Codes of this side: unknown-organisation, organisation-suspended, no-endpoint, no-tls,
    unreachable, slow, unsigned, garbage, too-large, ledger, stopped.
    """

    def __init__(self, code: str, sentence: str, *, answered: bool = False) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.answered = answered


class Peers(Protocol):
    """The other organisations' nodes."""

    @property
    def lanes(self) -> int:
        """How many calls it is worth having under way at once."""
        ...

    def call(self, organisation: str, path: str, body: bytes) -> bytes:
        """POST a body to a path of an organisation's node; the answer's body. Raises PeerError."""
        ...

    def interact(self, organisation: str, path: str, parameters: str, stated: str) -> tuple[Mapping[str, str], bytes]:
        """Ask an organisation's FHIR API (a path below its base, and parameters; both may name what is asked for, so
        they are posted); fields (lower case) and body of the answer. `stated` is the ASK field. Raises PeerError."""
        ...


class _Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    sentence: str


class HttpPeers:
    """Peers over HTTP. The whole of a call, answer included, takes at most `call_s` seconds.

    Plain http goes to this machine only, unless `plain_http`: bodies hold keys and records. An organisation's
    certificate is vouched for by its own key on the ledger (tls.py) or by the system's roots; `tls` replaces both.
    """

    lanes = LANES

    def __init__(
        self,
        keys: OrganisationKeys,
        engine: Engine,
        clock: Callable[[], int],
        *,
        call_s: float = CALL_S,
        plain_http: bool = False,
        tls: ssl.SSLContext | None = None,
        random: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self._keys = keys
        self._directory = Directory(engine)
        self._former = self._directory.with_former()
        self._clock = clock
        self._call_s = call_s
        self._plain_http = plain_http
        self._random = random
        self._tls = tls
        self._exchanges: dict[tuple[str, bytes], Exchange] = {}
        self._lock = threading.Lock()
        self._closed = False

    def call(self, organisation: str, path: str, body: bytes) -> bytes:
        """See Peers.call."""
        status, _, answer = self._post(organisation, path, body, "application/cbor")
        if status == 200:
            return answer
        raise _refusal(organisation, answer)

    def _post(self, organisation: str, path: str, body: bytes, kind: str, stated: str = "") -> Answer:
        """A signed request and its answer, whose signature holds. Raises PeerError."""
        directory = self._former if path in FORMER_MAY else self._directory
        try:
            url = self._url(standing(directory, organisation), path)
            nonce = new_nonce(self._clock(), self._random(NONCE_RANDOM_BYTES))
            headers = sign_request(self._keys, organisation, "POST", url, body, nonce, stated)
            sent = {**headers, "content-type": kind, "accept-encoding": "identity"}
            answer = self._exchange(standing(directory, organisation)).post(
                url, sent, body, seconds=self._call_s, bytes_max=ANSWER_BYTES_MAX
            )
            verify_answer(directory, organisation, answer.status, answer.fields, answer.body, headers)
            return answer
        except ExchangeError as error:
            raise self._unanswered(organisation, error) from None
        except RequestRefused as error:
            raise _unverified(organisation, error) from None
        except EngineError as error:
            raise PeerError("ledger", f"The ledger cannot be read: {error.sentence}") from error

    def interact(self, organisation: str, path: str, parameters: str, stated: str) -> tuple[Mapping[str, str], bytes]:
        """See Peers.interact."""
        where = f"/fhir/{path}" if "$" in path else f"/fhir/{path}/_search"
        kind = "application/x-www-form-urlencoded"
        status, fields, answer = self._post(organisation, where, parameters.encode(), kind, stated)
        if status == 200:
            return {name.lower(): value for name, value in fields}, answer
        raise _outcome(organisation, answer)

    def _exchange(self, known: Organisation) -> Exchange:
        """The connections to one organisation; new ones when its key, which vouches for its certificate, changed."""
        organisation, public = known.id, known.keys.ed25519
        with self._lock:
            if self._closed:
                raise ExchangeError("stopped")
            found = self._exchanges.get((organisation, public))
            if found is None:
                tls = self._tls or trust_in(organisation, public)
                found = self._exchanges[organisation, public] = Exchange(connect_s=CONNECT_S, tls=tls)
            return found

    def _url(self, known: Organisation, path: str) -> str:
        organisation, endpoint = known.id, known.endpoint
        if not endpoint:
            raise PeerError("no-endpoint", f"{organisation} has no address on the ledger.")
        if not self._plain_http and not is_private_way(endpoint):
            raise PeerError("no-tls", f"The address of {organisation} is not https; nothing is sent in the clear.")
        return address(endpoint, path)

    def _unanswered(self, organisation: str, error: ExchangeError) -> PeerError:
        sentence = {
            "slow": f"{organisation} did not answer within {self._call_s:g} seconds.",
            "unreachable": f"{organisation} cannot be reached ({error.reason}).",
            "too-large": f"The answer of {organisation} is longer than a node takes.",
            "stopped": "This node is stopping; nothing more is sent.",
        }[error.code]
        return PeerError(error.code, sentence)

    def close(self) -> None:
        """Close the connections; calls that are under way end with a PeerError, and none begins any more."""
        with self._lock:
            self._closed = True
            exchanges = list(self._exchanges.values())
        for exchange in exchanges:
            exchange.close()


def address(endpoint: str, path: str) -> str:
    """The address of a path below an organisation's endpoint, as both ends of a call sign it."""
    return endpoint.rstrip("/") + path


def is_private_way(endpoint: str) -> bool:
    """Whether what is sent to this address cannot be read on the way: https, or this very machine."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https":
        return True
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _unverified(organisation: str, error: RequestRefused) -> PeerError:
    if error.code in ("unknown-organisation", "organisation-suspended"):
        return PeerError(error.code, f"{organisation}: {error.sentence}")
    return PeerError(
        "unsigned", f"What answered for {organisation} did not prove to be its node ({error.code}); it does not count."
    )


def _refusal(organisation: str, answer: bytes) -> PeerError:
    try:
        refusal = msgspec.convert(codec.decode(answer, bytes_max=REFUSAL_BYTES_MAX), _Refusal)
    except (codec.CodecError, msgspec.ValidationError):
        return PeerError("garbage", f"{organisation} refused in a form that is not readable.")
    return PeerError(refusal.code[:40], refusal.sentence[:500], answered=True)


def _outcome(organisation: str, answer: bytes) -> PeerError:
    """The refusal in an OperationOutcome."""
    try:
        details = msgspec.json.decode(answer)["issue"][0]["details"]
        code, sentence = details["coding"][0]["code"], details["text"]
        if type(code) is not str or type(sentence) is not str:
            raise TypeError
    except (msgspec.DecodeError, KeyError, TypeError, IndexError):
        return PeerError("garbage", f"{organisation} refused in a form that is not readable.")
    return PeerError(code[:40], sentence[:500], answered=True)


class Fault(NamedTuple):
    """What the simulated network does to one call: lose it on the way, lose its answer, bring it twice, or wait."""

    drop: bool = False
    drop_answer: bool = False
    duplicate: bool = False
    delay_ms: int = 0


class LocalNetwork:
    """Nodes of one process that call each other without sockets: for tests and the simulator.

    `fault(caller, organisation, path)` decides about each call; `sleep(ms)` carries out a delay.
    """

    def __init__(
        self,
        fault: Callable[[str, str, str], Fault] = lambda caller, organisation, path: Fault(),
        sleep: Callable[[int], None] = lambda ms: None,
    ) -> None:
        self.fault = fault
        self.sleep = sleep
        self._nodes: dict[str, Callable[[str, str, bytes], bytes]] = {}

    def join(self, organisation: str, answer: Callable[[str, str, bytes], bytes]) -> None:
        """Connect a node; `answer(path, caller, body)` comes from `app.local_answer` and raises PeerError."""
        self._nodes[organisation] = answer

    def leave(self, organisation: str) -> None:
        """Disconnect a node: it cannot be reached until it joins again."""
        self._nodes.pop(organisation, None)

    def peers(self, organisation: str) -> "LocalPeers":
        """The network as one organisation's node calls it."""
        return LocalPeers(organisation, self)

    def carry(self, caller: str, organisation: str, path: str, body: bytes) -> bytes:
        """Bring a call to its node and the answer back. Raises PeerError."""
        unreachable = PeerError("unreachable", f"{organisation} cannot be reached.")
        fault = self.fault(caller, organisation, path)
        if fault.delay_ms:
            self.sleep(fault.delay_ms)
        if fault.drop or organisation not in self._nodes:
            raise unreachable
        result = self._nodes[organisation](path, caller, body)
        if fault.duplicate:
            result = self._nodes[organisation](path, caller, body)
        if fault.drop_answer:
            raise unreachable
        return result


class LocalPeers:
    """Peers over a LocalNetwork. One call at a time, so that a run with one seed stays one run."""

    lanes = 1

    def __init__(self, organisation: str, network: LocalNetwork) -> None:
        self._organisation = organisation
        self._network = network

    def call(self, organisation: str, path: str, body: bytes) -> bytes:
        """See Peers.call."""
        return self._network.carry(self._organisation, organisation, path, body)

    def interact(self, organisation: str, path: str, parameters: str, stated: str) -> tuple[Mapping[str, str], bytes]:
        """See Peers.interact."""
        body = codec.encode([path, parameters, stated])
        fields, answer = codec.decode(
            self._network.carry(self._organisation, organisation, INTERACT, body), bytes_max=ANSWER_BYTES_MAX
        )
        return fields, answer
