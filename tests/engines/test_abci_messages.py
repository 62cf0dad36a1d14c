"""The bytes of ABCI: golden messages that CometBFT v0.40.0 itself encoded, both ways, and bytes that are no message."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.engines.abci import messages as abci
from medrec.engines.abci.wire import WireError, encode_varint, fields, read_varint, signed

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "abci" / "messages.json"
GOLDEN = {
    (row["direction"], row["name"]): bytes.fromhex(row["hex"]) for row in json.loads(VECTORS.read_text())["messages"]
}

MOMENT = abci.Timestamp(1_700_000_000, 123_456_789)


def run(count: int, start: int) -> bytes:
    """Bytes that count upwards."""
    return bytes((start + number) % 256 for number in range(count))


EVIDENCE = abci.Misbehavior(1, abci.Validator(run(20, 1), 7), 41, MOMENT)
UPDATE = abci.ValidatorUpdate(abci.PublicKey(run(32, 3)), 1)
SNAPSHOT = abci.Snapshot(900, 1, 3, run(32, 9), run(5, 200))
PARAMS = abci.ConsensusParams(abci.BlockParams(4194304, -1))

REQUESTS: dict[str, abci.Message] = {
    "echo": abci.RequestEcho("grüß"),
    "flush": abci.RequestFlush(),
    "info": abci.RequestInfo("0.40.0", "2.0.0"),
    "init_chain": abci.RequestInitChain(MOMENT, "medrec-x", [UPDATE], b"{}", 1),
    "query": abci.RequestQuery(b"network", "/state", 12, True),
    "check_tx": abci.RequestCheckTx(run(300, 0), 1),
    "commit": abci.RequestCommit(),
    "list_snapshots": abci.RequestListSnapshots(),
    "offer_snapshot": abci.RequestOfferSnapshot(SNAPSHOT, run(32, 5)),
    "load_snapshot_chunk": abci.RequestLoadSnapshotChunk(900, 1, 2),
    "apply_snapshot_chunk": abci.RequestApplySnapshotChunk(2, run(200, 7), "abcdef"),
    "prepare_proposal": abci.RequestPrepareProposal(1 << 40, [run(3, 1), b"", run(200, 2)], [EVIDENCE], 42, MOMENT),
    "process_proposal": abci.RequestProcessProposal([run(3, 1)], [EVIDENCE], run(32, 8), 42, MOMENT),
    "extend_vote": abci.RequestExtendVote(),
    "verify_vote_extension": abci.RequestVerifyVoteExtension(run(4, 4)),
    "finalize_block": abci.RequestFinalizeBlock([run(3, 1), run(130, 2)], [EVIDENCE], run(32, 8), 42, MOMENT),
    "insert_tx": abci.RequestInsertTx(run(3, 1)),
    "reap_txs": abci.RequestReapTxs(77, 3),
}
RESPONSES: dict[str, abci.Message] = {
    "exception": abci.ResponseException("no room"),
    "echo": abci.ResponseEcho("grüß"),
    "flush": abci.ResponseFlush(),
    "info": abci.ResponseInfo("medrec", "1", 1, 1 << 33, run(32, 1)),
    "init_chain": abci.ResponseInitChain(PARAMS, [UPDATE], run(32, 2)),
    "query": abci.ResponseQuery(
        2, "absent", b"k", b"v",
        abci.ProofOps([abci.ProofOp("medrec/map/1", b"k", run(40, 1)), abci.ProofOp("medrec/app/1", b"", run(3, 1))]),
        5, "medrec",
    ),
    "check_tx": abci.ResponseCheckTx(18, b"", "bad", "medrec"),
    "commit": abci.ResponseCommit(300),
    "list_snapshots": abci.ResponseListSnapshots([SNAPSHOT, SNAPSHOT]),
    "offer_snapshot": abci.ResponseOfferSnapshot(3),
    "load_snapshot_chunk": abci.ResponseLoadSnapshotChunk(run(200, 7)),
    "apply_snapshot_chunk": abci.ResponseApplySnapshotChunk(3, [2, 300], ["abcdef"]),
    "prepare_proposal": abci.ResponsePrepareProposal([run(3, 1), b"", run(200, 2)]),
    "process_proposal": abci.ResponseProcessProposal(2),
    "extend_vote": abci.ResponseExtendVote(),
    "verify_vote_extension": abci.ResponseVerifyVoteExtension(1),
    "finalize_block": abci.ResponseFinalizeBlock(
        [abci.ExecTxResult(), abci.ExecTxResult(17), abci.ExecTxResult(0, run(8, 0))],
        [UPDATE, abci.ValidatorUpdate(UPDATE.pub_key, 0)],
        run(32, 6),
    ),
    "insert_tx": abci.ResponseInsertTx(1),
    "reap_txs": abci.ResponseReapTxs(),
}  # fmt: skip


def test_every_message_has_its_golden_bytes() -> None:
    assert set(GOLDEN) == {("request", name) for name in REQUESTS} | {("response", name) for name in RESPONSES}
    assert {type(message) for message in REQUESTS.values()} == set(abci.REQUESTS.values())
    assert {type(message) for message in RESPONSES.values()} == set(abci.RESPONSES.values())


@pytest.mark.parametrize("name", REQUESTS)
def test_what_the_engine_asks_is_read(name: str) -> None:
    assert abci.decode_request(GOLDEN["request", name]) == REQUESTS[name]


@pytest.mark.parametrize("name", RESPONSES)
def test_what_we_answer_has_the_engine_s_bytes(name: str) -> None:
    assert abci.encode_response(RESPONSES[name]) == GOLDEN["response", name]


@pytest.mark.parametrize("name", RESPONSES)
def test_answers_are_read_back(name: str) -> None:
    if name != "apply_snapshot_chunk":  # packed numbers are written only
        assert abci.decode_response(GOLDEN["response", name]) == RESPONSES[name]


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_are_read_back(name: str) -> None:
    assert abci.decode_request(abci.encode_request(REQUESTS[name])) == REQUESTS[name]


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_numbers(value: int) -> None:
    data = encode_varint(value)
    found = read_varint(data, 0)
    assert found is not None and signed(found[0]) == value and found[1] == len(data)
    assert all(read_varint(data[:cut], 0) is None for cut in range(len(data)))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    for read in (abci.decode_request, abci.decode_response, lambda found: list(fields(found))):
        try:
            read(data)
        except WireError as error:
            assert str(error)


@pytest.mark.parametrize("name", ["prepare_proposal", "finalize_block", "init_chain", "offer_snapshot"])
def test_a_message_that_was_cut_is_refused(name: str) -> None:
    whole = GOLDEN["request", name]
    for cut in range(len(whole)):
        with pytest.raises(WireError):
            abci.decode_request(whole[:cut])


@pytest.mark.parametrize("data", ["", "0a", "ff" * 11, "0b", "00", "f80101", "12020a05", "2a020a00" + "0c"])
def test_what_is_no_message(data: str) -> None:
    with pytest.raises(WireError):
        abci.decode_request(bytes.fromhex(data))
