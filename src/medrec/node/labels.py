"""The labels of records at one node: the rules that are in force, and the facts that follow for a decision."""

from typing import Any

import msgspec

from medrec.core.consent import facts


class Labels:
    """Labels records for decisions. `version` names the rules, and stands in the manifest of each decision."""

    version = "carried/1"
    """Only what a record carries in meta.security counts."""

    def check(self) -> None:
        """Raises Refusal if the rules cannot be read: then nothing may go out."""

    def facts(self, resource: dict[str, Any], kind: str, identifier: str) -> facts.Record:
        """What a decision needs to know of a resource that was signed under this type and id."""
        found = facts.facts(resource)
        if found.type == kind and found.id == identifier:
            return found
        # Signed under an id that stands outside of it (a Bundle's entry), or holding another type than it says.
        return msgspec.structs.replace(found, type=kind, id=identifier, kinds=found.kinds | {kind})
