"""One consent as a tree, the same whether it came as FHIR R4, as FHIR R5 or as a simple grant.

Within one element of a provision the values are alternatives; between the elements all must hold; an element that is
absent (None) puts no condition. A provision inside another is an exception to it, and only to it.
"""

from typing import Literal

import msgspec

from medrec.core.consent.times import ALWAYS, Span

Effect = Literal["permit", "deny"]
Meaning = Literal["instance", "related", "dependents", "authoredby"]

Tokens = frozenset[str]
"""References ("Organization/north"), role codes ("system|code"), or both, one space between."""


class Provision(msgspec.Struct, frozen=True):
    """One rule of a consent, with the exceptions to it.

    `recipients` get the data, `custodians` hold it, `authors` wrote it. `labels` (codes of v3-ActCode) and
    `confidentiality` (codes of v3-Confidentiality) are alternatives of one element, securityLabel. `kinds` are types
    ("Observation") or "system|code" of what a document is; `documents` is a second such list that must hold as well
    (R5 has two elements where R4 has one). `codes` are "system|code". `data` are pairs of a meaning and a reference.
    """

    effect: Effect
    period: Span = ALWAYS
    recipients: Tokens | None = None
    custodians: Tokens | None = None
    authors: Tokens | None = None
    actions: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    labels: frozenset[str] | None = None
    confidentiality: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    documents: frozenset[str] | None = None
    codes: frozenset[str] | None = None
    data_period: Span | None = None
    data: frozenset[tuple[Meaning, str]] | None = None
    exceptions: tuple["Provision", ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """A consent that was read.

    `base` is what it says where no provision of it matches: None says nothing. `dated` (ms) is when the person
    decided. `in_force` is false for a draft and the like, and for consents that are not about access to data. A
    `silent` permit, which names no purpose, covers "care" or, in a consent to research, "research". `marks` is
    whether what goes out may say that something is held back; None says nothing about it.
    """

    base: Effect | None
    provisions: tuple[Provision, ...]
    dated: int
    period: Span = ALWAYS
    in_force: bool = True
    silent: Literal["care", "research"] = "care"
    marks: bool | None = None


class Unreadable(ValueError):
    """A consent that this engine cannot read whole, and therefore does not read at all.

    `code` is one of `reading.REASONS`, `path` the element, as in "Consent.provision.actor[0]".
    """

    def __init__(self, code: str, path: str) -> None:
        self.code = code
        self.path = path
        super().__init__(f"{path}: {code}")


class Given(msgspec.Struct, frozen=True):
    """A consent as it is handed to the decision: its id, what was read of it, and from when it is taken back (ms).

    From `permits_until` (ms) on its permits do not count any more; its denials do. A consent that a clinic attests
    ends in this way.
    """

    id: str
    content: Policy | Unreadable
    revoked: int | None = None
    permits_until: int | None = None
