"""North holds the records of two people; one of them is everybody's business and the other nobody's."""

import hashlib
import secrets
from pathlib import Path
from typing import Any

import msgspec
from markupsafe import Markup

from medrec.core import codec
from medrec.core.consent.plain import Plain
from medrec.core.manifests.delegation import Delegation, delegation_message, encode_delegation
from medrec.core.manifests.entry import entry_message
from medrec.node.agent import entries as readings
from medrec.node.agent.told import told
from medrec.node.notify import asking
from medrec.node.release import access
from medrec.portal.own.acts import Act, acts_of
from medrec.portal.own.entries import entries
from medrec.portal.own.record import series_handles
from tests.node.network import Patient
from tests.node.test_emergency import decide
from tests.portal.story import ToldNetwork


class World:
    """North holds the records of Eve and of Zebulon. Eve lets south see hers; he lets nobody, not in an emergency. Bo
    has no records; he helps Eve in all that a helper may do."""

    def __init__(self, folder: Path) -> None:
        self.network = ToldNetwork(folder)
        north: Any = self.network["north"]
        self.eve = self.network.patient("eve", "north")
        self.his = self.network.patient("zebulon", "north")
        for who in ("eve", "zebulon"):
            north.put(
                "Patient", who, f'{{"resourceType":"Patient","id":"{who}","name":[{{"family":"{who.title()}"}}]}}'
            )
        north.put("Observation", "rec-of-e", _observation("rec-of-e", "eve", "calm"))
        north.put("Observation", "rec-of-z", _observation("rec-of-z", "zebulon", "QUIVERING"))
        self.network.consent(self.eve, "north", "south")
        decide(self.network, self.his, Plain("emergency-no"))
        self.settle()
        self.bo = self.network.patient("bo", "north")
        self.helps_eve = self.helper(self.eve, "look", "consent", "correct", "add")
        self.things = self._things()

    def _things(self) -> dict[str, list[str]]:
        """One of each of his that a place in an address of the site may name, by the name of that place."""
        north: Any = self.network["north"]
        guide: Any = self.network["guide"]
        doctor = north.practitioners.enter("dr", "Dr Who", "http://snomed.info/sct|158965000")
        north.finder.look("zebulon", doctor, "TREAT", "QUIVERING at his visit")
        code = asking.make(north, practitioner="Dr Who", note="QUIVERING")
        request = asking.take(guide, self.his.account, "north", code)
        act = Act(self.his.account, [Markup("QUIVERING")], [], (), self.his.key.key_id, "sharing", "done")
        statement, content = guide.entries.prepare(
            self.his.account, self.his.account, "Zebulon", self.his.key.key_id,
            readings.reading("QUIVERING at home", "120", "mmHg", self.network.time),
        )  # fmt: skip
        signature = self.his.key.sign_transaction_id(entry_message(statement)).hex()
        guide.entries.take(msgspec.structs.replace(statement, signature=signature), content)
        self.settle()
        guide.looks.catch_up()
        (measured,) = entries(guide, self.his.account, ("results",))
        (look,) = guide.looks.page(self.his.account)
        (consent,) = told(guide, self.his.account, "consent/2")
        lines = told(guide, self.his.account, "own-look/1", "record/1", "consent/2")
        return {
            "pair": [look.pair.hex()],
            "request": [request.hex()],
            "act": [acts_of(guide).begin(guide, act)],
            "waiting": [acts_of(guide).begin(guide, act)],
            "mark": [consent.manifest.nullifier],
            "consent": [hashlib.sha256(consent.data).hexdigest()],
            "tag": [line.tag.hex() for line in lines],
            "series": [series_handles(guide, self.his.account)(measured.series)],
        }

    def helper(self, person: Patient, *rights: str) -> bytes:
        """Bo becomes somebody's helper; the id of what says so."""
        node: Any = self.network["guide"]
        now = self.network.time
        named = Delegation(
            self.network.id.hex(), person.account, now, self.bo.account, "Bo", list(rights), [], now + 86_400_000,
            "consent", None, None, secrets.token_bytes(32).hex(), person.key.key_id.hex(),
        )  # fmt: skip
        _, signature = person.sign(delegation_message(named))
        taken: bytes = node.delegates.take(encode_delegation(msgspec.structs.replace(named, signature=signature.hex())))
        return taken

    def settle(self) -> None:
        self.network.anchor()
        self.network.deliver()
        agent = self.network["guide"].agent
        assert agent is not None
        while agent.follow():
            pass

    def about_him(self, by: str, **wanted: Any) -> access.Ask:
        return self.asked(self.his, by, **wanted)

    def asked(
        self, person: Patient, by: str, purpose: str = "TREAT", reason: str = "visit", **wanted: Any
    ) -> access.Ask:
        doctor = self.network[by].practitioners.enter("dr", "Dr Who", "http://snomed.info/sct|158965000")
        request = doctor.request(secrets.token_bytes(16), purpose, reason, **wanted)
        return doctor.ask(self.network.id, "north", person.account, self.network.time + 60_000, request)

    def act_taken_back(self, by: str) -> bytes:
        end = {"network": self.network.id.hex(), "account": self.his.account, "act": "00" * 16, "organisation": by}
        return codec.encode([codec.encode_json({**end, "time": self.network.time})])


def _observation(identifier: str, patient: str, word: str) -> str:
    return (
        f'{{"resourceType":"Observation","id":"{identifier}","status":"final",'
        f'"subject":{{"reference":"Patient/{patient}"}},"valueString":"{word}"}}'
    )
