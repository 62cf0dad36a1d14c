"""When what a record tells of was so: its clinical time, by its type."""

from collections.abc import Mapping
from typing import Any

from medrec.core.consent.times import EVER, Span, read_period, read_time

CLINICAL_DATES: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("onset", "recordedDate"),
    "Appointment": ("start",),
    "CarePlan": ("period", "created"),
    "CareTeam": ("period",),
    "Claim": ("billablePeriod", "item.serviced", "created"),
    "ClinicalImpression": ("effective", "date"),
    "Communication": ("sent", "received"),
    "Composition": ("date",),
    "Condition": ("onset", "recordedDate"),
    "Coverage": ("period",),
    "DetectedIssue": ("identified",),
    "DiagnosticReport": ("effective",),
    "DocumentReference": ("period", "context.period", "date"),
    "Encounter": ("period", "actualPeriod"),
    "EpisodeOfCare": ("period",),
    "ExplanationOfBenefit": ("billablePeriod", "item.serviced", "created"),
    "FamilyMemberHistory": ("date",),
    "Flag": ("period",),
    "Goal": ("start",),
    "ImagingStudy": ("started",),
    "Immunization": ("occurrence",),
    "MedicationAdministration": ("effective", "occurence", "occurrence"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effective",),
    "NutritionOrder": ("dateTime",),
    "Observation": ("effective",),
    "Procedure": ("performed", "occurrence"),
    "QuestionnaireResponse": ("authored",),
    "RiskAssessment": ("occurrence",),
    "ServiceRequest": ("occurrence", "authoredOn"),
    "Specimen": ("collection.collected",),
    "SupplyDelivery": ("occurrence",),
    "Task": ("executionPeriod", "authoredOn"),
    "VisionPrescription": ("dateWritten",),
}
"""Type -> where its clinical time stands, the first that is there. `meta.lastUpdated` is never one."""

_ENDINGS = ("", "DateTime", "Period", "Instant", "Date", "Timing")
_UNREADABLE = ("Age", "Range", "String", "Duration")


def clinical_dates(resource: Mapping[str, Any], zone: int = 0) -> Span | None:
    """The clinical time of a resource by the table above; None if it has none, or none that is readable.

    What it says in words, as an age or not at all (`onsetAge`, `onsetString`, an extension in place of the value) is a
    time that nobody can read: no other element stands in for it. So is one that stands there in two ways, or in
    the items of a list.
    """
    for path in CLINICAL_DATES.get(str(resource.get("resourceType", "")), ()):
        *outer, last = path.split(".")
        value: Any = resource
        for name in outer:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, list):
            if any(key.startswith((last, f"_{last}")) for item in value if isinstance(item, dict) for key in item):
                return None
            continue
        if not isinstance(value, dict):
            continue
        told = [last + ending for ending in _ENDINGS if last + ending in value]
        if told:
            return _when(value[told[0]], zone) if len(told) == 1 else None
        untold = [f"{last}{ending}" for ending in _UNREADABLE] + [f"_{last}{ending}" for ending in _ENDINGS]
        if any(name in value for name in untold):
            return None
    return None


def _when(value: Any, zone: int) -> Span | None:
    if isinstance(value, dict):
        events = value.get("event")
        if isinstance(events, list):
            times = [read_time(event, zone) for event in events]
            found = [time for time in times if time is not None]
            # FHIR asks for no order; and beside a repeat, or with one that is masked, events are not all.
            if not found or len(found) < len(times) or "repeat" in value or "_event" in value:
                return None
            return Span(min(time.start for time in found), max(time.end for time in found))
        period = read_period(value, zone)
        # A period with neither end says nothing of when it was.
        return period if period is not None and (period.start > -EVER or period.end < EVER) else None
    return read_time(value, zone)
