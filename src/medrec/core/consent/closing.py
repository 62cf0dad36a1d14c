"""Whether a no leaves nothing of a yes, or takes anything of it: what a page may call closed, and what it says beside a
yes that stands.

A no at the same place goes before a yes, whichever was said first (docs/spec/decision.md).
"""

from typing import Literal

import msgspec

from medrec.core.consent import terms
from medrec.core.consent.plain import PURPOSES, Party, Plain


def closes(no: Plain, yes: Plain) -> bool:
    """Whether a no that goes on closes the whole of a yes: to everybody whom it names, of all that it opens, for every
    purpose. What is meant for emergencies alone is closed by what is said of emergencies; a no with `emergencies`
    leaves those as they are."""
    if no.about or no.purposes or no.since or no.before or no.until:
        return False
    if no.kinds and not (yes.kinds and set(yes.kinds) <= set(no.kinds)):
        return False
    if yes.effect == "emergency-yes":
        return no.effect == "emergency-no" or (no.effect == "withhold" and not no.emergencies and not no.to)
    # A no to somebody closes nothing to her organisation.
    houses = {party.organisation for party in no.to if not party.practitioner}
    named = {party.organisation for party in yes.to}
    return no.effect == "withhold" and (not no.to or (bool(named) and named <= houses))


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
