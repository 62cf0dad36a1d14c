"""Whose a record is, when it says so, and its labels, of any kind of record."""

import pytest

from medrec.core.records.canonical import canonical
from medrec.core.records.envelope import Envelope, envelope


def test_envelope() -> None:
    uuid = "0AF711AA-5601-49cd-987e-162e8dac3525"
    value = canonical(
        b'{"resourceType":"Encounter","id":"e","subject":{"reference":"http://x.org/fhir/Patient/p/_history/2"},'
        b'"patient":{"reference":"Patient/p"},"individual":[{"reference":"urn:uuid:'
        + uuid.encode()
        + b'"},{"reference":"Group/g"},7],"for":"x",'
        b'"meta":{"lastUpdated":"2020-01-01","security":[{"code":"R"},{},{"code":"R"},{"code":"PSY"}]}}'
    ).value
    told = ("2020-01-01", ("R", "PSY"))
    assert envelope(value, ["http://x.org/fhir"]) == Envelope("Encounter", "e", ("p", uuid.lower()), *told)
    # The same id at another server is another person: what names him is about none of this source's patients.
    for servers in ([], ["http://x.org"], ["http://x.org/fhir/Patient"], ["https://x.org/fhir"]):
        assert envelope(value, servers) == Envelope("Encounter", "e", (), *told, elsewhere=True)
    assert envelope({"resourceType": "Patient", "id": "p"}).patients == ("p",)
    assert envelope({"resourceType": "Patient", "meta": []}) == Envelope("Patient", None, (), None, ())
    for bad in ({}, [], {"resourceType": 1}):
        with pytest.raises(ValueError, match="resourceType"):
            envelope(bad)
