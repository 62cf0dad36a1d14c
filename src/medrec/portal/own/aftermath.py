"""After a way back: what somebody with her old key may have done, each to be kept or ended.

Every kind of statement, of form that a key signs and of transaction stands in one of two tables here: what is asked
about, and what needs no question, with the reason. A new one belongs in one of them (tests/portal/test_aftermath.py).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.node.account import aftermath, recovery
from medrec.portal.own import aftermath_given, aftermath_said
from medrec.portal.own.account_act import says_herself
from medrec.portal.own.aftermath_given import Case
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


class Question(NamedTuple):
    """What one function asks about: names of manifests, of forms of the signing page, of transactions."""

    about: tuple[str, ...]
    ask: Callable[[Case], list[dict[str, Any]]]


QUESTIONS = (
    Question(("delegation/1", "delegation-rest/1"), aftermath_given.helpers),
    Question(("delegation-end/1", "delegation-rest/1"), aftermath_given.helpers_gone),
    Question(("consent/1", "consent/2"), aftermath_given.permissions),
    Question(("revocation/1",), aftermath_given.opened_again),
    Question(("revocation/1",), aftermath_given.withdrawn),
    Question(("link/1", "unlink/1"), aftermath_given.links),
    Question(("account/doors", "guardians/1"), aftermath_given.doors),
    Question(("guardian-word/1",), aftermath_given.guardians_asked),
    Question(("notices/1",), aftermath_given.ways),
    Question(("move/1",), aftermath_given.places),
    Question(("show-words/1",), aftermath_given.words_shown),
    Question(("entry/1", "record/1"), aftermath_said.written),
    Question(("entry/1", "record/1"), aftermath_said.taken_back),
    Question(("list-act/1",), aftermath_said.of_list),
    Question(("correction/1", "correction-request/1"), aftermath_said.corrections),
    Question(("dispute/1",), aftermath_said.disputes),
    Question(("acting/1",), aftermath_said.for_others),
    Question(aftermath_said.GUARDIAN, aftermath_said.as_guardian),
)

_STAFF = "an organisation's or its staff's word, which no key of hers signs"
_KEYS = "the way back put her new key in the place of all others, papers and attempts"
_LINKS = "a link to share ends with the key that signed for it (links.py)"
NEEDLESS = {
    **dict.fromkeys(("sharing/1", "share/1"), _LINKS),
    **dict.fromkeys(
        (
            *("account/create", "account/credential-add", "account/credential-remove"),
            *("recovery/by-paper", "recovery/veto", "recovery/finish"),
        ),
        _KEYS,
    ),
    **dict.fromkeys(
        (
            *("vouch/1", "freeze/1", "emergency/1", "emergency-declared/1", "emergency-review/1"),
            *("emergency-reviewed/1", "correction-taken/1", "correction-answer/1", "erasure/1", "match-decided/1"),
            *("record-held/1", "hold-decided/1", "disclosure/1", "disclosure-received/1", "refusal/1"),
            *("call-refused/1", "log-read/1", "dispute-answer/1", "dispute-answered/1", "list-act-ended/1"),
            *("own-look/1", "look-review/1", "owed-denied/1"),
        ),
        _STAFF,
    ),
}
"""What needs no question after a way back, and why."""


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/aftermath.html. The form field `keep` names what stays."""
    who = whose(node, visit)
    says_herself(visit)
    items = waiting(node, visit, who)
    if visit.form:
        item = visit.form.get("keep", "")
        if item not in {one["item"] for one in items}:
            raise PageError(404, "not-found")
        aftermath.keep(node, who.account, item)
        last = len(items) == 1
        return Go(visit.link("person" if last else "aftermath", person=who.handle), "kept")
    lost = aftermath.window(node, who.account) is not None and recovery.guardians_lost(node, who.account)
    return {"handle": who.handle, "items": items, "lost": lost}


def waiting(node: "Node", visit: Visit, who: Whose) -> list[dict[str, Any]]:
    """What was done in the month before the account was last taken back, still counts, and is not kept yet."""
    window = aftermath.window(node, who.account)
    if window is None:
        return []
    case = Case(node, visit, who, window)
    found = [one for question in QUESTIONS for one in question.ask(case)]
    wanted = set(aftermath.open_among(node, who.account, [one["item"] for one in found]))
    return [one for one in found if one["item"] in wanted]
