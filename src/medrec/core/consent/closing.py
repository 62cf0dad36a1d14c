"""Whether a no leaves nothing of a yes: what a page may call closed.

A no at the same place goes before a yes, whichever was said first (docs/spec/decision.md).
"""

from medrec.core.consent.plain import Plain


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
