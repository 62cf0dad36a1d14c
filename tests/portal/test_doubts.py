"""What nobody could know of her consents is said to the person: on the page to sign, and beside the look."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent.plain import Party, Plain, write
from medrec.portal import looks, words
from medrec.portal.own import allow
from medrec.portal.own.whose import Whose
from medrec.portal.page import Visit, names
from tests.node.network import Network, Patient
from tests.node.test_actors import put, seen, to
from tests.node.test_emergency import declare


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    opened = Network(tmp_path)
    put(opened, "AllergyIntolerance", "nuts", subject="ada")
    yield opened
    opened.close()


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north")


def said(network: Network, person: Patient) -> list[str]:
    """The words beside each look that let something out."""
    network.anchor()
    network.deliver()
    guide: Any = network["guide"]
    visit = Visit({"person": "ada"}, 1, {}, network.time, True, lambda *_, **__: "")
    notices = [one for one in guide.agent.notices(person.account) if one.kind in ("disclosure/1", "refusal/1")]
    found = looks.of_person(guide, visit, names(guide), notices)
    return [" ".join(map(str, item["more"])) for item in found if item["outcome"] == "given"]


def test_a_look_that_passed_a_doubt_over_says_so(network: Network, ada: Patient) -> None:
    declare(network, ada.account)
    seen(network, ada, purpose="BTG")
    assert [str(words.LOOKS["doubted"]) in more for more in said(network, ada)] == [False]
    network.fhir_consent(ada, "north", to("deny", "CareTeam/nowhere"))
    seen(network, ada, purpose="BTG")
    assert sorted(str(words.LOOKS["doubted"]) in more for more in said(network, ada)) == [False, True]


def test_the_page_to_sign_says_whom_a_place_does_not_know(network: Network, ada: Patient) -> None:
    guide: Any = network["guide"]
    who, wanted = Whose(ada.account, "Ada", "ada", names(guide)), Plain("share", to=[Party("south")])
    text = write(wanted, ada.account, network.time)
    assert not any("Group/nowhere" in line for line in allow.tried(guide, who, wanted, text, ["north"]))
    network.fhir_consent(ada, "north", to("deny", "Group/nowhere"))
    (told,) = [line for line in allow.tried(guide, who, wanted, text, ["north"]) if "Group/nowhere" in line]
    assert "North" in told and "opens nothing" in told
