"""Consent at the desk: a request as a QR code, and what a person without a phone decides, written down by a clerk."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec
from markupsafe import Markup

from medrec.core import codec
from medrec.core.consent import plain
from medrec.core.consent.access import ATTESTED_DAYS_MAX
from medrec.core.consent.plain import Party, Plain
from medrec.core.consent.times import DAY_MS
from medrec.core.credential import NewEd25519
from medrec.core.manifests.consent import fhir_consent_message
from medrec.node.account import paper, staff
from medrec.node.account.staff import Member
from medrec.node.consent import attesting, letters
from medrec.node.keeping.keys import PersonKey
from medrec.node.notify import asking
from medrec.node.refusals import Refusal
from medrec.portal import confirming, policies, render, words
from medrec.portal.desk import by_whom
from medrec.portal.own.acts import Act, Part
from medrec.portal.page import Go, PageError, Shows, Visit, names

if TYPE_CHECKING:
    from medrec.node.node import Node

ASK_DAYS, SAID_DAYS = (1, 30, 90, 365), (1, 7, ATTESTED_DAYS_MAX)
HOW = ("spoken", "paper")
NOTE_CHARACTERS_MAX = 500


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go | Shows:
    """The values of desk_consent.html. The form field `do`: ask makes a code, read shows the sentence to be read out,
    attest writes it down."""
    form = {name: value.strip() for name, value in visit.form.items()}
    what = form.get("do", "")
    if not form:
        return _values(node, visit, form)
    if what == "ask":
        code = _ask(node, visit, form)
        return Shows(lambda visit: _values(node, visit, form, code=code))
    if what not in ("read", "attest"):
        raise PageError(400, "form-unreadable")
    wanted, now = _wanted(node, form), visit.now
    account = attesting.account_of(node, form.get("patient", ""))
    if account is None:
        return Shows(lambda visit: _values(node, visit, form, trouble="not-linked"))
    if what == "attest":
        return _attest(node, visit, form, wanted)
    written = plain.write(wanted, account, now)
    return Shows(lambda visit: _values(node, visit, form, written=written, until=wanted.until))


def _values(
    node: "Node",
    visit: Visit,
    form: dict[str, str],
    *,
    code: str = "",
    written: Any = None,
    until: str | None = "",
    trouble: str = "",
) -> dict[str, Any]:
    said = policies.sentences(written, policies.called(node)) if written is not None else None
    known = names(node)
    return {
        "form": form,
        "code": code,
        # Made here, of an address of the ledger and a code.
        "picture": Markup(paper.qr_svg(code)) if code else "",  # noqa: S704
        "said": said,
        "kept": [(name, value) for name, value in form.items() if name not in ("do", "csrf", "until")],
        "until": until,
        "trouble": words.DESK_CONSENT[trouble] if trouble else "",
        "agents": [(one.id, one.name) for one in node.directory.active() if "agent" in one.roles and one.endpoint],
        "places": [(one.id, known[one.id]) for one in node.directory.active() if "witness" not in one.roles],
        "purposes": [name for name in words.POLICY_PURPOSES if name != "any"],
        "kinds": list(words.POLICY_KINDS),
        "ask_days": ASK_DAYS,
        "said_days": SAID_DAYS,
        "how": HOW,
        "clerk": by_whom(visit),
        "letters": [
            {
                "patient": one.patient,
                "when": visit.when(one.time),
                "link": visit.link("letter", consent=one.consent.hex()),
            }
            for one in letters.waiting(node)
        ],
    }


def _kinds(form: dict[str, str]) -> list[str]:
    return [kind for kind in plain.KINDS if form.get(f"kind-{kind}")]


def _ask(node: "Node", visit: Visit, form: dict[str, str]) -> str:
    """What the QR code of a request says."""
    purpose, days = form.get("purpose", "care"), _days(form, ASK_DAYS)
    if purpose not in plain.PURPOSES or form.get("agent") not in [one.id for one in node.directory.active()]:
        raise PageError(400, "form-unreadable")
    try:
        code = asking.make(
            node,
            practitioner=by_whom(visit),
            note=form.get("note", "")[:NOTE_CHARACTERS_MAX],
            purpose=purpose,
            kinds=_kinds(form),
            days=days,
        )
        return asking.address(node, form["agent"], code)
    except (msgspec.ValidationError, LookupError):
        raise PageError(400, "form-unreadable") from None


def _days(form: dict[str, str], allowed: tuple[int, ...]) -> int:
    days = form.get("days", "")
    if days not in [str(one) for one in allowed]:
        raise PageError(400, "form-unreadable")
    return int(days)


def _wanted(node: "Node", form: dict[str, str]) -> Plain:
    """The sentence of the choices; on the second page its last day is the one that was read out."""
    known = names(node)
    effect, to = form.get("effect", ""), form.get("to", "")
    if effect not in ("share", "withhold") or to not in known or form.get("how") not in HOW:
        raise PageError(400, "form-unreadable")
    until: str | None = None
    if effect == "share":
        # The day that is named still counts to its end, and must not reach beyond the thirty days.
        last = node.clock() + (_days(form, SAID_DAYS) - 1) * DAY_MS
        until = form.get("until") or datetime.fromtimestamp(last / 1000, UTC).date().isoformat()
    try:
        made = Plain(effect, [Party(to, name=known[to][:100])], _kinds(form), until=until)  # type: ignore[arg-type]
        return plain.tidy(made)
    except (plain.NotPlain, ValueError):
        raise PageError(400, "form-unreadable") from None


def _attest(node: "Node", visit: Visit, form: dict[str, str], wanted: Plain) -> Go:
    """The clerk signs with her own key; in a demonstration, where she has none, a lent one signs."""
    borrowed = lent(node, visit)
    clerk = borrowed[0] if borrowed is not None else member(node, visit)
    patient, form_of = form["patient"], form["how"]
    try:
        drafted = attesting.draft(node, patient, wanted, clerk, form_of)  # type: ignore[arg-type]
        message = fhir_consent_message(drafted)
        if borrowed is not None:
            attesting.attest(node, patient, drafted, borrowed[1].sign_transaction_id(message))
            return Go(visit.link("desk_consent"), "attested")
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    value = msgspec.to_builtins(drafted)
    del value["signature"]

    def finish(proof: bytes) -> None:
        attesting.attest(node, patient, drafted, proof)

    part = Part("medrec/consent/2", codec.encode_json(value), message, finish)
    said = policies.sentences(drafted.consent.encode(), policies.called(node))
    told = [Markup("{}").format(sentence) for sentence in said]
    marked = [
        render.say(words.DESK_CONSENT["marked"], clerk=clerk.name),
        Markup("{}").format(words.DESK_CONSENT["free"]),
    ]
    return confirming.begin(node, visit, Act("", told, marked, (part,), clerk.key or b"", "desk_consent", "attested"))


def member(node: "Node", visit: Visit) -> Member:
    """The clerk who has signed in with her key. Raises PageError."""
    if visit.session is None or not visit.session.staff or not visit.session.credential:
        raise PageError(403, "needs-key")
    return staff.member(node, visit.session.staff)


_lent_keys: "WeakKeyDictionary[Any, dict[str, tuple[Member, PersonKey]]]" = WeakKeyDictionary()


def lent(node: "Node", visit: Visit) -> tuple[Member, PersonKey] | None:
    """In a demonstration: a made-up clerk of the visitor's name, whose key lies in this process."""
    made_up = visit.session is None or visit.session.staff.startswith("demonstration-")
    if not visit.demonstration or not made_up:
        return None
    known, name = _lent_keys.setdefault(node, {}), by_whom(visit)
    if name not in known:
        key = PersonKey.generate()
        _, code = staff.invite(node, name, "desk")
        known[name] = staff.register(node, code, NewEd25519(key.public), node.vault.random(16)), key
    return known[name]
