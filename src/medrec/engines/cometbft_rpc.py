"""Calls to a CometBFT node's JSON-RPC: as little of it as the engine and the operator's verbs need."""

import base64
import http.client
import json
import threading
from typing import Any

from medrec.engines.abci.messages import ProofOp, ProofOps, RequestQuery, ResponseQuery


class RpcError(Exception):
    """The node did not answer, or answered with an error; `code` is 0 if it could not be reached."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Rpc:
    """A node at host:port. For any thread: each has its own connection."""

    def __init__(self, address: str, timeout_s: float = 30.0) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._timeout = timeout_s
        self._local = threading.local()

    def call(self, method: str, **parameters: Any) -> Any:
        """One call's result. Raises RpcError."""
        (answer,) = self._post([(method, parameters)])
        if "error" in answer:
            raise _error(answer)
        return answer["result"]

    def broadcast(self, transactions: list[bytes]) -> list[tuple[int, str]]:
        """Hand transactions to the node's pool, in order: 0 and "" for each that it took, else a code and why.

        Codes of the application are above 0; -1 says that the node has the bytes already, -2 that the pool is full.
        """
        calls = [("broadcast_tx_sync", {"tx": base64.b64encode(data).decode()}) for data in transactions]
        found: list[tuple[int, str]] = []
        for answer in self._post(calls):
            if "error" in answer:
                text = _error(answer).text
                if "already exists in cache" in text:
                    found.append((-1, text))
                elif "mempool is full" in text:
                    found.append((-2, text))
                else:
                    raise _error(answer)
            else:
                found.append((int(answer["result"]["code"]), str(answer["result"]["log"])))
        return found

    def query(self, request: RequestQuery) -> ResponseQuery:
        """Ask the application. Raises RpcError."""
        answer = self.call("abci_query", path=request.path, data=request.data.hex(), prove=request.prove)["response"]
        raw = answer.get("proofOps") or {}
        steps = [
            ProofOp(op["type"], base64.b64decode(op.get("key") or ""), base64.b64decode(op.get("data") or ""))
            for op in raw.get("ops") or []
        ]
        return ResponseQuery(
            int(answer.get("code") or 0),
            answer.get("log") or "",
            base64.b64decode(answer.get("key") or ""),
            base64.b64decode(answer.get("value") or ""),
            ProofOps(steps) if steps else None,
            int(answer.get("height") or 0),
        )

    def _post(self, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        if not calls:
            return []
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(calls)
        ]
        body = json.dumps(batch if len(batch) > 1 else batch[0]).encode()
        try:
            answers = json.loads(self._exchange(body))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise RpcError(0, f"the engine does not answer: {error}") from error
        if isinstance(answers, dict):
            answers = [answers]
        return sorted(answers, key=lambda answer: int(answer.get("id", 0)))

    def _exchange(self, body: bytes) -> bytes:
        connection = getattr(self._local, "connection", None)
        fresh = connection is None
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(
                self._host, self._port, timeout=self._timeout
            )
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return bytes(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            self.close()
            if fresh:
                raise
            return self._exchange(body)  # a connection that was kept open may have been closed by the other side

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def _error(answer: dict[str, Any]) -> RpcError:
    error = answer["error"]
    return RpcError(int(error.get("code", -1)), f"{error.get('message', '')} {error.get('data', '')}".strip())
