"""What a page of lists carries in its forms: what was seen on it, and what a row spoke of that is kept nowhere."""

import msgspec

from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import Subject
from medrec.core.reconcile.held import PATIENT
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.lists.lists import against, subject_of
from medrec.node.lists.marks import packed, unpacked
from medrec.portal.page import PageError


class Stands(msgspec.Struct, frozen=True):
    """What a row spoke of when it was shown, and which record versions an act on it would contradict: a row made of
    what others gave is kept nowhere, so the page carries this. `over`: those that a word that it is taken otherwise
    contradicts beside them."""

    subject: Subject
    against: list[Against]
    over: list[Against] = []


def stands(row: MedicineRow) -> str:
    """The same of a row, as its form carries it."""
    stopped = against(row, "stopped")
    over = [one for one in against(row, "changed") if one not in stopped]
    return msgspec.json.encode(Stands(subject_of(row), stopped, over)).decode()


def unasked(row: MedicineRow) -> int:
    """How many places say that it is taken and are not asked by a word against it, since it has no room for more."""
    says = {line.source for line in row.lines if line.author == "record" and line.says == "taken"} - {PATIENT}
    return len(says - {one.source for one in against(row, "not-taking")})


def stood(text: str) -> Stands:
    """What a row spoke of, as its form says it. Raises PageError."""
    try:
        return msgspec.json.decode(text, type=Stands)
    except msgspec.DecodeError:
        raise PageError(400, "form-unreadable") from None


def carried(found: list[bytes]) -> str:
    """The lines that a page holds, so that its form says what was seen: also what others gave, which is kept nowhere,
    and not what came while it was read."""
    return packed(found)


def stood_there(text: str) -> list[bytes]:
    """The marks of the lines that a page held, as its form says them. Raises PageError."""
    try:
        return sorted(unpacked(text))
    except ValueError:
        raise PageError(400, "form-unreadable") from None
