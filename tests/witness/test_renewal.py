"""A receipt of today after Ed25519 is broken: the package and the programs of the standard library say the same."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.core.checkpoint import Note, parse_note, render_note, verify_cosignatures
from medrec.core.receipt import verify
from medrec.core.renewal import Renewal, read_renewal
from medrec.node.ledger.receipts import receipt_for, root_file
from medrec.node.ledger.renewal import RENEW_PATH, RenewalError, answer_renew, renew
from medrec.node.peers.peers import PeerError

from ..node.cosigners import Cosigners, grow
from ..node.world import DAY_MS, World, observation

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load(name: str) -> Any:
    specification = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


tool = load("verify_renewal")
KINDS = ("ed25519", "mldsa44")
RECORD = json.dumps(observation("o1", "p1", 7)).encode()


class Court:
    """A network with one receipt, as far as it concerns a court years later."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.network = Cosigners(self.world)
        for name, node in self.network.nodes.items():
            self.join(name, node)
        self.node = self.network["north"]
        self.node.anchorer = self.world.north.anchorer
        self.world.north.publish(observation("o1", "p1", 7))
        self.world.north.anchor()
        grow(self.world.engine, self.world, 5)
        self.receipt = receipt_for(self.node, ("Observation", "o1"))
        self.root = root_file(self.node)

    def join(self, name: str, node: Any) -> None:
        def answer(path: str, caller: str, body: bytes) -> bytes:
            if path != RENEW_PATH:
                return node.checkpoints.cosign(caller, body)
            try:
                return answer_renew(node, caller, body)
            except RenewalError as error:
                raise PeerError(error.code, error.sentence, answered=True) from None

        self.network.wire.join(name, answer)

    def after(self, days: int) -> int:
        """A day in the world's future, in milliseconds."""
        return self.world.clock.now + days * DAY_MS

    def both(
        self, renewal: bytes | None = None, retired: dict[str, int] | None = None, receipt: bytes | None = None
    ) -> str:
        """The verdict's code, the same by package and tool."""
        receipt = receipt or self.receipt
        ours = verify(self.root, receipt, RECORD, renewal=renewal, retired=retired)
        theirs = tool.result(self.root, receipt, RECORD, renewal, retired or {})
        assert (ours.word, ours.code) == (theirs["verdict"], theirs["code"]), (ours.sentence, theirs["sentence"])
        if ours.ok:
            assert {"renewed_by": None, **ours.facts} == theirs["facts"]
        return ours.code

    def close(self) -> None:
        for name in ("north", "south", "helper"):
            getattr(self.world, name).store.close()


@pytest.fixture
def court(tmp_path):
    made = Court(tmp_path)
    yield made
    made.close()


def test_a_receipt_of_today_outlives_ed25519(court):
    broken = court.after(30)
    assert court.both() == "genuine"
    # Without a renewal nothing can be told once Ed25519 is broken: whoever breaks it can date a forgery back.
    assert court.both(retired={"ed25519": broken}) == "retired"
    court.world.clock.now = court.after(20)
    (renewal,) = renew(court.node, [(court.receipt, None)])
    court.world.clock.now = court.after(4000)
    assert court.both(renewal, {"ed25519": broken}) == "genuine"
    facts = verify(court.root, court.receipt, RECORD, renewal=renewal, retired={"ed25519": broken}).facts
    assert facts is not None and facts["existed_by"] < facts["renewed_by"] < broken
    # The old dates stand: the receipt existed when its first cosigners said so.
    assert facts["existed_by"] == verify(court.root, court.receipt, RECORD).facts["existed_by"]


def test_a_renewal_made_too_late_proves_nothing(court):
    broken = court.after(30)
    court.world.clock.now = court.after(31)
    (renewal,) = renew(court.node, [(court.receipt, None)])
    assert court.both(renewal, {"ed25519": broken}) == "retired"
    assert court.both(renewal) == "genuine"


def test_a_receipt_with_ml_dsa_lines_needs_no_renewal(court):
    quantum = receipt_for(court.node, ("Observation", "o1"), with_mldsa=True)
    assert court.both(retired={"ed25519": court.after(30)}, receipt=quantum) == "genuine"
    # But a block from after the day proves nothing: its author's own signature was Ed25519.
    assert court.both(retired={"ed25519": court.world.clock.now - DAY_MS}, receipt=quantum) == "retired"
    assert court.both(retired=dict.fromkeys(KINDS, court.after(30)), receipt=quantum) == "retired"


def test_renewals_are_renewed(court):
    first, second = court.after(30), court.after(60)
    court.world.clock.now = court.after(20)
    (once,) = renew(court.node, [(court.receipt, None)])
    # Then ML-DSA-44 is about to fall as well; Ed25519 lines of the second head would not count any more.
    court.world.clock.now = court.after(20)
    (twice,) = renew(court.node, [(court.receipt, once)])
    assert len(read_renewal(twice).links) == 2
    assert court.both(once, {"ed25519": first, "mldsa44": second}) == "retired"
    assert court.both(twice, {"ed25519": first}) == "genuine"
    # Both heads are signed with the algorithms of today, so when both have fallen nothing holds.
    assert court.both(twice, {"ed25519": first, "mldsa44": second}) == "retired"


def test_many_receipts_are_renewed_under_one_head(court):
    receipts = [court.receipt]
    for number in range(2, 7):
        court.world.north.publish(observation(f"o{number}", "p1", number))
        court.world.north.anchor()
        receipts.append(receipt_for(court.node, ("Observation", f"o{number}")))
    made = renew(court.node, [(receipt, None) for receipt in receipts])
    assert len({read_renewal(data).links[0].head for data in made}) == 1
    assert court.both(made[0], {"ed25519": court.after(1)}) == "genuine"
    # Another receipt's renewal is no renewal of this one.
    others = [data for data in made if read_renewal(data).note != read_renewal(made[0]).note]
    assert others and all(court.both(data, {"ed25519": court.after(1)}) == "renewal" for data in others)


def changed(renewal: bytes, change: Any) -> bytes:
    value = json.loads(renewal)
    change(value)
    return json.dumps(value).encode()


def set_link(field: str, value: Any) -> Any:
    """A change of the first link."""
    return lambda whole: whole["links"][0].update({field: value})


def spoilt(renewal: bytes) -> list[bytes]:
    """The same renewal, with one part of it changed in each."""

    link = json.loads(renewal)["links"][0]
    head, note = link["head"], json.loads(renewal)["note"]
    changes = [
        lambda whole: whole.update(medrec="renewal/0x"),
        lambda whole: whole.update(more=1),
        lambda whole: whole.update(links=[]),
        lambda whole: whole.update(links=[link] * 17),
        lambda whole: whole.update(note=note + note[note.rindex("—") :]),
        lambda whole: whole.update(note=note.replace("height", "hight")),
        set_link("index", link["index"] + 1),
        set_link("index", True),
        set_link("path", link["path"][:-1]),
        set_link("path", [*link["path"][:-1], "A" * 43 + "="]),
        set_link("head", head.replace("/renewal", "")),
        set_link("head", head.replace("medrec/", "medrec/0", 1)),
        set_link("more", 1),
    ]
    return [changed(renewal, change) for change in changes]


def test_no_changed_part_of_a_renewal_passes(court):
    for number in range(2, 6):
        court.world.north.publish(observation(f"o{number}", "p1", number))
        court.world.north.anchor()
    receipts = [receipt_for(court.node, ("Observation", f"o{n}")) for n in range(1, 6)]
    renewal = renew(court.node, [(receipt, None) for receipt in receipts])[0]
    retired = {"ed25519": court.after(1)}
    assert court.both(renewal, retired) == "genuine"

    for data in spoilt(renewal):
        assert court.both(data, retired) in ("renewal", "retired")
    assert court.both(changed(renewal, lambda whole: whole.update(medrec="renewal/2")), retired) == "newer-version"
    for garbage in (b"", b"{}", b"[]", b"null", b"\xff", renewal[:-3]):
        assert court.both(garbage, retired) == "renewal"
    # A head without the lines of a quorum, or with lines that do not hold.
    head = json.loads(renewal)["links"][0]["head"]
    lines = parse_note(head.encode())
    few = render_note(Note(lines.text, lines.signatures[:2])).decode()
    assert court.both(changed(renewal, set_link("head", few)), retired) == "retired"
    broken = tuple(line.__class__(line.name, line.key_id, line.payload[:-1] + b"\0") for line in lines.signatures)
    bad = render_note(Note(lines.text, broken)).decode()
    assert court.both(changed(renewal, set_link("head", bad)), retired) == "retired"


def test_members_sign_only_what_they_see_to_hold(court):
    note = read_renewal(renew(court.node, [(court.receipt, None)])[0]).note
    south = court.network["south"]
    assert codec.decode(answer_renew(south, "north", codec.encode({"notes": [note]})))["lines"]
    parsed = parse_note(note)
    few = render_note(Note(parsed.text, parsed.signatures[:1]))
    bad = note[:-10] + b"AAAAAAAA=\n"
    lines = tuple(world_line for world_line in court.world.keys["north"].cosign(parsed.text, 5))
    for wrong, code in (
        (codec.encode({"notes": [few]}), "not-signed"),
        (codec.encode({"notes": [bad]}), "not-signed"),
        (codec.encode({"notes": [render_note(Note(parsed.text, lines))]}), "not-signed"),
        (codec.encode({"notes": []}), "malformed"),
        (codec.encode({"notes": ["x"]}), "malformed"),
        (b"?", "malformed"),
    ):
        with pytest.raises(RenewalError) as error:
            answer_renew(south, "north", wrong)
        assert error.value.code == code
    # A head that a quorum signed, but of another ledger than this node's.
    forged = parsed.text.replace(parsed.text.split(b"\n")[2], b"A" * 43 + b"=")
    signed = tuple(line for keys in court.world.keys.values() for line in keys.cosign(forged, 5))
    with pytest.raises(RenewalError) as error:
        answer_renew(south, "north", codec.encode({"notes": [render_note(Note(forged, signed))]}))
    assert error.value.code == "other-log"
    with pytest.raises(ValueError, match="renewal"):
        court.world.keys["north"].cosign_renewal(parsed.text, 5)


def test_too_few_members_make_no_renewal(court):
    court.network.wire.leave("south")
    with pytest.raises(RenewalError) as error:
        renew(court.node, [(court.receipt, None)])
    assert error.value.code == "too-few" and "south cannot be reached" in error.value.sentence
    for wrong in (b"{}", court.root):
        with pytest.raises(RenewalError) as error:
            renew(court.node, [(wrong, None)])
        assert error.value.code == "not-a-receipt"
    with pytest.raises(RenewalError) as error:
        renew(court.node, [])
    assert error.value.code == "too-many"


def test_the_file_reads_back(court):
    renewal = read_renewal(renew(court.node, [(court.receipt, None)])[0])
    assert isinstance(renewal, Renewal) and read_renewal(renewal.render()) == renewal
    assert verify_cosignatures(parse_note(renewal.links[0].head), []) == []


def test_the_program_beside_the_verifier(court, tmp_path):
    """As a court runs it: two files of the standard library, isolated from everything."""
    (renewal,) = renew(court.node, [(court.receipt, None)])
    files = {"root": court.root, "receipt": court.receipt, "record": RECORD, "renewal": renewal}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(TOOLS / "verify_renewal.py"), "--root", "root", "--record", "record"]
        return subprocess.run([*command, *more, "receipt"], cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0 and done.stdout.startswith("GENUINE (genuine)")
    done = run("--retired", "ed25519=2040-01-01")
    assert done.returncode == 2 and done.stdout.startswith("UNREADABLE (retired)")
    done = run("--retired", "ed25519=2040-01-01", "--renewal", "renewal")
    assert done.returncode == 0 and "signed again by 2027-" in done.stdout, done.stdout
    done = run("--retired", "ed25519=2040-01-01", "--renewal", "renewal", "--json")
    assert json.loads(done.stdout)["verdict"] == "genuine"
    for wrong in (["--retired", "rot13=2040-01-01"], ["--retired", "ed25519=soon"], ["--renewal", "nowhere"]):
        assert run(*wrong).returncode == 2
    text = (TOOLS / "verify_renewal.py").read_text()
    assert text.count("\n") < 200 and "medrec." not in text.replace("medrec renew", "")
