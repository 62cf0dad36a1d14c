"""Whether a no leaves nothing of a yes, or takes anything of it: what a page may call closed, what it says beside a yes
that stands, and which no stops a yes.

A no at the same place goes before a yes, whichever was said first (docs/spec/decision.md).
"""

from typing import Literal

import msgspec

from medrec.core.consent import terms
from medrec.core.consent.plain import PURPOSES, Party, Plain, tidy


def closes(no: Plain, yes: Plain) -> bool:
    """Whether a no that goes on closes the whole of a yes: to everybody whom it names, of all that it opens, for every
    purpose, and as long. What is meant for emergencies alone is closed by what is said of emergencies; a no with
    `emergencies` leaves those as they are."""
    if no.effect not in ("withhold", "emergency-no") or not _asked(yes) <= _denied(no):
        return False
    if no.until is not None and (yes.until is None or yes.until > no.until):
        return False
    if no.since is not None and (yes.since is None or yes.since < no.since):
        return False
    if no.before is not None and (yes.before is None or yes.before > no.before):
        return False
    parts = ((no.kinds, yes.kinds), (no.about, yes.about))
    if any(denied and not (opened and set(opened) <= set(denied)) for denied, opened in parts):
        return False
    # A no to somebody closes nothing to her organisation; one to a house closes what is opened to who works there.
    houses = {party.organisation for party in no.to if not party.practitioner}
    people = {party.reference for party in no.to}
    met = all(party.organisation in houses or party.reference in people for party in yes.to)
    return not no.to or (bool(yes.to) and met)


def opposite(yes: Plain) -> Plain:
    """The no to what a yes opens, and to as little else as a sentence can say: to the same people, of the same kinds,
    topics and time of records, for the same purposes, and as long.

    What the yes leaves out stays closed by the yes itself. A no to a yes to share leaves emergencies as they are: what
    goes out in one is no part of such a yes. `beyond` says what more it closes.
    """
    if yes.effect == "emergency-yes":
        return tidy(msgspec.structs.replace(yes, effect="emergency-no", but_not=[], marks=None))
    purposes = [] if "any" in yes.purposes else yes.purposes or ["care"]
    no = msgspec.structs.replace(yes, effect="withhold", purposes=purposes, but_not=[], marks=None)
    return tidy(msgspec.structs.replace(no, emergencies=not terms.EMERGENCY.isdisjoint(_denied(no))))


def beyond(no: Plain, yes: Plain) -> list[str]:
    """The purposes, in words, that a no meets and a yes does not open: a no to care is one to what somebody's family
    asks for, too (`terms.met`)."""
    more, asked = _denied(no) - _asked(yes), yes.purposes or ["care"]
    return [
        word
        for word, codes in PURPOSES.items()
        if word not in ("any", *asked) and not more.isdisjoint(terms.covered(codes))
    ]


def doubted(no: Plain) -> bool:
    """Whether a no that leaves emergencies as they are holds in one all the same, of what may be about its topics or of
    its time: a doubt is not excepted."""
    return no.emergencies and bool(no.about or no.since or no.before)


def takes_from(no: Plain, yes: Plain) -> bool:
    """Whether a no may take something of what a yes opens, on some record. What goes out in an emergency is no part of
    a yes to share. Where this is False, the yes opens all that it would without the no.

    What another yes leaves out ("but nothing about HIV") is a no like any other, to those whom that yes names."""
    no = _left_out(no) if no.but_not else no
    return (
        no.effect in ("withhold", "emergency-no")
        and yes.effect in ("share", "emergency-yes")
        and not _denied(no).isdisjoint(_asked(yes))
        and (not no.to or not yes.to or any(_same(one, other) for one in no.to for other in yes.to))
        and (not no.kinds or not yes.kinds or not set(no.kinds).isdisjoint(yes.kinds))
        and not (no.about and set(no.about) <= set(yes.but_not))
    )


def _left_out(yes: Plain) -> Plain:
    """The no within a yes: to what it leaves out."""
    effect: Literal["emergency-no", "withhold"] = "emergency-no" if yes.effect == "emergency-yes" else "withhold"
    return msgspec.structs.replace(yes, effect=effect, about=yes.but_not, but_not=[], marks=None)


def _denied(no: Plain) -> frozenset[str]:
    """The purposes of requests that a no meets."""
    if no.effect == "emergency-no":
        return terms.EMERGENCY
    codes = [code for purpose in no.purposes for code in PURPOSES[purpose]] or PURPOSES["any"]
    return terms.met(codes) - (terms.EMERGENCY if no.emergencies else frozenset())


def _asked(yes: Plain) -> frozenset[str]:
    """The purposes of requests that a yes permits."""
    if yes.effect == "emergency-yes":
        return terms.EMERGENCY
    codes = [code for purpose in yes.purposes for code in PURPOSES[purpose]]
    return (terms.covered(codes) if codes else terms.CARE) - terms.EMERGENCY


def _same(one: Party, other: Party) -> bool:
    """Whether somebody may be both: a house and who works there are."""
    within = not (one.practitioner and other.practitioner) or one.practitioner == other.practitioner
    return one.organisation == other.organisation and within
