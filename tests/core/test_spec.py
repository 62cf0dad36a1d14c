"""The worked examples of docs/spec/codec.md and docs/spec/ledger.md, read from the documents and checked."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ledger_world import CREATED, hash_of
from nacl.signing import SigningKey

from medrec.core import codec, commitment, kinds, ladder, merkle, state
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.kinds import governance
from medrec.core.kinds.anchor import decode_entries
from medrec.core.outcome import Code
from medrec.core.types import decode_transaction, encode_transaction, log_leaf, transaction_id

SPEC = Path(__file__).resolve().parent.parent.parent / "docs" / "spec"
CODEC, LEDGER = SPEC / "codec.md", SPEC / "ledger.md"


def blocks(document: Path, name: str) -> list[str]:
    """The fenced blocks of this name."""
    found = re.findall(rf"^```{name}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"{document.name} has no block {name}"
    return found


def rows(document: Path, name: str) -> list[tuple[str, str]]:
    """The two columns of a block."""
    return [tuple(re.split(r"\s{2,}", line, maxsplit=1)) for line in blocks(document, name)[0].splitlines()]


def values(block: str) -> dict[str, bytes]:
    """`name = hex`, going on in indented lines."""
    joined = re.sub(r"\n +", "", block)
    return {name.strip(): bytes.fromhex(text) for name, text in (line.split("=") for line in joined.splitlines())}


def diagnostic(text: str) -> Any:
    """The value that a line of the examples writes."""
    text = re.sub(r"h'([0-9a-f]*)'", lambda match: repr(bytes.fromhex(match[1])), text)
    return ast.literal_eval({"true": "True", "null": "None"}.get(text, text))


def test_the_examples_of_the_ledger_form() -> None:
    for text, form in rows(CODEC, "cbor"):
        assert codec.encode(diagnostic(text)).hex() == form, text
        assert codec.decode(bytes.fromhex(form)) == diagnostic(text)


def test_the_examples_of_what_is_refused() -> None:
    for form, reason in rows(CODEC, "refused"):
        with pytest.raises(codec.CodecError):
            codec.decode(bytes.fromhex(form))
        assert reason


def test_the_examples_of_the_manifest_form() -> None:
    for text, form in rows(CODEC, "json-forms"):
        assert codec.encode_json(json.loads(text)) == form.encode()
        assert codec.decode_json(form.encode()) == json.loads(text)


def test_the_limits_in_the_text_are_those_of_the_code() -> None:
    text = CODEC.read_text(encoding="utf-8")
    assert f"deeper than {codec.DEPTH_MAX}." in text and f"nested at most {codec.JSON_DEPTH_MAX} deep" in text
    assert f"{codec.BYTES_MAX:,} bytes" in text and "-2^63 and 2^63 - 1" in text


def test_the_example_transaction() -> None:
    example = values(blocks(LEDGER, "values")[0])
    signer = SigningKey(example["secret key"])
    assert bytes(signer.verify_key) == example["public key"]
    transaction = decode_transaction(example["transaction"])
    assert transaction.body_bytes == example["body"]
    assert transaction.id == transaction_id(example["body"]) == example["id"]
    assert transaction.body.key == key_id(example["public key"])
    assert (transaction.body.author, transaction.body.network) == ("north", example["network"])
    assert transaction.body.kind == "organisation/describe"
    assert signer.sign(example["id"]).signature == example["signature"]
    assert verify_ed25519(example["public key"], example["id"], example["signature"])
    assert encode_transaction(example["body"], ["ed25519", example["signature"]]) == example["transaction"]
    assert log_leaf(7, CREATED, example["body"]) == example["leaf data"]
    assert merkle.leaf_hash(example["leaf data"]) == example["leaf hash"]


def test_the_example_batch() -> None:
    example = values(blocks(LEDGER, "values")[1])
    entries, extras = decode_entries(example["attachment"])
    assert entries == [example["entry 1"], example["entry 2"]]
    assert [(position, extra.sealed) for position, extra in extras] == [(1, bytes.fromhex("c0ffee"))]
    made, tag, _ = codec.decode(example["entry 1"])
    assert made == commitment.commitment(b"{}", example["salt"]) and example["salt"] == hash_of("salt 0")
    assert tag == commitment.tag(b"relationship", 0)
    assert merkle.root([merkle.leaf_hash(entry) for entry in entries]) == example["root"]


def test_every_code_has_its_heading_in_order_of_precedence() -> None:
    text = LEDGER.read_text(encoding="utf-8")
    assert re.findall(r"^### (\d+ [A-Z_]+)$", text, re.M) == [f"{code.value} {code.name}" for code in Code]
    for part in re.split(r"^### \d+ ", text, flags=re.M)[1:]:
        assert "*What to do:*" in part, part


def test_every_kind_has_a_line_a_heading_and_a_table_of_all_its_fields() -> None:
    text = LEDGER.read_text(encoding="utf-8")
    forms = {
        "anchor": kinds.anchor.Anchor,
        "organisation/rotate": kinds.organisation.Rotate,
        "organisation/describe": kinds.organisation.Describe,
        "organisation/leave": kinds.organisation.Leave,
        "governance/propose": governance.Propose,
        "governance/vote": governance.Vote,
        "account/create": kinds.account.Create,
        "account/credential-add": kinds.account.Add,
        "account/credential-remove": kinds.account.Remove,
        "account/doors": kinds.recovery.SetDoors,
        "account/freeze": kinds.freezing.Freeze,
        "account/unfreeze": kinds.freezing.Unfreeze,
        "recovery/by-paper": kinds.recovery.ByPaper,
        "recovery/by-guardian": kinds.recovery.ByGuardian,
        "recovery/by-clinic": kinds.recovery.ByClinic,
        "recovery/veto": kinds.recovery.Veto,
        "recovery/stop": kinds.recovery.Stop,
        "recovery/finish": kinds.recovery.Finish,
        "organisation/staff": kinds.recovery.SetStaff,
    }
    assert forms.keys() == kinds.KINDS.keys()
    for name, form in forms.items():
        assert f"| `{name}` |" in text
        section = re.search(rf"^### {name}\n(.*?)^##", text, re.M | re.S)
        assert section is not None, name
        assert set(form.__struct_fields__) <= set(re.findall(r"^\| `(\w+)` \|", section[1], re.M)), name


def test_every_change_and_every_state_key_is_in_a_table() -> None:
    text = LEDGER.read_text(encoding="utf-8")
    for name, (form, _) in governance.CHANGES.items():
        line = re.search(rf"^\| `{name}` \|(.*)$", text, re.M)
        assert line is not None, name
        assert set(form.__struct_fields__) - {"change"} == set(re.findall(r"`(\w+)`", line[1])), name
    sample = [
        state.organisation_key("a"), state.account_key("a"), state.nonce_key("a"), state.nonce_key("a", bytes(16)),
        state.batch_key("a"),
        state.dues_key("a"), state.obligation_key("a", bytes(16)), state.early_key("a", bytes(16), "b"),
        state.nullifier_key(bytes(32)), state.proposal_key(bytes(32)), state.seen_key(1, bytes(32)),
        state.signing_key_key(bytes(16)), state.validator_key("a"), state.NETWORK, state.PROTOCOL, state.UPGRADE,
        state.called_key("a"), state.name_key("b"),
        ladder.ladder_key("a"), ladder.former_key("a", bytes(16)), ladder.staff_key("a"), ladder.POLICY,
        state.consensus_key_key(bytes(20)), state.misbehaviour_key("a", 1, "double-vote"), state.faults_key("a"),
    ]  # fmt: skip
    for key in sample:
        prefix = key.partition(b"/")[0].decode() + ("/" if b"/" in key else "")
        assert f"\n| `{prefix}`" in text, prefix
