"""The labels of records that refer to each other."""

from collections.abc import Iterable, Mapping
from typing import Any

from medrec.core.consent.label_elements import WHO
from medrec.core.consent.labels import NONE, Labeller, Labels, local, pieces


def label_all(labeller: Labeller, resources: Iterable[Mapping[str, Any]]) -> dict[str, Labels]:
    """The labels of records that may refer to each other, by "Type/id".

    Labels go along clinical references (a reason, a result, a part) until nothing changes any more.
    """
    records = {f"{one.get('resourceType')}/{one.get('id')}": one for one in resources}
    pointing: dict[str, set[str]] = {}
    for name, record in records.items():
        for literal in references(record):
            pointing.setdefault(local(literal), set()).add(name)
    found = {name: labeller.label(records[name]) for name in sorted(records)}
    changed = {name for name in records if found[name] != NONE}
    while changed:
        affected = {other for name in sorted(changed) for other in sorted(pointing.get(name, ()))}
        again = {name: labeller.label(records[name], found) for name in sorted(affected)}
        changed = {name for name in again if again[name][:2] != found[name][:2]}
        found.update(again)
    return found


def without_who(labeller: Labeller, resource: Mapping[str, Any]) -> Labels:
    """The labels that a record has from all but who somebody is to her, and what a team is called (`WHO`)."""
    found, who = NONE, WHO.get(str(resource.get("resourceType")), frozenset())
    for name in sorted(resource):
        for path, item in pieces(name, resource[name]) if name not in who else ():
            found = found.joined(labeller.label_part(path, name, item, resource))
    return found


def references(value: Any) -> list[str]:
    """Every literal reference below a value."""
    if type(value) is list:
        return [found for item in value for found in references(item)]
    if type(value) is not dict:
        return []
    literal = value.get("reference")
    own = [literal] if type(literal) is str else []
    return own + [found for item in value.values() for found in references(item)]
