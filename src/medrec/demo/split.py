"""Split real FHIR bundles between the hospitals of a demo network.

A FHIR R4 transaction Bundle of one person (plain JSON or gzip, `urn:uuid:` references, its Organization and
Practitioner entries inside) holds what many organisations recorded. `split` hands every record to the demo
hospital that stands for the organisation that made it, so that one person's record lies in several places.

A record's text is cut out of the file and only its references are rewritten: number literals (`7.10`), key
order and white space stay as the file has them, because the hash of a record depends on its literals.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

# Who works where is not a person's record: such resources follow whatever refers to them, to every hospital.
DIRECTORY_TYPES = frozenset({"Organization", "Practitioner", "PractitionerRole", "Location", "Medication"})
SHARED_TYPES = DIRECTORY_TYPES | {"Patient"}

# Stands for "no organisation named" when a person has no encounter with a service provider at all.
NO_ORGANISATION = ""

_REFERENCE = re.compile(rb'"reference"(\s*:\s*)("(?:[^"\\]|\\.)*")')


class BrokenBundleError(ValueError):
    """The file is not a bundle of one person that can be split; the text says why."""


@dataclass(frozen=True)
class SplitPerson:
    """Whose bundle it was: Patient id, official name as text, birth date (`YYYY-MM-DD`, empty if unknown)."""

    id: str
    name: str
    birth_date: str


@dataclass(frozen=True)
class SplitResource:
    """One record: FHIR type, id, and its JSON text with references of the form `Type/id`."""

    type: str
    id: str
    raw: bytes


@dataclass(frozen=True)
class SplitBundle:
    """What one hospital has of one person, in the order of the source file.

    `elsewhere` lists references (`Type/id`) of these records to records that another hospital holds.
    """

    hospital: str
    person: SplitPerson
    resources: tuple[SplitResource, ...]
    elsewhere: tuple[str, ...]

    def bundle(self, base: str) -> bytes:
        """Return a FHIR transaction Bundle (PUT per record) with `fullUrl` below `base`, records verbatim."""
        entries = [
            b'{"fullUrl":%s,"resource":%s,"request":{"method":"PUT","url":%s}}'
            % (_text(f"{base}/{r.type}/{r.id}"), r.raw, _text(f"{r.type}/{r.id}"))
            for r in self.resources
        ]
        return b'{"resourceType":"Bundle","type":"transaction","entry":[\n' + b",\n".join(entries) + b"\n]}\n"


@dataclass(frozen=True)
class BrokenBundle:
    """A file that was left out, and why."""

    path: Path
    reason: str


@dataclass
class _Resource:
    type: str
    id: str
    raw: bytes
    data: dict[str, Any]
    references: list[str]

    @property
    def key(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass
class _Record:
    """One person's bundle, read: resources in file order and, by `Type/id`, the organisation of each."""

    person: SplitPerson
    resources: list[_Resource]
    home: str = NO_ORGANISATION
    organisation: dict[str, str] = field(default_factory=dict)


class _Request(msgspec.Struct):
    method: str = ""


class _Entry(msgspec.Struct):
    resource: msgspec.Raw
    fullUrl: str = ""  # noqa: N815 (the FHIR name)
    request: _Request | None = None


class _Bundle(msgspec.Struct):
    resourceType: str  # noqa: N815 (the FHIR name)
    entry: list[_Entry]


def bundle_files(folder: Path) -> list[Path]:
    """Return the bundle files (`*.json`, `*.json.gz`) directly inside a folder, ordered by name."""
    return sorted(p for p in folder.iterdir() if p.name.endswith((".json", ".json.gz")))


def split(paths: Iterable[Path], hospitals: Sequence[str]) -> Iterator[SplitBundle | BrokenBundle]:
    """Yield, file by file, one `SplitBundle` per hospital that has something of the person.

    The files are read twice: once to count what each source organisation recorded, once to hand it out, so
    memory holds one bundle at a time. A file that cannot be split yields one `BrokenBundle` instead and
    stops nothing. Every record that is not of `SHARED_TYPES` goes to exactly one hospital.

    Raises ValueError when `hospitals` is empty or names one twice.
    """
    files = list(paths)
    mapping = map_organisations(count_records(files), hospitals)
    for path in files:
        try:
            record = _read(path)
        except BrokenBundleError as error:
            yield BrokenBundle(path, str(error))
            continue
        yield from _hand_out(record, mapping, hospitals)


def count_records(paths: Iterable[Path]) -> dict[str, int]:
    """Return how many records (not of `SHARED_TYPES`) each source organisation made, by Organization id."""
    counts: dict[str, int] = {}
    for path in paths:
        try:
            record = _read(path)
        except BrokenBundleError:
            continue  # `split` reports it when its turn comes
        counts.setdefault(record.home, 0)
        for organisation in record.organisation.values():
            counts[organisation] = counts.get(organisation, 0) + 1
    return counts


def map_organisations(counts: Mapping[str, int], hospitals: Sequence[str]) -> dict[str, str]:
    """Map source organisations to hospitals: largest first to the least loaded hospital, ties by id.

    Raises ValueError when `hospitals` is empty or names one twice.
    """
    if not hospitals or len(set(hospitals)) != len(hospitals):
        raise ValueError("hospitals must be one or more different names")
    load = dict.fromkeys(hospitals, 0)
    mapping: dict[str, str] = {}
    for organisation, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        hospital = min(load, key=lambda name: (load[name], name))
        mapping[organisation] = hospital
        load[hospital] += count
    return mapping


def _hand_out(record: _Record, mapping: Mapping[str, str], hospitals: Sequence[str]) -> Iterator[SplitBundle]:
    by_key = {r.key: r for r in record.resources}
    place = {key: mapping[organisation] for key, organisation in record.organisation.items()}
    home = mapping[record.home]
    patient = next(r.key for r in record.resources if r.type == "Patient")
    keep: dict[str, set[str]] = {hospital: set() for hospital in (*place.values(), home)}
    for hospital, keys in keep.items():
        keys.add(patient)
        keys.update(key for key, where in place.items() if where == hospital)
        _follow(keys, by_key)
    followed = set().union(*keep.values())
    # A directory entry that nothing refers to still has to go somewhere, or the split would lose it.
    keep[home].update(r.key for r in record.resources if r.key not in followed)
    for hospital in hospitals:
        if hospital not in keep:
            continue
        chosen = [r for r in record.resources if r.key in keep[hospital]]
        named = {ref for r in chosen for ref in r.references}
        yield SplitBundle(
            hospital,
            record.person,
            tuple(SplitResource(r.type, r.id, r.raw) for r in chosen),
            tuple(sorted(ref for ref in named if ref in by_key and ref not in keep[hospital])),
        )


def _follow(keys: set[str], by_key: Mapping[str, _Resource]) -> None:
    """Add the directory resources that `keys` refer to, directly or through one another."""
    waiting = list(keys)
    while waiting:
        for reference in by_key[waiting.pop()].references:
            target = by_key.get(reference)
            if target is not None and target.type in DIRECTORY_TYPES and reference not in keys:
                keys.add(reference)
                waiting.append(reference)


def _read(path: Path) -> _Record:
    """Read one bundle file; raises BrokenBundleError with the reason."""
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        bundle = msgspec.json.decode(raw, type=_Bundle)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenBundleError(f"the file cannot be read: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenBundleError(f"not a FHIR Bundle in JSON: {error}") from error
    if bundle.resourceType != "Bundle":
        raise BrokenBundleError(f"resourceType is {bundle.resourceType!r}, not 'Bundle'")
    resources = _resources(bundle)
    patients = [r for r in resources if r.type == "Patient"]
    if len(patients) != 1:
        raise BrokenBundleError(f"{len(patients)} Patient resources where exactly one is needed")
    record = _Record(_person(patients[0]), resources)
    _assign(record)
    return record


def _resources(bundle: _Bundle) -> list[_Resource]:
    found: list[tuple[str, _Resource]] = []
    for number, entry in enumerate(bundle.entry):
        found.append((entry.fullUrl, _resource(number, entry)))
    targets: dict[str, str] = {}
    for url, resource in found:
        # Some writers leave fullUrl out of an entry nobody refers to: only a named one can be a target.
        for name in {url, resource.key} - {""}:
            if name in targets:
                raise BrokenBundleError(f"{name} occurs twice")
            targets[name] = resource.key
    for _, resource in found:
        _rewrite(resource, targets)
    return [resource for _, resource in found]


def _resource(number: int, entry: _Entry) -> _Resource:
    raw = bytes(entry.resource)
    data = msgspec.json.decode(raw)
    if not isinstance(data, dict) or not isinstance(data.get("resourceType"), str):
        raise BrokenBundleError(f"entry {number} holds no FHIR resource")
    if entry.request is not None and entry.request.method not in ("POST", "PUT"):
        raise BrokenBundleError(f"entry {number} asks for {entry.request.method}, only POST and PUT can be split")
    identifier = data.get("id")
    if identifier is None and entry.fullUrl.startswith("urn:uuid:"):
        identifier = entry.fullUrl.removeprefix("urn:uuid:")
        raw = b'{"id":' + _text(identifier) + b"," + raw[1:].lstrip()
    if not isinstance(identifier, str) or not identifier:
        raise BrokenBundleError(f"entry {number} ({data['resourceType']}) has neither id nor urn:uuid fullUrl")
    return _Resource(data["resourceType"], identifier, raw, data, [])


def _rewrite(resource: _Resource, targets: Mapping[str, str]) -> None:
    """Turn every reference into `Type/id`, in the parsed value and in the text, and list them."""
    replaced = 0
    for holder in _reference_holders(resource.data):
        reference = holder["reference"]
        if reference in targets:
            holder["reference"] = targets[reference]
            replaced += reference != targets[reference]
        elif reference.startswith("urn:"):
            raise BrokenBundleError(f"{resource.key} refers to {reference}, which the bundle does not hold")
        resource.references.append(holder["reference"])
    count = 0

    def change(match: re.Match[bytes]) -> bytes:
        nonlocal count
        old = msgspec.json.decode(match[2], type=str)
        if targets.get(old, old) == old:
            return match[0]
        count += 1
        return b'"reference"' + match[1] + _text(targets[old])

    resource.raw = _REFERENCE.sub(change, resource.raw)
    if count != replaced:
        # For example the key itself written with an escape. Never guess: the text would be half rewritten.
        raise BrokenBundleError(f"{resource.key} writes its references in a form that cannot be rewritten")


def _reference_holders(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for item in value.values():
            yield from _reference_holders(item)
    elif isinstance(value, list):
        for item in value:
            yield from _reference_holders(item)


def _assign(record: _Record) -> None:
    """Find the home organisation and the organisation of every record that is not shared."""
    by_key = {r.key: r for r in record.resources}
    visits: dict[str, int] = {}
    for r in record.resources:
        if r.type == "Encounter":
            provider = _target(r.data.get("serviceProvider"))
            if provider is not None:
                visits[provider] = visits.get(provider, 0) + 1
    if visits:
        home = min(visits, key=lambda name: (-visits[name], name))
    else:
        patient = next(r for r in record.resources if r.type == "Patient")
        home = _target(patient.data.get("managingOrganization")) or NO_ORGANISATION
    record.home = home.removeprefix("Organization/")
    for r in record.resources:
        if r.type not in SHARED_TYPES:
            organisation = _organisation(r, by_key, set()) or home
            record.organisation[r.key] = organisation.removeprefix("Organization/")


def _organisation(r: _Resource, by_key: Mapping[str, _Resource], seen: set[str]) -> str | None:
    """Return `Organization/id` of the visit a record belongs to, or None when it names no visit."""
    if r.type == "Encounter":
        return _target(r.data.get("serviceProvider"))
    seen.add(r.key)
    for reference in _visit_references(r.data):
        target = by_key.get(reference)
        if target is not None and target.key not in seen and target.type in ("Encounter", "Claim"):
            found = _organisation(target, by_key, seen)
            if found is not None:
                return found
    return None


def _visit_references(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the references that lead to the visit: encounter, context, items of a claim, the claim."""
    context = data.get("context")
    places = [data.get("encounter"), context]
    if isinstance(context, dict):
        places.append(context.get("encounter"))
    items = data.get("item")
    places += [item.get("encounter") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    places.append(data.get("claim"))
    for place in places:
        for one in place if isinstance(place, list) else [place]:
            reference = _target(one)
            if reference is not None:
                yield reference


def _target(value: object) -> str | None:
    reference = value.get("reference") if isinstance(value, dict) else None
    return reference if isinstance(reference, str) else None


def _person(patient: _Resource) -> SplitPerson:
    names = [n for n in patient.data.get("name") or [] if isinstance(n, dict)]
    name = next((n for n in names if n.get("use") == "official"), names[0] if names else {})
    text = name.get("text") or " ".join([*(name.get("given") or []), name.get("family") or ""]).strip()
    birth = patient.data.get("birthDate")
    return SplitPerson(patient.id, str(text), birth if isinstance(birth, str) else "")


def _text(value: str) -> bytes:
    return msgspec.json.encode(value)
