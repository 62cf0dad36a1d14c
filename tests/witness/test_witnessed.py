"""A receipt that some of several independent witnesses must have seen, too."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from medrec.cli.renew import verify
from medrec.cli.stop import Stop
from medrec.core.checkpoint import parse_note, parse_proof, render_signature
from medrec.core.note import NoteKey
from medrec.core.receipt import parse
from medrec.core.witnessed import policy, witnesses_of
from medrec.node.witness.witness_keys import WitnessKeys

from .test_renewal import RECORD, Court


def keeper(name: str) -> WitnessKeys:
    return WitnessKeys.from_seed(f"{name}.example/medrec", name.encode().ljust(32, b"."))


COURT, LIBRARY, UNION = keeper("court"), keeper("library"), keeper("union")
KEYS = [key for one in (COURT, LIBRARY, UNION) for key in one.public()]


def with_lines(receipt: bytes, *witnesses: WitnessKeys, kinds: slice = slice(0, 2), spoil: bool = False) -> bytes:
    """The receipt as it is made after these have cosigned its head."""
    value = json.loads(receipt)
    note = parse_note(parse_proof(value["proof"].encode()).checkpoint_note)
    for one in witnesses:
        for line in list(one.cosign(note.text, 1_800_000_000))[kinds]:
            if spoil:
                line = line.__class__(line.name, line.key_id, line.payload[:-1] + bytes([line.payload[-1] ^ 1]))
            value["proof"] += render_signature(line).decode()
    return json.dumps(value).encode()


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Court(tmp_path_factory.mktemp("court"))
    yield made
    made.close()


def test_names_count_once_and_only_by_lines_that_hold(court: Court) -> None:
    seen = parse(with_lines(court.receipt, COURT, UNION))
    assert witnesses_of(parse(court.receipt), KEYS, {}) == []
    assert witnesses_of(seen, KEYS, {}) == ["court.example/medrec", "union.example/medrec"]
    assert witnesses_of(seen, LIBRARY.public(), {}) == []
    assert witnesses_of(parse(with_lines(court.receipt, COURT, spoil=True)), KEYS, {}) == []
    # One key under two names is one witness.
    again = NoteKey("other.example/medrec", COURT.public()[0].algorithm, COURT.public()[0].public)
    double = json.loads(with_lines(court.receipt, COURT, kinds=slice(0, 1)))
    line = double["proof"].splitlines()[-1].replace("court.example", "other.example")
    assert line not in double["proof"]
    assert witnesses_of(parse(json.dumps(double).encode()), [COURT.public()[0], again], {}) == ["court.example/medrec"]


def test_a_retired_algorithm_of_a_witness_counts_for_nothing(court: Court) -> None:
    classic = parse(with_lines(court.receipt, COURT, kinds=slice(0, 1)))
    both = parse(with_lines(court.receipt, COURT))
    assert witnesses_of(classic, KEYS, {}) and not witnesses_of(classic, KEYS, {"ed25519": 1})
    assert witnesses_of(both, KEYS, {"ed25519": 1}) == ["court.example/medrec"]


def test_how_many_may_be_asked_for() -> None:
    assert policy(KEYS, None) == 3 and policy(KEYS, 2) == 2 and policy(COURT.public(), None) == 1
    for keys, needed in (([], None), ([], 1), (KEYS, 0), (KEYS, 4)):
        with pytest.raises(ValueError, match="witnesses are named"):
            policy(keys, needed)
    with pytest.raises(ValueError, match="cosigns"):
        policy([NoteKey("log", 1, COURT.public()[0].public)], None)


@pytest.mark.parametrize(
    ("signed", "needed", "code"),
    [((), 1, 2), ((COURT,), 2, 2), ((COURT, LIBRARY), 2, 0), ((COURT, LIBRARY), None, 2), ((), None, 2)],
)
def test_the_verb_asks_for_k_of_n(
    court: Court, tmp_path: Path, capsys: pytest.CaptureFixture[str], signed: Any, needed: int | None, code: int
) -> None:
    files = {"root": court.root, "receipt": with_lines(court.receipt, *signed), "record": RECORD}
    paths = {name: tmp_path / name for name in files}
    for name, data in files.items():
        paths[name].write_bytes(data)
    with pytest.raises(typer.Exit) as plain:
        verify(**paths)
    assert plain.value.exit_code == 0  # without witnesses it is genuine
    with pytest.raises(typer.Exit) as ended:
        verify(**paths, witness=[key.vkey() for key in KEYS], witnesses=needed)
    said = capsys.readouterr().out
    assert ended.value.exit_code == code and ("unreadable (witnesses)" in said) == (code == 2)
    for wrong in (["x"], [KEYS[0].vkey()[:-4] + "AAA="]):
        with pytest.raises(Stop) as stopped:
            verify(**paths, witness=wrong)
        assert stopped.value.code == "bad-witness"
