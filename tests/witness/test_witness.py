"""A witness: it cosigns one history of a log, never two, and keeps proof of those who try."""

import json
import threading

import pytest

from medrec.core.checkpoint import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    NoteError,
    parse_note,
    parse_vkey,
    verify_cosignatures,
)
from medrec.core.evidence import contradiction, read_evidence, signers
from medrec.core.witness import SIZE_TYPE, parse_request, render_request
from medrec.node.witness import witness as room
from medrec.node.witness.witness import STATE_FILE, Witness, WitnessError, follow_log, read_logs, set_up
from medrec.node.witness.witness_keys import WitnessKeys

from .world import NORTH, ORIGIN, SOUTH, Log, key_of

NAME = "library.example/medrec"


@pytest.fixture
def folder(tmp_path):
    set_up(tmp_path / "w", WitnessKeys.from_seed(NAME, b"w" * 32))
    follow_log(tmp_path / "w", ORIGIN, [key_of(NORTH), key_of(SOUTH)])
    return tmp_path / "w"


def opened(folder, now=1_800_000_000_000):
    return Witness(WitnessKeys.load(folder), folder, read_logs(folder), lambda: now)


@pytest.fixture
def witness(folder):
    made = opened(folder)
    yield made
    made.close()


def test_a_head_gets_both_cosignatures_dated_by_the_witness(witness):
    log = Log()
    answer = witness.answer(log.request(0, 3))
    assert answer.status == 200
    note = parse_note(log.text(3) + b"\n" + answer.body)
    held = verify_cosignatures(note, witness.keys.public())
    assert [cosignature.algorithm for cosignature in held] == [COSIGNATURE_ED25519, COSIGNATURE_MLDSA44]
    assert {cosignature.timestamp for cosignature in held} == {1_800_000_000}
    assert {cosignature.name for cosignature in held} == {NAME}


def test_every_status_of_the_specification(witness):
    log, forged = Log(), Log(fork=4)
    assert witness.answer(b"nonsense").status == 400
    assert witness.answer(log.request(0, 3)).status == 200
    assert witness.answer(log.request(3, 7)).status == 200
    # Not the size that was cosigned last: the witness says which one was, in the type of the specification.
    answer = witness.answer(log.request(3, 9))
    assert (answer.status, answer.type, answer.body) == (409, SIZE_TYPE, b"7\n")
    # An old size above the new one.
    assert witness.answer(render_request(7, [], log.note(5))).status == 400
    # Another root of the same size.
    assert witness.answer(forged.request(7, 7)).status == 409
    # A proof that does not hold.
    assert witness.answer(render_request(7, log.proof(3, 9), log.note(9))).status == 422
    assert witness.answer(render_request(7, [], log.note(9))).status == 422
    # The same head again, with the right old size, is cosigned again; a proof has no place there.
    assert witness.answer(log.request(7, 7)).status == 200
    assert witness.answer(render_request(7, [bytes(32)], log.note(7))).status == 422
    # Strangers, and logs that are not followed.
    stranger = type(NORTH).from_seed("mallory", b"m" * 32)
    assert witness.answer(log.request(7, 9, stranger)).status == 403
    spoilt = log.note(9)[:-3] + b"x=\n"
    assert witness.answer(render_request(7, log.proof(7, 9), spoilt)).status == 403
    other = log.note(9).replace(ORIGIN.encode(), b"example.com/other")
    assert witness.answer(render_request(7, log.proof(7, 9), other)).status == 404
    assert witness.head(ORIGIN).size == 7


def test_an_empty_log_has_the_empty_root(witness):
    log = Log()
    assert witness.answer(log.request(0, 0)).status == 200
    forged = log.note(0).replace(b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", b"A" * 43 + b"=")
    assert witness.answer(render_request(0, [], forged)).status == 403
    assert witness.answer(log.request(0, 5)).status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 1",
        b"old 01\n\nx\n1\n\n",
        b"old -1\n\n",
        b"olds 1\n\n",
        b"old 0\nAAAA\n\n",
        b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n" + Log().note(3),
        b"old 0\n\xff\n\n" + Log().note(3),
        b"old 0\n\n" + Log().note(3)[:-5],
        b"old 0\n\n" + Log().text(3),
        b"old 0\n\n" + b"x" * 70_000,
    ],
)
def test_what_is_no_request_is_a_bad_request(witness, data):
    with pytest.raises(NoteError):
        parse_request(data)
    assert witness.answer(data).status == 400


def test_what_was_cosigned_is_known_after_a_restart(witness, folder):
    log = Log()
    assert witness.answer(log.request(0, 6)).status == 200
    witness.close()
    again = opened(folder)
    assert again.head(ORIGIN).size == 6
    assert again.answer(log.request(0, 8)).body == b"6\n"
    assert again.answer(log.request(6, 8)).status == 200
    again.close()


def test_the_head_is_on_the_disk_before_the_cosignature_leaves(witness, folder, monkeypatch):
    log = Log()
    assert witness.answer(log.request(0, 6)).status == 200

    def full(path, data, mode=0o644):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room, "write_whole", full)
    with pytest.raises(OSError, match="No space"):
        witness.answer(log.request(6, 8))
    assert witness.head(ORIGIN).size == 6
    monkeypatch.undo()
    assert witness.answer(log.request(6, 8)).status == 200


def test_a_witness_that_forgot_does_not_start(folder):
    (folder / STATE_FILE).unlink()
    with pytest.raises(WitnessError) as error:
        opened(folder)
    assert error.value.code == "no-state"
    (folder / STATE_FILE).write_text("{")
    with pytest.raises(WitnessError) as error:
        opened(folder)
    assert error.value.code == "bad-state"


def test_a_folder_has_one_witness_at_a_time(witness, folder):
    with pytest.raises(WitnessError) as error:
        opened(folder)
    assert error.value.code == "in-use"


def test_of_two_that_come_at_once_one_is_cosigned(witness):
    log, forged = Log().grow(9), Log(fork=2).grow(9)
    requests = [log.request(0, 9), forged.request(0, 9)]
    answers = []
    threads = [threading.Thread(target=lambda r=r: answers.append(witness.answer(r).status)) for r in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(answers) == [200, 409]


@pytest.mark.parametrize(("old", "size"), [(5, 5), (5, 9), (6, 8), (7, 20)])
def test_a_fork_is_proven_by_its_own_signed_heads(witness, old, size):
    log, forged = Log(), Log(fork=old - 1)
    assert witness.answer(log.request(0, old, NORTH)).status == 200
    assert witness.answer(forged.request(old, size, SOUTH)).status in (409, 422)
    (name,) = witness.evidence()
    found = read_evidence(witness.read_evidence(name))
    assert contradiction(found)
    # Each head names who signed it, and the witness's own line stands under the one that it cosigned.
    known = [key_of(NORTH), key_of(SOUTH), *witness.keys.public()]
    assert signers(found.first, known) == [key_of(NORTH), *witness.keys.public()]
    assert signers(found.second, known) == [key_of(SOUTH)]
    assert "1 split views" in witness.card() and name in witness.card()
    # Once is enough.
    witness.answer(forged.request(old, size, SOUTH))
    assert witness.evidence() == [name]
    # The witness goes on with the history that it knows.
    assert witness.answer(log.request(old, 30)).status == 200


def test_a_fork_at_a_power_of_two_is_a_suspicion(witness):
    # The proof from there leaves the old root out: what the forger's log was is not known from it.
    log, forged = Log(), Log(fork=3)
    assert witness.answer(log.request(0, 8)).status == 200
    assert witness.answer(forged.request(8, 11, SOUTH)).status == 422
    assert witness.evidence() == [] and len(witness.evidence("unproven")) == 1
    (name,) = witness.evidence("unproven")
    assert contradiction(read_evidence(witness.read_evidence(name))) is None


def test_garbage_proves_nothing_against_an_honest_log(witness):
    log = Log()
    assert witness.answer(log.request(0, 5)).status == 200
    for proof in ([], [bytes(32)], [bytes(32)] * 4, log.proof(3, 9), log.proof(5, 8)):
        assert witness.answer(render_request(5, proof, log.note(9))).status == 422
    assert witness.evidence() == []
    assert witness.answer(log.request(5, 9)).status == 200


def test_evidence_is_one_file_that_says_no_to_what_does_not_contradict():
    from medrec.core.evidence import Evidence

    log, forged = Log(), Log(fork=3)
    proof = tuple(log.proof(4, 9))
    assert contradiction(Evidence(log.note(4), log.note(9), log.root(4), proof)) is None
    assert contradiction(Evidence(log.note(4), log.note(9), bytes(32), proof)) is None
    assert contradiction(Evidence(forged.note(4), log.note(9), log.root(4), proof))
    assert contradiction(Evidence(forged.note(4), log.note(9), log.root(4), ())) is None
    assert contradiction(Evidence(log.note(4), log.note(4))) is None
    assert contradiction(Evidence(log.note(4, height=6), log.note(5, height=6)))
    assert contradiction(Evidence(log.note(4), forged.note(4)))
    made = Evidence(log.note(4), forged.note(4), b"", proof)
    assert read_evidence(made.render()) == made
    for change in ({"medrec": "evidence/2"}, {"more": 1}, {"first": 1}, {"proof": "x"}):
        with pytest.raises(NoteError):
            read_evidence(json.dumps({**json.loads(made.render()), **change}, sort_keys=True).encode())


def test_keys_survive_and_are_what_the_card_says(witness, folder):
    shown = [line for line in witness.card().splitlines() if line.startswith(NAME + "+")]
    assert [parse_vkey(line) for line in shown] == list(witness.keys.public())
    assert (folder / "witness-keys.json").stat().st_mode & 0o077 == 0
    assert "w" * 8 not in repr(witness.keys)
