"""The labels of records at one node: the rules that are in force, and the facts that follow for a decision."""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import msgspec

from medrec.core.consent import facts
from medrec.core.consent.label_elements import WHO
from medrec.core.consent.label_rules import Files, LabelRulesError, read_files
from medrec.core.consent.labels import NONE, Labeller
from medrec.core.consent.labels import Labels as Found
from medrec.core.consent.labels_together import without_who
from medrec.core.records.terms import Terms
from medrec.node.refusals import Code, Refusal
from medrec.node.terminology import shipped as medicines


def shipped() -> bytes:
    """The file of labelling rules that comes with MedRec."""
    return files("medrec.core.consent").joinpath("labels.json").read_bytes()


@cache
def _shipped_rules() -> Files:
    return read_files([shipped()])


@cache
def _shipped_labeller() -> Labeller:
    # Its answers depend on what ships alone: all nodes of a process have the same one.
    return Labeller(shipped(), terms=medicines.shipped())


class Labels:
    """Labels records for decisions. `version` names the rules, and stands in the manifest of each decision.

    `own` are a site's own files of rules, which add to those that ship. `terms` tells the ingredients of medicines, by
    their codes and brands, and `tables` names it; None: the table that ships, read when it is first needed.
    A file that is not whole is no reason to go on without it: `trouble` says what is wrong, and nothing goes out.
    `note` is a sentence for the operator where no clinician has reviewed the rules, else empty.
    """

    def __init__(self, own: Sequence[bytes] = (), terms: Terms | None = None, tables: str = "") -> None:
        self.trouble = ""
        self.version = "unreadable"
        self.note = ""
        self._own, self._terms = tuple(own), terms
        try:
            read = read_files([shipped(), *own]) if own else _shipped_rules()
        except LabelRulesError as error:
            self.trouble = str(error)
            return
        known = tables if terms is not None else medicines.digest()
        if read.unreviewed:
            versions = " and ".join(read.unreviewed)
            self.note = f"No clinician has reviewed the labelling rules ({versions}); have it done before real use."
        self.version = f"{read.version}/{read.digest.hex()[:16]}/{known}"

    @cached_property
    def labeller(self) -> Labeller | None:
        """The rules with the medicines; None where the rules cannot be read."""
        if self.trouble:
            return None
        if not self._own and self._terms is None:
            return _shipped_labeller()
        return Labeller(shipped(), *self._own, terms=self._terms if self._terms is not None else medicines.shipped())

    def check(self) -> None:
        """Raises Refusal if the rules cannot be read: then nothing may go out."""
        if self.labeller is None:
            raise Refusal(Code.RULES_UNREADABLE)

    def of(self, resource: Mapping[str, Any]) -> Found:
        """The labels of a resource by the rules; nothing where there are none that can be read."""
        return NONE if self.labeller is None else self.labeller.label(resource)

    def facts(self, resource: dict[str, Any], kind: str, identifier: str) -> facts.Record:
        """What a decision needs to know of a resource that was signed under this type and id."""
        try:
            labels = self.of(resource)
            found = facts.facts(resource, labels.codes, may=labels.may)
            if self.labeller is not None and labels.may and resource.get("resourceType") in WHO:
                rest = facts.facts(resource, labels.codes, may=without_who(self.labeller, resource).may)
                found = msgspec.structs.replace(found, aside=found.may - rest.may)
        except Exception:
            # Of a form that no reading foresaw: nobody knows anything of it, it stays, and no door stumbles over it.
            return facts.unknown(kind, identifier)
        if self.labeller is None:
            found = msgspec.structs.replace(found, labels=None, level=None)
        if found.type == kind and found.id == identifier:
            return found
        # Signed under an id that stands outside of it (a Bundle's entry), or holding another type than it says.
        return msgspec.structs.replace(found, type=kind, id=identifier, kinds=found.kinds | {kind})
