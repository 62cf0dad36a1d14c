"""A second interpreter of consents, slow and separate: straight from the text of docs/spec/decision.md.

It reads FHIR JSON as it stands, builds no rules, keeps no index, and takes nothing from `medrec`: codes come from
tests/vectors/decision/basis.json. Facts are plain dictionaries, as in tests/vectors/decision.
"""

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache

from consent_codes import (
    ABOVE,
    BASIS,
    PROFILES,
    RESOURCE_TYPES,
    TYPES,
    Json,
    is_known,
    media_may_be,
    system_name,
    token,
)

CARE, RESEARCH, PURPOSES_BELOW = set(BASIS["care"]), set(BASIS["research"]), BASIS["purposes"]
CONFIDENTIALITY_ORDER = BASIS["confidentiality"]
DAY = 86_400_000


def interpret(consents: list[Json], floor: list[Json], request: Json, record: Json, now: int) -> str:
    """The verdict about one record. `consents`: {"id", "resource", "revoked"?}; `floor`: {"labels", ...}."""
    if not request["purposes"]:
        return "indeterminate"
    verdicts = [_purpose(consents, floor, request, record, now, purpose) for purpose in request["purposes"]]
    for verdict in sorted(verdicts):
        if verdict != "permit":
            return next(v for p, v in sorted(zip(request["purposes"], verdicts, strict=True)) if v != "permit")
    return "permit"


def _purpose(consents: list[Json], floor: list[Json], request: Json, record: Json, now: int, purpose: str) -> str:
    facts = {**request, "purpose": purpose, "now": now, "record": record}
    found: list[tuple[str, str, int, bool]] = []  # strength, effect, dated, sure
    doubtful_permit = False
    named: set[str] = set()
    for consent in {consent["id"]: consent for consent in consents}.values():
        if consent.get("revoked") is not None and now >= consent["revoked"]:
            continue
        statements, doubt, names = _consent(consent["resource"], facts)
        found += statements
        doubtful_permit |= doubt
        named |= names
    for law in floor:
        if law["purposes"] is not None and not _purposes(list(law["purposes"]), purpose, "deny"):
            continue
        if set(law["lifted"]) & named:
            continue
        labels = record["labels"]
        if labels is None or set(law["labels"]) & _all_labels(labels + _possible(record)):
            sure = labels is not None and bool(set(law["labels"]) & _all_labels(labels))
            found.append(("floor", "deny", 0, sure))
    for strength in ("floor", "explicit", "provision", "base"):
        if strength == "explicit":
            counting = [one for one in found if one[0] == "provision" and one[1] == "deny"]
        else:
            counting = [one for one in found if one[0] == strength]
        if strength == "base" and counting:
            newest = max(one[2] for one in counting)
            counting = [one for one in counting if one[2] == newest]
        if not counting:
            continue
        denies = [one for one in counting if one[1] == "deny"]
        if not denies:
            return "permit"
        doubts = doubtful_permit or any(not one[3] for one in found)
        return "deny" if any(one[3] for one in denies) or not doubts else "indeterminate"
    return "indeterminate" if doubtful_permit else "deny"


def _consent(resource: Json, facts: Json) -> tuple[list[tuple[str, str, int, bool]], bool, set[str]]:
    """What one consent says: its statements, whether a permit of it is in doubt, and the labels its permits name."""
    read = tops_of(resource)
    if read is None:
        return [], False, set()
    tops, base, above, silent = read
    dated = start_of(resource.get("date" if "decision" in resource else "dateTime", "1970"))
    walk = _Walk(facts, silent)
    counted = False
    for top in tops:
        counted |= walk.count(top, above)
    statements = [(strength, effect, dated, sure) for strength, effect, sure in walk.statements]
    if base is not None and not counted:
        holds = _path(above, base, facts, silent)
        general = base == "permit" or any(top["type"] != base for top in tops)
        if holds:
            statements.append(("base" if general else "provision", base, dated, True))
    return statements, walk.doubtful_permit, walk.named


def tops_of(resource: Json) -> tuple[list[Json], str | None, list[Json], set[str]] | None:
    """The provisions at the top, each with its direction; what is said of all the rest; what stands above them all; and
    what a permit without a purpose is for. None: it says nothing."""
    if resource["status"] != "active":
        return None
    if "decision" in resource:
        base, above = resource["decision"], [{"period": resource["period"]}] if "period" in resource else []
        return [_typed(provision, _flip(base)) for provision in resource.get("provision", [])], base, above, CARE
    scope = resource["scope"]["coding"][0]["code"]
    if scope not in ("patient-privacy", "research"):
        return None
    rule = resource.get("policyRule", {}).get("coding", [{}])[0].get("code")
    default = {"OPTIN": "permit", "OPTOUT": "deny"}.get(rule)
    root = resource.get("provision")
    tops = [] if root is None else [{**root, "type": root.get("type", default)}]
    base = default if root is None or default != tops[0]["type"] else None
    if root is not None and default == "deny" and root.get("type") == "deny":
        base = "deny"
    return tops, base, [], RESEARCH if scope == "research" else CARE


def _typed(provision: Json, effect: str) -> Json:
    """An R5 provision with its direction written out: each level is the contrary of the level above."""
    below = [_typed(child, _flip(effect)) for child in provision.get("provision", [])]
    return {**provision, "type": effect, "provision": below}


def _flip(effect: str) -> str:
    return "deny" if effect == "permit" else "permit"


class _Walk:
    def __init__(self, facts: Json, silent: set[str]) -> None:
        self.facts = facts
        self.silent = silent
        self.statements: list[tuple[str, str, bool]] = []
        self.doubtful_permit = False
        self.named: set[str] = set()

    def count(self, provision: Json, above: list[Json]) -> bool:
        """Whether the provision matches, with everything above it; it counts where no exception to it does."""
        path, effect = [*above, provision], provision["type"]
        excepted = False
        for child in provision.get("provision", []):
            excepted |= self.count(child, path)
        holds = _path(path, effect, self.facts, self.silent)
        if effect == "permit" and holds is None:
            self.doubtful_permit = True
        if effect == "permit" and holds:
            self.named |= {label["code"] for part in path for label in part.get("securityLabel", [])}
        matches = bool(holds) or (holds is None and effect == "deny")
        if matches and not excepted:
            somebody = any(part_of(actor) == "recipients" for part in path for actor in part.get("actor", []))
            strength = "base" if effect == "permit" and not somebody else "provision"
            self.statements.append((strength, effect, holds is True))
        return matches


def _path(path: list[Json], effect: str, facts: Json, silent: set[str]) -> bool | None:
    """All conditions of all provisions on the way: false if one is false, else unknown if one is unknown."""
    answers = [answer for provision in path for answer in conditions(provision, effect, facts)]
    if effect == "permit" and not any("purpose" in provision for provision in path):
        answers.append(facts["purpose"] in silent)
    return False if False in answers else None if None in answers else True


def conditions(rule: Json, effect: str, facts: Json) -> list[bool | None]:
    record, found = facts["record"], []
    if "period" in rule:
        found.append(start_of(rule["period"].get("start", "0001")) <= facts["now"] < end_of(rule["period"].get("end")))
    for part in ("recipients", "custodians", "authors") if "actor" in rule else ():
        actors = [actor for actor in rule["actor"] if part_of(actor) == part]
        if actors:
            answers = [_actor(actor, part, facts) for actor in actors]
            found.append(True if True in answers else None if None in answers else False)
    if "action" in rule:
        named = {coding["code"] for action in rule["action"] for coding in action["coding"]}
        done = {facts["action"]} if isinstance(facts["action"], str) else set(facts["action"])
        found.append(done <= named if effect == "permit" else bool(named & (done | set(facts["touches"]))))
    if "purpose" in rule:
        found.append(_purposes([purpose["code"] for purpose in rule["purpose"]], facts["purpose"], effect))
    for name in ("class", "resourceType", "documentType"):
        if name in rule:
            found.append(_class(rule[name], record))
    if "securityLabel" in rule:
        found.append(_label(rule["securityLabel"], record, rule["type"]))
    if "code" in rule:
        wanted = {_token(coding) for concept in rule["code"] for coding in concept["coding"]}
        found.append(_coded(wanted, record["codes"]))
    if "dataPeriod" in rule:
        found.append(_dated(rule["dataPeriod"], record["dates"], effect))
    if "data" in rule:
        answers = [_data(data["meaning"], data["reference"]["reference"], record) for data in rule["data"]]
        found.append(True if True in answers else None if None in answers else False)
    return found


def _purposes(named: list[str], asked: str, effect: str) -> bool:
    """A permit covers what lies below it; a denial also meets what covers something of that, and may be it."""
    covered = {one for code in named for one in PURPOSES_BELOW[code]}
    may_be = {asked}
    if effect == "deny":
        may_be = set(PURPOSES_BELOW.get(asked, [asked]))
        if asked == "TREAT":
            may_be -= set(BASIS["emergency"])
        if asked == "PATRQT":
            may_be = {asked}
    return bool(covered & may_be)


def _class(classes: list[Json], record: Json) -> bool | None:
    """A type by its name, or what a document is; what is no type of FHIR's, or a profile, may be any record."""
    types = {coding["code"] for coding in classes if system_name(coding["system"]) == RESOURCE_TYPES}
    if record["type"] in types:
        return True
    others = {_token(coding) for coding in classes if system_name(coding["system"]) != RESOURCE_TYPES}
    sure = None if record["codes"] is None and others else _coded(others, record["kinds"])
    if sure is not True and (not types <= TYPES or any(one.startswith(f"{PROFILES}|") for one in others)):
        return None
    return sure


def _coded(wanted: set[str], carried: list[str] | None) -> bool | None:
    if carried is None:
        return None
    held = {token(*one.split("|", 1)) for one in carried}
    if wanted & held:
        return True
    for one in sorted(wanted):
        system, code = one.split("|", 1)
        if not is_known(system):
            return None
        for other in held:
            its_system, its_code = other.split("|", 1)
            if its_code == code and not is_known(its_system):
                return None
            if its_system == system and its_code.upper() == code.upper():
                return None
        if any(media_may_be(one, other) for other in held):
            return None
    return False


def part_of(actor: Json) -> str:
    codes = [coding["code"] for coding in actor.get("role", {}).get("coding", [])]
    return "custodians" if "CST" in codes else "authors" if "AUT" in codes else "recipients"


def _actor(actor: Json, part: str, facts: Json) -> bool | None:
    reference = actor.get("reference", {}).get("reference")
    if part == "custodians":
        return reference in facts["custodian"] or (None if reference in facts["unheld"] else False)
    if part == "authors":
        return _authored(reference, facts["record"])
    codings = actor.get("role", {}).get("coding", [])
    roles = [_token(coding) for coding in codings if "ParticipationType" not in coding["system"]]
    who: bool | None = reference is None or reference in facts["references"]
    if not who and reference in facts["unresolved"]:
        who = None
    what: bool | None = not roles or bool(set(roles) & set(facts["roles"]))
    if not what and (
        not facts["roles"] or any(_one_profession(role, held) for role in roles for held in facts["roles"])
    ):
        what = None
    return False if False in (who, what) else None if None in (who, what) else True


def _one_profession(named: str, held: str) -> bool:
    """Whether two roles may be one: not where both are in the table, in different professions."""
    first, second = _profession(named), _profession(held)
    return first == second or None in (first, second)


def _profession(role: str) -> str | None:
    for name, tokens in BASIS["professions"].items():
        if any(fnmatchcase(role, one) for one in tokens):
            return str(name)
    return None


def _label(labels: list[Json], record: Json, effect: str) -> bool | None:
    if record["labels"] is None:
        return None
    answers = {_label_of(labels, record["labels"], effect)}
    possible = _possible(record)
    if possible:
        # Whichever of them it carries, alone or together: only what holds for each of these holds.
        answers |= {_label_of(labels, record["labels"] + [label], effect) for label in possible}
        answers.add(_label_of(labels, record["labels"] + possible, effect))
    return answers.pop() if len(answers) == 1 else None


def _possible(record: Json) -> list[str]:
    """What the record may be about besides: what is said of it, and what its labels may stand for."""
    why = _all_labels(record["labels"])
    labels = [label for label in record["labels"] if not (why and label in CONFIDENTIALITY_ORDER)]
    near = {may for label in labels for may in BASIS["may_be"].get(label, ())}
    return sorted(near | set(record.get("may", [])))


def _label_of(labels: list[Json], carried_labels: list[str], effect: str) -> bool:
    carried = _all_labels(carried_labels)
    order = CONFIDENTIALITY_ORDER.index
    levels = [order(label) for label in carried_labels if label in CONFIDENTIALITY_ORDER]
    level = max([*levels, order("R")] if carried else levels or [order("N")])
    for label in labels:
        if "Confidentiality" not in label["system"]:
            if label["code"] in carried:
                return True
        elif level <= order(label["code"]) if effect == "permit" else level >= order(label["code"]):
            return True
    return False


def _all_labels(labels: list[str]) -> set[str]:
    return {above for label in labels for above in ABOVE.get(label, ())}


def _dated(period: Json, dates: list[int] | None, effect: str) -> bool | None:
    if dates is None:
        return None
    start, end = start_of(period.get("start", "0001")), end_of(period.get("end"))
    if effect == "permit":
        return start <= dates[0] and dates[1] <= end
    return dates[0] < end and start < dates[1]


def _data(meaning: str, pointed: str, record: Json) -> bool | None:
    if meaning == "authoredby":
        return _authored(pointed, record)
    if pointed == f"{record['type']}/{record['id']}":
        return True
    if meaning == "instance":
        return False
    others = record["referred"] if meaning == "related" else record["refers"]
    return None if others is None else pointed in others


def _authored(named: str, record: Json) -> bool | None:
    """Whether somebody wrote it: nobody named may be anybody; a reference of another form may mean her."""
    answers = [_same(named, author) for author in record["authors"] or []]
    if not answers:
        return None
    if named in (record["refers"] or []):
        answers.append(None)
    return True if True in answers else None if None in answers else False


def _same(one: str, other: str) -> bool | None:
    if one == other:
        return True
    forms = [re.fullmatch(r"(https?://.*/)?([A-Za-z]+)/([A-Za-z0-9.-]+)", name) for name in (one, other)]
    if forms[0] is None or forms[1] is None:
        return None
    (_, kind, name), (_, its_kind, its_name) = forms[0].groups(), forms[1].groups()
    if kind != its_kind:
        return None if {kind, its_kind} & {"CareTeam", "Group", "Person", "PractitionerRole"} else False
    return None if name == its_name else False


def _token(coding: Json) -> str:
    return token(coding["system"], coding["code"])


@cache
def start_of(text: str) -> int:
    full = text + "0000-01-01"[len(text) :] if len(text) < 10 else text
    moment = datetime.fromisoformat(full)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def end_of(text: str | None) -> int:
    if text is None:
        return 1 << 62
    if len(text) == 4:
        return start_of(str(int(text) + 1).zfill(4))
    if len(text) == 7:
        year, month = int(text[:4]), int(text[5:])
        return start_of(f"{year + month // 12:04}-{month % 12 + 1:02}")
    return start_of(text) + (DAY if len(text) == 10 else 1000)
