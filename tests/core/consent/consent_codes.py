"""The codes of the verdict suite, for its second interpreter: from basis.json and README.md there, and nothing else."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SUITE = Path(__file__).resolve().parents[2] / "vectors" / "decision"
BASIS: Json = json.loads((SUITE / "basis.json").read_text(encoding="utf-8"))

TYPES = set(BASIS["types"])
RESOURCE_TYPES, PROFILES = "http://hl7.org/fhir/resource-types", "urn:ietf:rfc:3986"
ICD = [f"http://hl7.org/fhir/sid/icd-{one}" for one in ("10", "10-cm", "9-cm", "10-nl", "10-am")]
ICD.append("http://fhir.de/codesystem/bfarm/icd-10-gm")
HL7 = "http://terminology.hl7.org/CodeSystem/"
ABOVE = {
    code: {other for other, below in BASIS["sensitivities"].items() if code in below} for code in BASIS["sensitivities"]
}
_NAMES = {
    (f"urn:oid:{other}" if re.fullmatch(r"[0-9.]+", other) else other): name
    for name, others in BASIS["systems"].items()
    for other in [*others, name.lower()]
}


def system_name(system: str) -> str:
    """The one name of a code system (README.md, "Codes")."""
    name = system.strip().split("|")[0].rstrip("/")
    if re.fullmatch(r"[0-2](\.\d+){3,}", name):
        name = f"urn:oid:{name}"
    name = re.sub(r"^https?://", "http://", name, flags=re.I)
    name = re.sub(r"^http://hl7\.org/fhir/(v[23])/", lambda found: f"{HL7}{found[1]}-", name)
    low = "http://snomed.info/sct" if name.lower().startswith("http://snomed.info/sct/") else name.lower()
    for one in (low, low.replace("http://www.", "http://"), low.replace("http://", "http://www.")):
        if one in _NAMES:
            return _NAMES[one]
    return name


def is_known(system: str) -> bool:
    """Whether a code system, by its one name, is known to the suite."""
    low = system.lower()
    if low in _NAMES:
        return True
    if re.match(r"http://hl7\.org/fhir/(.*/)?(sid|valueset|structuredefinition)(/|$)", low):
        return False
    return low.startswith(("http://terminology.hl7.org/", "http://hl7.org/fhir/", "urn:iso:", "urn:ietf:"))


def token(system: str, code: str) -> str:
    """A code as it is compared, "system|code"."""
    shown = [one for one in unicodedata.normalize("NFKC", code) if unicodedata.category(one) not in ("Cf", "Cc")]
    name, code = system_name(system), "".join(shown).strip()
    if name in ICD:
        code = "".join(code.replace(".", "").split()).upper()
    elif name == "http://hl7.org/fhir/sid/ndc":
        code = _ndc(code)
    elif name == "urn:ietf:bcp:13":
        code = code.split(";")[0].strip().lower()
    elif name == PROFILES:
        code = code.split("|")[0]
    return f"{name}|{code}"


def _ndc(code: str) -> str:
    """An NDC with hyphens in its eleven digits; one without that has ten stays."""
    parts = code.split("-")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        return parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2)
    return code


def media_may_be(named: str, carried: str) -> bool:
    """Whether what is of one media type may be of another: XML of no said kind, and bytes."""
    if not (named.startswith("urn:ietf:bcp:13|") and carried.startswith("urn:ietf:bcp:13|")):
        return False
    types = {named.split("|")[1], carried.split("|")[1]}
    if types & {"", "application/octet-stream", "application/x-octet-stream", "binary/octet-stream"}:
        return True
    return all(one.endswith("xml") for one in types) and bool(types & {"application/xml", "text/xml"})
