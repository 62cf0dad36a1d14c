"""What is withheld does not show where parameters come together: includes with sorts, pages, elements and summaries,
and `$summary`, in the two worlds of test_nothing_shows."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medrec.node.fhir.search import COMMON
from medrec.node.release.deciding import Allowed, Permitted
from tests.fhir.asking import bare
from tests.fhir.test_nothing_shows import follow, worlds
from tests.node.network import Network, Patient

__all__ = ["worlds"]

Worlds = list[tuple[Network, Patient]]
KINDS = ("Observation", "Condition", "Encounter", "MedicationRequest", "Procedure")
LEADS = tuple(name for name, parameter in COMMON.items() if parameter.kind == "reference")
ONE_OF = (
    *(("_sort", value) for value in ("date", "-date", "_lastUpdated", "-_id", "-date,_id")),
    *(("_summary", value) for value in ("true", "data", "text", "count", "false")),
    *(("_elements", value) for value in ("code", "derivedFrom,note", "encounter")),
    *(("_count", value) for value in ("0", "1", "2", "5")),
    *(("code", value) for value in ("55284-4", "1-1")),
    *(("date", value) for value in ("ge2026-03-02", "2026-03-04")),
    ("patient.name", "Ada"), ("subject:Patient.name", "Ada"), ("encounter.status", "finished"),
    ("_has:Observation:encounter:code", "1-1"), ("_total", "accurate"), ("_include:iterate", "Observation:encounter"),
)  # fmt: skip


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A search of one kind with some of the parameters, each at most once, and up to two ways along references."""
    kind = draw(st.sampled_from(KINDS))
    chosen = draw(st.lists(st.sampled_from(ONE_OF), max_size=3, unique_by=lambda one: one[0]))
    ways = draw(
        st.lists(st.tuples(st.booleans(), st.sampled_from(KINDS), st.sampled_from(LEADS)), max_size=2, unique=True)
    )
    along = [("_include" if out else "_revinclude", f"{kind if out else of}:{name}") for out, of, name in ways]
    return f"{kind}?" + "&".join(f"{name}={value}" for name, value in (*along, *chosen))


def alike(worlds: Worlds, query: str) -> int:
    """The status that a query is answered with, the same byte for byte in both worlds, on all of its pages."""
    (one, her), (other, same) = worlds
    for network, _ in worlds:
        # The same question put once more is another one.
        network.time += 1
    told = follow(one, her, query)
    found, also = ([_plain(bare(page)) for page in pages] for pages in (told, follow(other, same, query)))
    assert found == also, query
    return told[0].status


def _plain(told: Any) -> Any:
    """What is told, but for the addresses of proofs in it: they are made of what is salted."""
    value = told.value if told.status == 200 else {}
    proofs = [
        one["fullUrl"].encode()
        for one in value.get("entry", ())
        if one["resource"]["resourceType"] == "Provenance" and one.get("fullUrl", "").startswith("urn:uuid:")
    ]
    body = told.body
    for number, proof in enumerate(proofs):
        body = body.replace(proof, b"proof-%d" % number)
    return told._replace(body=body)


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=queries())
def test_parameters_together_tell_nothing(worlds: Worlds, query: str) -> None:
    alike(worlds, query)


INCLUDED = (
    "Condition?_include=Condition:encounter",
    "Encounter?_revinclude=Observation:encounter",
    "Observation?_include=Observation:encounter&_revinclude=Observation:encounter",
)


@pytest.mark.parametrize("query", INCLUDED)
@pytest.mark.parametrize("more", ["", "&_sort=-date", "&_count=1", "&_summary=data", "&_elements=code"])
def test_an_include_in_each_shape_is_answered_and_tells_nothing(worlds: Worlds, query: str, more: str) -> None:
    assert alike(worlds, query + more) == 200


@pytest.mark.parametrize(
    "more", ["patient.name=Ada", "encounter.status=finished", "_has:Observation:encounter:code=1-1"]
)
def test_a_chained_parameter_is_refused_alike(worlds: Worlds, more: str) -> None:
    assert alike(worlds, f"Observation?{more}") == 400


def test_a_summary_of_her_record_tells_nothing(worlds: Worlds) -> None:
    assert alike(worlds, "Patient/ada/$summary") == 200


def test_an_include_that_leads_to_what_is_withheld_is_seen_here(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison can fail: a gate that forgets to ask about each record gives it away by what is included."""
    judged = Permitted._judged

    def careless(self: Permitted, row: Any) -> Any:
        return judged(self, row) or Allowed(row, ())

    monkeypatch.setattr(Permitted, "_judged", careless)
    for query in (*INCLUDED, "Patient/ada/$summary"):
        with pytest.raises(AssertionError):
            alike(worlds, query)
