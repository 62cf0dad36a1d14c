"""Places that know me: a desk's code is taken here, read, said yes to with the person's key, and undone again.

GET   the places she is linked to, and a field for the words of a desk
POST  {code}                                  what the code would do, and who she says that she is
POST  {code, do: "link", family, given, day, month, year, read}   waits for her key (own/acts.py); what she hides at
      other places is hidden there in the same act, but what {keeps, hide-<topic>} leaves out
POST  {do: "undo", place}                     the same for undoing a link
POST  {do: "tell"}                            the same for telling places that were down who serves her
POST  {do: "tell-all"}                        and for telling all of them, after a way back (aftermath_given.py)
"""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from markupsafe import Markup
from msgspec import UNSET

from medrec.core import codec
from medrec.core.consent import plain
from medrec.core.consent.plain import Party, Plain
from medrec.core.manifests.record import LinkManifest
from medrec.core.matching import Demographics, of_patient
from medrec.core.records.canonical import canonical
from medrec.node.account import aftermath
from medrec.node.agent import bringing, standing_links
from medrec.node.consent.policies import draft_consent
from medrec.node.notify import asking
from medrec.node.peers.peers import PeerError
from medrec.node.right_person import linking
from medrec.node.right_person.given_codes import link_check
from medrec.node.right_person.link import LinkError, link_message, read_payload, read_words, unlink_message
from medrec.portal import language, person, policies, render, words
from medrec.portal.own import moving
from medrec.portal.own.acts import Act, Part, Signer, begun, signer
from medrec.portal.own.allow import SECRET_BYTES, consent_part
from medrec.portal.own.hidden import hides
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Shows, Visit
from medrec.portal.room import Room

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN_MS = 15 * 60_000
"""So long the digits for the desk stand on the page."""
FIELD_CHARACTERS_MAX = 200
MADE_MAX = 10_000


class Made(NamedTuple):
    """A link that was just made here: with whom, and the digits for the desk."""

    organisation: str
    digits: str


_of_node: "WeakKeyDictionary[Any, Room[Made]]" = WeakKeyDictionary()


def _just_made(node: "Node") -> Room[Made]:
    """The last link of each person, by her account."""
    return _of_node.setdefault(node, Room(1, MADE_MAX))


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/linking.html, or where to go on."""
    who = whose(node, visit)
    form = {name: value.strip() for name, value in visit.form.items()}
    if form.get("do") in ("tell", "tell-all"):
        return _tell_again(node, visit, who)
    if form.get("do") == "undo":
        return _undo(node, visit, who, form.get("place", ""))
    if not form:
        return _values(node, visit)
    code = form.get("code", "")
    try:
        what, place, secret = _meant(node, code)
    except (LinkError, ValueError):
        return Shows(lambda visit: _values(node, visit, unread=True))
    if what == "asked":
        return _asked(node, visit, who, place, secret)
    if form.get("do") == "link":
        return _propose(node, visit, who, form, place, secret)
    return Shows(lambda visit: _values(node, visit, place, code))


def _values(node: "Node", visit: Visit, place: str = "", code: str = "", *, unread: bool = False) -> dict[str, Any]:
    who = whose(node, visit)
    known = _known(node, who) if place else None
    made = _just_made(node).get(who.account, node.clock())
    return {
        "handle": who.handle,
        "unheard": render.listed([who.place(place) for place in bringing.unheard(node, who.account)]),
        "untold": render.listed([who.place(place) for place in moving.untold(node, who.account)]),
        "trouble": words.LINKING["not_a_code"] if unread else "",
        "place": who.place(place) if place else "",
        "code": code,
        "stated": known,
        "hidden": hidden_before(node, visit, who, place) if place else [],
        "born": dict(zip(("year", "month", "day"), known.birth.split("-"), strict=False)) if known else {},
        "just": made._replace(organisation=who.place(made.organisation)) if made else None,
        "linked": [
            {"id": name, "name": who.place(name), "when": render.say(words.LINKING["since"], when=visit.when(time))}
            for name, time in standing(node, who.account)
        ],
        "agent": who.place(node.organisation),
    }


def _tell_again(node: "Node", visit: Visit, who: Whose) -> Go:
    """Places that were down for as long as a signed move is good, or all of them: she signs it anew."""
    signs, every = _herself(node, visit, who), visit.form.get("do") == "tell-all"
    places = sorted(standing_links.standing(node, who.account)) if every else moving.untold(node, who.account)
    if not places:
        raise PageError(404, "not-found")
    then = partial(aftermath.keep, node, who.account, aftermath.PLACES) if every else None
    asked = moving.tell(node, who.account, places, signs.key, then)
    act = Act(who.account, asked.told, [], (asked.part,), signs.key, "linking", "kept")
    return begun(node, visit, who, act)


def standing(node: "Node", account: str) -> list[tuple[str, int]]:
    """The places that a person is linked to now, and since when (ms), the newest first."""
    last: dict[str, Any] = {}
    for notice in person.every(node, account, ("link/1",)):
        # One of several charts begins and ends beside the link to the place.
        if isinstance(notice.manifest, LinkManifest) and notice.manifest.chart is UNSET:
            last.setdefault(notice.organisation, notice.manifest)
    return [(name, one.time) for name, one in last.items() if one.action == "link"]


def _meant(node: "Node", text: str) -> tuple[str, str, bytes]:
    """What a code is: ("asked" or "link", organisation, code), as scanned or typed. Raises LinkError, ValueError."""
    text = text.rpartition("#")[2] if "#" in text else text
    if text.upper().startswith(asking.PAYLOAD + ":"):
        return ("asked", *asking.read_address(text))
    known = [one.id for one in node.directory.active()]
    if ":" in text:
        organisation, code = read_payload(node.network, text)
    else:
        organisation, code = read_words(node.network, known, text)
    if organisation not in known:
        raise ValueError(organisation)
    return "link", organisation, code


def _asked(node: "Node", visit: Visit, who: Whose, organisation: str, code: bytes) -> Go:
    """A request for a permission: it is laid before her."""
    try:
        identifier = asking.take(node, who.account, organisation, code)
    except (ValueError, PeerError):
        raise PageError(404, "unknown-request") from None
    return Go(visit.link("request", person=who.handle, request=identifier.hex()))


def _known(node: "Node", who: Whose) -> Demographics:
    """Who she is, as a place that is linked already has it, else as her name here suggests; she corrects it."""
    for copy in node.copies.hers(who.account, "Patient") if node.copies is not None else ():
        found = of_patient(canonical(copy.content).value)
        if found.family and found.given:
            return found
    given, _, family = who.name.rpartition(" ")
    return Demographics(family, given, "")


def _propose(node: "Node", visit: Visit, who: Whose, form: dict[str, str], organisation: str, code: bytes) -> Go:
    signs = _herself(node, visit, who)
    stated = {name: form.get(name, "")[:FIELD_CHARACTERS_MAX] for name in ("family", "given")} | {"birth": _born(form)}
    if not all(stated.values()):
        raise PageError(400, "link-says-nothing")
    place, now = who.place(organisation), node.clock()
    reads = bool(form.get("read"))
    after = partial(_made, node, who, organisation, link_check(node.network, organisation, who.account, code), reads)
    parts = [_link_part(node, who, signs, organisation, code, stated, None if reads else after)]
    sentences = [
        render.say(words.LINKING["links"], place=place),
        _says(stated),
    ]
    topics = [
        one.topic
        for one in hidden_before(node, visit, who, organisation)
        if form.get(f"hide-{one.topic}") or not form.get("keeps")
    ]
    if topics:
        # One sentence for all of them, so one signature. Nothing was said there of emergencies: it holds in these, too.
        text = plain.write(plain.tidy(Plain("withhold", about=topics)), who.account, now)
        parts.append(_consent_part(node, who, signs, organisation, text, now))
        sentences += [*policies.sentences(text, who.known), render.say(words.SIGN["at"], place=place)]
    if reads:
        agent = Party(node.organisation, name=who.place(node.organisation)[:100])
        text = plain.write(plain.tidy(Plain("share", [agent])), who.account, now)
        part = _consent_part(node, who, signs, organisation, text, now)
        parts.append(part._replace(finish=partial(_permitted, part.finish, after)))
        sentences += policies.sentences(text, who.known)
    changes: list[Markup] = [
        render.say(words.LINKING[name], place=place) for name in ("compares", "tells", "hands_over", "undo_later")
    ]
    if ended_with_link(node, who.account, organisation):
        changes.insert(0, render.say(words.LINKING["anew"], place=place))
    act = Act(who.account, sentences, changes, tuple(parts), signs.key, "linking", "linked")
    return begun(node, visit, who, act)


class Hidden(NamedTuple):
    """A topic that she hides from everybody at some place: its word, and what the page asks of it."""

    topic: str
    label: Markup


def hidden_before(node: "Node", visit: Visit, who: Whose, organisation: str) -> list[Hidden]:
    """The topics that she hides from everybody, with where, and those that she hid at this place under a link that has
    ended: a place that comes to know her, or comes to know her again, is asked about with them. Of a place that she is
    linked to nothing is asked with the code of a further chart: what she said there stands."""
    if any(name == organisation for name, _ in standing(node, who.account)):
        return []
    given, found = person.plain_consents(node, who.account, visit.now), []
    ended = [person.as_plain(one) for one in ended_with_link(node, who.account, organisation)]
    for topic in plain.TOPICS:
        where = sorted({who.place(one.place) for one in given if hides(one.says, topic)})
        name = words.POLICY_TOPICS[topic]
        if where:
            said = {"topic": name, "places": render.listed(where)}
            found.append(Hidden(topic, render.say(words.LINKING["hide"], **said)))
        elif any(hides(one, topic) for one in ended):
            found.append(Hidden(topic, render.say(words.LINKING["hide_again"], topic=name)))
    return found


def ended_with_link(node: "Node", account: str, organisation: str) -> list[Any]:
    """The consents of hers at a place that ended with a link."""
    every = [one for one in person.standing(node, account) if one.over == "unlinked" and not one.gone]
    return [one.notice.manifest for one in every if one.notice.organisation == organisation]


def _consent_part(node: "Node", who: Whose, signs: Signer, organisation: str, text: bytes, now: int) -> Part:
    """The signature of a sentence at the place, which keeps it beside the link until the desk confirms that."""
    secret = node.vault.random(SECRET_BYTES)
    draft = draft_consent(node.network, organisation, who.account, now, text, secret, signs.key, None)
    return consent_part(node, who, organisation, draft, secret)


def _says(stated: dict[str, str]) -> Markup:
    born = language.day(datetime.fromisoformat(stated["birth"]))
    return render.say(words.LINKING["says"], given=stated["given"], family=stated["family"], birth=born)


def _born(form: dict[str, str]) -> str:
    """The date of birth of three fields, as records write it; "" for none."""
    try:
        return date(*(int(form.get(name, "")) for name in ("year", "month", "day"))).isoformat()
    except ValueError:
        return ""


def _link_part(
    node: "Node", who: Whose, signs: Signer, organisation: str, code: bytes, stated: dict[str, str], after: Any
) -> Part:
    statement = codec.encode([node.network, organisation, who.account, code])

    def finish(proof: bytes) -> None:
        assert node.agent is not None
        try:
            node.agent.link(who.account, organisation, code, lambda message: (signs.key, proof), stated)
        except PeerError as error:
            named = f"link-{error.code}"
            if error.answered and named in dict(words.ERRORS.english()):
                raise PageError(409, named) from None
            raise
        if after is not None:
            after()

    message = link_message(node.network, organisation, who.account, code)
    return Part("medrec/link/1", statement, message, finish, binary=True)


def _permitted(give: Any, after: Any, proof: bytes) -> None:
    try:
        give(proof)
    except Exception:
        # The link stands by now: it is told of, and what is missing can be allowed on its own.
        raise PageError(503, "link-without-reading") from None
    finally:
        after()


def _made(node: "Node", who: Whose, organisation: str, digits: str, reads: bool) -> None:
    now = node.clock()
    _just_made(node).put(who.account, Made(organisation, digits), who.account, now + SHOWN_MS, now)
    if reads and node.copies is not None:
        node.copies.refresh_soon(who.account)


def _undo(node: "Node", visit: Visit, who: Whose, organisation: str) -> Go:
    """Begin the act of undoing a link. Raises PageError."""
    signs = _herself(node, visit, who)
    if organisation not in [name for name, _ in standing(node, who.account)]:
        raise PageError(404, "unknown-line")
    now, place = node.clock(), who.place(organisation)
    statement = codec.encode([node.network, organisation, who.account, now])

    def finish(proof: bytes) -> None:
        sign = partial(_with, (signs.key, proof))
        linking.leave(node.store, node.peers.call, node.network, now, who.account, organisation, sign)

    message = unlink_message(node.network, organisation, who.account, now)
    part = Part("medrec/unlink/1", statement, message, finish, binary=True)
    sentences = [render.say(words.LINKING["unlinks"], place=place)]
    changes = [render.say(words.LINKING[name], place=place) for name in ("leaves", "ends_too", "stays")]
    act = Act(who.account, sentences, changes, (part,), signs.key, "linking", "unlinked")
    return begun(node, visit, who, act)


def _with(answer: tuple[bytes, bytes], _message: bytes) -> tuple[bytes, bytes]:
    return answer


def _herself(node: "Node", visit: Visit, who: Whose) -> Signer:
    """Who signs: the person's own key, for nobody else can say who she is. Raises PageError for a helper."""
    signs = signer(node, visit, who)
    if signs.acting is not None:
        raise PageError(403, "not-your-page")
    return signs
