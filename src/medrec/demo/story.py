"""The main story, step by step, on real nodes over real HTTP. Every step claims something and can fail.

A step that fails stops the story; `--check` turns that into an exit code.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests, state
from medrec.core.commitment import nullifier
from medrec.core.manifests.consent import Grant
from medrec.demo.doors import Doors
from medrec.demo.network import AGENT, HOSPITALS, Resident
from medrec.demo.stage import StepFailed, claim, until
from medrec.node.consent import consents
from medrec.node.keeping import store
from medrec.node.ledger import receipts
from medrec.node.ledger.audit import audit_journal
from medrec.node.ledger.rebuild import rebuild
from medrec.node.looks import halves
from medrec.node.node import Node
from medrec.node.peers.peers import PeerError
from medrec.node.records.publish import Published
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal.app import person_path
from medrec.portal.page import MOUNT

NOTICE_BAR_S = 2.0
TEMPERATURES = {"story-temperature": "37.10", "story-corrected": "38.50", "story-deleted": "40.00"}
VERIFIER = Path(__file__).resolve().parents[3] / "tools" / "verify_receipt.py"


class Yes(NamedTuple):
    """A consent as the person's device remembers it: whose, given to whom, and the secret that takes it back."""

    account: str
    organisation: str
    secret: bytes


class Story(Doors):
    """Tells the story of a network with these people, and keeps the receipts in `keep` if it is given."""

    def tell(self) -> None:
        """All of it, in order."""
        self.join()
        self.sign()
        main = self.pick()
        self.correct(main)
        source, asker = self.sides(main)
        self.read_own(main)
        self.refuse_stranger(main, source, asker)
        grant = self.open_door(main, source, asker)
        self.deliver(main, source, asker)
        self.pull(main, source, asker)
        self.refer(main, source, asker)
        self.question(main, source, asker)
        self.hand_out_receipts()
        self.close_door(main, source, asker, grant)
        self.alter(main, source)
        self.rebuild_index(main)
        self.walk_journals()

    def join(self) -> None:
        """People join: account, agent, desks."""
        with self.step("People join"):
            for person in self.people:
                self.network.join(person.name, person.patients)
            self.say(f"{len(self.people)} people opened an account with a key on their own device,")
            self.say("chose the agent, were linked at the desk of each hospital that knows them, and let their own")
            self.say("agent read for them there.")
            self.look(AGENT[0])

    def sign(self) -> None:
        """Every record is signed the moment it arrives, and the people are told."""
        with self.step("Every record is signed onto the ledger as it arrives"):
            total, begin = Published(), time.monotonic()
            for name in HOSPITALS:
                done = self.ingest(name)
                total = total.plus(done.published)
                for rejected in done.rejected:
                    self.say(f"[yellow]{name}: {rejected.origin}: {rejected.sentence}[/yellow]")
                self.say(f"{HOSPITALS[name]}: {done.published.created} records signed")
            read_s = time.monotonic() - begin
            claim(total.created > 0, "no record was signed")
            rest_s = until(self.settled, "records to be anchored and notices to arrive")
            self.figures["records signed"] = f"{total.created} in {read_s:.2f} s ({total.created / read_s:,.0f}/s)"
            self.figures["all anchored and delivered"] = f"{rest_s:.2f} s after the last was signed"
            tip = self.network.engine.tip()
            self.say(f"The ledger stands at height {tip.height} with {tip.log_size} signed transactions.")
            self.look("harbour-general")
        with self.step("The people were told"):
            told = sum(self.told(who)[1] for who in self.network.residents)
            claim(not self.agent_missing(), "a line was anchored but never delivered")
            self.say(f"{told} notices arrived at the agent; each was matched to its entry on the ledger by its tag.")

    def pick(self) -> Resident:
        """The person the rest of the story is about: seen at two hospitals or more."""
        with self.step("A new record, and how fast the patient knows"):
            main = next((who for who in self.network.residents if len(who.patients) > 1), None)
            claim(main is not None, "nobody is known to two hospitals")
            assert main is not None
            hospital, patient = next(iter(main.patients.items()))
            before, _ = self.counts(main, "record/1")
            lines = [temperature(name, patient, value) for name, value in TEMPERATURES.items()]
            (self.network.records_folder(hospital) / "story-1.ndjson").write_text("".join(lines))
            begin = time.monotonic()
            self.ingest(hospital)
            until(lambda: self.counts(main, "record/1")[0] >= before + len(lines), "the notice of the new record")
            shown_s = time.monotonic() - begin
            until(lambda: self.counts(main, "record/1")[1] >= before + len(lines), "the record to be anchored")
            anchored_s = time.monotonic() - begin
            claim(shown_s <= NOTICE_BAR_S, f"the notice took {shown_s:.2f} s, the bar is {NOTICE_BAR_S:.0f} s")
            self.figures["notice of a new record"] = f"{shown_s:.2f} s (anchored {anchored_s:.2f} s)"
            self.say(f"{main.name} sees a temperature of 37.10 from {HOSPITALS[hospital]} after {shown_s:.2f} s.")
            self.look(AGENT[0], MOUNT + person_path(main.account))
            return main

    def correct(self, main: Resident) -> None:
        """A correction and a deletion are new versions; each names the manifest of the one before."""
        with self.step("A correction and a deletion are new versions"):
            hospital, patient = next(iter(main.patients.items()))
            corrected = json.loads(temperature("story-corrected", patient, "38.5"), parse_float=str)
            corrected.update(status="corrected", valueString=corrected.pop("valueQuantity")["value"])
            request = {"method": "DELETE", "url": "Observation/story-deleted"}
            entries = [{"resource": corrected}, {"request": request}]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            (self.network.records_folder(hospital) / "story-2.json").write_text(json.dumps(bundle))
            done = self.ingest(hospital).published
            claim((done.updated, done.deleted) == (1, 1), "the correction or the deletion was not signed")
            claim(self.chained(hospital, "story-corrected") == ["create", "update"], "the versions do not chain")
            claim(self.chained(hospital, "story-deleted") == ["create", "delete"], "the deletion does not chain")
            self.say("A temperature was corrected, another withdrawn. The old versions stay provable; the new ones")
            self.say("name them. The patient is told of both.")
            self.look(AGENT[0], MOUNT + person_path(main.account))

    def chained(self, hospital: str, identifier: str) -> list[str]:
        """The actions of a record's versions, as long as each names the manifest of the one before."""
        node, actions, previous = self.network.nodes[hospital], [], None
        where = (store.version.c.type == "Observation") & (store.version.c.id == identifier)
        with node.store.read() as connection:
            rows = sql.select(store.version.c.manifest).where(where).order_by(store.version.c.version)
            for digest in connection.execute(rows).scalars():
                opened = node.journal.manifest(connection, bytes(digest))
                claim(opened is not None, "a manifest is gone")
                assert opened is not None
                manifest: Any = manifests.decode(opened[1])
                if manifest.record.previous != previous:
                    break
                actions.append(manifest.record.action)
                previous = bytes(digest).hex()
        return actions

    def read_own(self, main: Resident) -> None:
        """Her own agent reads for every person, through the gates and under her own permission."""
        with self.step("Everybody's own agent reads for her"):
            copies = self.network.agent.copies
            assert copies is not None
            begin = time.monotonic()
            for who in self.network.residents:
                readings = copies.refresh(who.account)
                claim(not [one for one in readings if one.code], f"a place gave {who.name}'s agent nothing")
                claim(sum(one.records for one in readings), f"there is nothing of {who.name}")
            people, read_s = len(self.network.residents), time.monotonic() - begin
            self.figures["own records read"] = f"{people} people in {read_s:.2f} s"
            found = self.network.agent.lists.of(main.account).read
            claim(found.medicines or found.problems, f"the list of {main.name} is empty")
            self.say(f"{main.name} has one list from {len(main.patients)} hospitals: {len(found.medicines)} medicines,")
            self.say(f"{len(found.problems)} problems, {len(found.allergies)} allergies; each line leads to its proof.")
            self.look(AGENT[0], MOUNT + person_path(main.account) + "/list")

    def sides(self, main: Resident) -> tuple[Node, Node]:
        """The hospital that has the record and the one that asks for it."""
        source = self.network.nodes[next(iter(main.patients))]
        asker = next(node for node in self.network.hospitals if node is not source)
        return source, asker

    def ask(self, source: Node, asker: Node, main: Resident) -> list[receive.ReceivedRecord]:
        """A clinician of one hospital asks another for a person's records; all pages."""
        records: list[receive.ReceivedRecord] = []
        after = ""
        while True:
            page = receive.request_records(
                asker,
                source.organisation,
                main.account,
                purpose="TREAT",
                practitioner=asker.practitioners.enter("calloway", "Dr Ines Calloway", PHYSICIAN),
                reason="First visit; history needed",
                after=after,
            )
            records.extend(page.records)
            if not (after := page.more):
                return records

    def refuse_stranger(self, main: Resident, source: Node, asker: Node) -> None:
        """Nobody said yes: nothing leaves, and the patient knows that somebody asked."""
        with self.step("A stranger is refused"):
            refused = self.refused(source, asker, main)
            self.say(f"{HOSPITALS[asker.organisation]} asked {HOSPITALS[source.organisation]} for the records of "
                     f"{main.name}: {refused.sentence}")  # fmt: skip
            until(lambda: self.counts(main, "refusal/1")[1], "the notice of the refusal")
            self.say("The refusal is in the journal, on the ledger, and on her page.")
            self.look(AGENT[0], MOUNT + person_path(main.account))

    def refused(self, source: Node, asker: Node, main: Resident) -> PeerError:
        """The refusal that a request meets. Raises StepFailed if it is not refused."""
        try:
            self.ask(source, asker, main)
        except PeerError as refused:
            claim(refused.answered, f"the request was not answered: {refused.sentence}")
            return refused
        raise StepFailed("records were released without consent")

    def open_door(self, main: Resident, source: Node, asker: Node) -> Yes:
        """The patient says yes with her own key."""
        with self.step("The patient opens the door"):
            until_ms = self.network.agent.clock() + 30 * 86_400_000
            grant = Grant("permit", [asker.organisation], [], until_ms)
            agent, given = self.network.agent, Yes(main.account, source.organisation, os.urandom(32))
            signed = consents.write_consent(
                agent.network,
                given.organisation,
                given.account,
                agent.clock(),
                grant,
                given.secret,
                main.key.key_id,
                main.sign,
            )
            agent.peers.call(given.organisation, consents.CONSENTS_PATH, signed)
            self.say(f"{main.name} signed: {HOSPITALS[asker.organisation]} may see everything at "
                     f"{HOSPITALS[source.organisation]} for 30 days.")  # fmt: skip
            until(lambda: self.counts(main, "consent/1")[1], "the consent to come back as a notice")
            return given

    def deliver(self, main: Resident, source: Node, asker: Node) -> None:
        """The records travel with their proof, and both sides say so."""
        with self.step("The records are delivered with proof"):
            begin = time.monotonic()
            received = self.ask(source, asker, main)
            self.figures["release of a whole record"] = f"{len(received)} records in {time.monotonic() - begin:.2f} s"
            claim(received, "nothing was delivered")
            self.say(f"{len(received)} records arrived; signature, hash and commitment of each were checked.")
            until(lambda: not halves.unmatched(source), "both halves of the disclosure to match on the ledger")
            with self.network.engine.view() as view:
                dues = state.read(view, state.dues_key(asker.organisation), state.Dues) or state.Dues()
            claim(dues.settled >= 1 and dues.overdue == 0, "the obligation was not discharged")
            self.say("Both halves of the disclosure are on the ledger; the obligation matched them.")
            until(lambda: self.counts(main, "disclosure/1")[1], "the notice of the look")
            self.look(AGENT[0], MOUNT + person_path(main.account))
            self.look(source.organisation)

    def hand_out_receipts(self) -> None:
        """A receipt for each kind of record, verified by a stranger's tool; a forged one is caught."""
        with self.step("Receipts that a stranger verifies offline"):
            folder = self.keep or self.network.home / "receipts"
            folder.mkdir(parents=True, exist_ok=True)
            root = folder / "root.json"
            root.write_bytes(receipts.root_file(self.network.hospitals[0]))
            count, sizes, seconds = 0, [], []
            for node, kind, identifier in self.one_of_each():
                receipt = receipts.receipt_for(node, (kind, identifier))
                content = node.source.read(kind, identifier)
                claim(content is not None, f"{kind}/{identifier} cannot be read")
                assert content is not None
                name = f"{kind}-{identifier}"
                (folder / f"{name}.json").write_bytes(content)
                (folder / f"{name}.receipt.json").write_bytes(receipt)
                begin = time.monotonic()
                status, verdict = verify(root, folder / f"{name}.json", folder / f"{name}.receipt.json")
                seconds.append(time.monotonic() - begin)
                (folder / f"{name}.verdict.txt").write_text(verdict)
                claim(status == 0, f"the receipt of {name} was not accepted: {verdict}")
                count += 1
                sizes.append(len(receipt))
            self.say(f"{count} receipts, one for each kind of record, verified by the standard library alone.")
            self.figures["receipt"] = f"{max(sizes)} bytes at most; verified in {min(seconds) * 1000:.0f} ms or more"
            self.forge(folder, root)
            self.say(f"Receipts, records and verdicts are in {folder}")
            if self.keep is None:
                self.say("(they go when the demonstration ends; --keep DIR leaves them)")

    def forge(self, folder: Path, root: Path) -> None:
        """One changed character in a record is found out."""
        receipt = next(folder.glob("Observation-*.receipt.json"), None) or next(folder.glob("*.receipt.json"))
        record = receipt.with_name(receipt.name.replace(".receipt.json", ".json"))
        forged = self.network.home / "forged.json"
        content = json.loads(record.read_bytes())
        content["status"] = "amended"
        forged.write_bytes(json.dumps(content).encode())
        status, _ = verify(root, forged, receipt)
        claim(status == 1, "a forged record was not found out")
        self.say("The same record with one word changed: not genuine.")

    def close_door(self, main: Resident, source: Node, asker: Node, given: Yes) -> None:
        """The patient takes her yes back, and it holds at once."""
        with self.step("The patient closes the door"):
            begin = time.monotonic()
            taken_back = consents.write_revocation(given.account, given.secret, main.sign)
            self.network.agent.peers.call(given.organisation, consents.REVOCATIONS_PATH, taken_back)
            refused = self.refused(source, asker, main)
            self.figures["revocation to refusal"] = f"{time.monotonic() - begin:.2f} s"
            self.say(f"{main.name} took it back. The next request: {refused.sentence}")
            until(lambda: self.nullified(given), "the revocation on the ledger")
            self.say("The revocation stands on the ledger; nobody outside can tell what it revoked.")

    def nullified(self, given: Yes) -> bool:
        """Whether the consent's nullifier stands on the ledger."""
        with self.network.engine.view() as view:
            return view.get(state.nullifier_key(nullifier(given.secret))) is not None

    def alter(self, main: Resident, source: Node) -> None:
        """A record is changed at its source without a word: it is reported, never silently signed anew."""
        with self.step("A record altered at the source is reported"):
            path = self.network.records_folder(source.organisation) / "story-1.ndjson"
            path.write_text(path.read_text().replace("37.10", "36.60"))
            done = self.ingest(source.organisation)
            claim(done.published.altered, "the change in place was not noticed")
            claim(not done.published.updated, "the change in place was signed anew")
            self.say("Somebody changed 37.10 to 36.60 in the hospital's files. It was not signed again; the privacy")
            self.say("officer has an alarm, and the gate will not let the record out.")
            path.write_text(path.read_text().replace("36.60", "37.10"))
            claim(not self.ingest(source.organisation).published.altered, "what was put back still counts as changed")
            self.say("It was put back as it was signed, and goes out again; the alarm stays until somebody has looked.")
            self.look(source.organisation)

    def rebuild_index(self, main: Resident) -> None:
        """The ledger and 32 bytes on paper give the whole index back."""
        with self.step("Without any agent: the index from the ledger and 32 bytes on paper"):
            until(self.settled, "everything to be anchored and delivered")
            lines = rebuild(self.network.engine, main.view_secret)
            claim(len(lines) == self.told(main)[0], "the rebuilt index differs from the agent's")
            self.say(f"{len(lines)} lines of {main.name} found again at {len(main.patients)} hospitals.")

    def walk_journals(self) -> None:
        """Every journal is whole."""
        with self.step("Every journal is whole"):
            for node in self.network.nodes.values():
                fault = audit_journal(node)
                claim(fault is None, f"{node.organisation}: {fault}")
            self.say("All journals were walked line by line and held against the ledger: no gap, no change.")

    def one_of_each(self) -> Iterator[tuple[Node, str, str]]:
        """One anchored record of each type, with the node that holds it."""
        seen: set[str] = set()
        for node in self.network.hospitals:
            columns = (store.record.c.type, sql.func.min(store.record.c.id))
            with node.store.read() as connection:
                standing = sql.select(*columns).where(store.record.c.action != "delete").group_by(store.record.c.type)
                found = connection.execute(standing.order_by(store.record.c.type)).all()
            for kind, identifier in found:
                if kind not in seen:
                    seen.add(kind)
                    yield node, kind, identifier


def temperature(identifier: str, patient: str, value: str) -> str:
    """One line of NDJSON: a body temperature, its number exactly as written."""
    fresh = {
        "resourceType": "Observation",
        "id": identifier,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5", "display": "Body temperature"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-01-05T08:30:00Z",
        "valueQuantity": {"value": 0, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"},
    }
    return json.dumps(fresh).replace('"value": 0', f'"value": {value}') + "\n"


def verify(root: Path, record: Path, receipt: Path) -> tuple[int, str]:
    """Exit code and words of the standalone verifier, run as a stranger would, without the package."""
    done = subprocess.run(  # noqa: S603  # our own tool, our own files
        [sys.executable, "-I", "-S", str(VERIFIER), "--root", str(root), "--record", str(record), str(receipt)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
