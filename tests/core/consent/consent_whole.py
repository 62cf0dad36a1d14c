"""The second interpreter, of a request as a whole: whether denials in doubt meet all that could be permitted, whatever
the records hold. Straight from the text of docs/spec/decision.md ("Deciding"), and nothing of `medrec`.
"""

from typing import NamedTuple

from consent_codes import PROFILES, RESOURCE_TYPES, TYPES, Json, is_known, system_name
from consent_interpreter import conditions, part_of, tops_of

OF_REQUESTS = ("period", "action", "purpose")
OF_RECORDS = ("class", "resourceType", "documentType", "securityLabel", "code", "dataPeriod", "data")


class Said(NamedTuple):
    """A provision with all above it: what it says, whether it is about this request (None: nobody knows), what it asks
    of a record, and what its exceptions say."""

    effect: str
    holds: bool | None
    asks: list[tuple[str, Json]]
    exceptions: list["Said"]


def refused_whole(consents: list[Json], request: Json, now: int) -> bool:
    """Whether for one of its purposes nothing could be permitted but what denials in doubt meet."""
    return any(_shut(consents, {**request, "purpose": purpose, "now": now}) for purpose in request["purposes"])


def _shut(consents: list[Json], facts: Json) -> bool:
    said: list[Said] = []
    for consent in consents:
        read = None
        if consent.get("revoked") is None or facts["now"] < consent["revoked"]:
            read = tops_of(consent["resource"])
        if read is None:
            continue
        tops, base, above, silent = read
        said += [one for top in tops for one in _walk(top, above, facts, silent)]
        if base == "permit" and _about(above, "permit", facts, silent):
            said.append(Said("permit", True, [], []))
    denials = [one for one in said if one.effect == "deny" and one.holds is not False and not _spared(one)]
    permits = [one for one in said if one.effect == "permit" and one.holds]
    in_doubt = False
    for permit in permits:
        meeting = [denial for denial in denials if all(ask in permit.asks or _blind(*ask) for ask in denial.asks)]
        if not meeting:
            return False
        in_doubt |= all(one.holds is None or any(_blind(*ask) for ask in one.asks) for one in meeting)
    return in_doubt


def _walk(provision: Json, above: list[Json], facts: Json, silent: set[str]) -> list[Said]:
    path = [*above, provision]
    below = [_walk(child, path, facts, silent) for child in provision.get("provision", [])]
    # A label in a permit is one up to which, and in a denial one from which on.
    asks = [
        (name, [one["type"], one[name]] if name == "securityLabel" else one[name])
        for one in path
        for name in OF_RECORDS
        if name in one
    ]
    asks += [("author", actor) for one in path for actor in one.get("actor", []) if part_of(actor) == "authors"]
    own = Said(provision["type"], _about(path, provision["type"], facts, silent), asks, [one[0] for one in below])
    return [own, *(one for found in below for one in found)]


def _about(path: list[Json], effect: str, facts: Json, silent: set[str]) -> bool | None:
    """What a path asks of the request alone."""
    answers: list[bool | None] = []
    for one in path:
        kept = {name: one[name] for name in OF_REQUESTS if name in one}
        kept["actor"] = [actor for actor in one.get("actor", []) if part_of(actor) != "authors"]
        answers += conditions(kept, effect, {**facts, "record": None})
    if effect == "permit" and not any("purpose" in one for one in path):
        answers.append(facts["purpose"] in silent)
    return False if False in answers else None if None in answers else True


def _spared(denial: Said) -> bool:
    return any(one.holds or (one.holds is None and one.effect == "deny") for one in denial.exceptions)


def _blind(name: str, asked: Json) -> bool:
    """Whether a condition is in doubt, or met, whatever a record holds."""
    if name == "code":
        return any(not is_known(system_name(coding["system"])) for concept in asked for coding in concept["coding"])
    if name not in ("class", "resourceType", "documentType"):
        return False
    for coding in asked:
        system = system_name(coding["system"])
        if system == PROFILES or not is_known(system) or (system == RESOURCE_TYPES and coding["code"] not in TYPES):
            return True
    return False
