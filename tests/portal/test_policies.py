"""The sentences of a policy come from the bytes that are signed."""

from pathlib import Path

import pytest

from medrec.core.consent import plain as plainly
from medrec.core.consent.clauses import CLAUSES
from medrec.core.consent.plain import EVERYTHING, NOTHING, Party, Plain, write
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import words
from medrec.portal.policies import called, sentences
from tests.fhir.asking import consent
from tests.node.network import Network

KNOWN = {"north": "North Hospital"}


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        (EVERYTHING, ["You share everything in your record.", "Everyone in the network may see it.",
                      "They may use it for anything."]),
        (NOTHING, ["You keep everything in your record to yourself.", "Nobody may see it."]),
        (Plain("share", to=[Party("north", "dr-x", "Dr X")], but_not=["mental-health"], until="2026-06-30"),
         ["You share everything in your record.", "They may see it: Dr X (dr-x) at North Hospital.",
          "But nothing about mental health.", "They may use it for your care.", "It ends after 30 June 2026."]),
        (Plain("withhold", to=[Party("east", name="Not its name")], kinds=["medicines", "visits"]),
         ["You keep these parts of your record to yourself: medicines and visits.", "They may not see it: east."]),
        (Plain("withhold", purposes=["research"]),
         ["Nobody may see or use your record for research.",
          "For everything else, what you decided before stays as it is."]),
        (Plain("withhold", to=[Party("north")], kinds=["visits"], about=["hiv"], purposes=["payment", "research"]),
         ["They may not see or use your record for payment and research: North Hospital.",
          "This is about these parts of your record: visits.", "This is about HIV.",
          "For everything else, what you decided before stays as it is."]),
        (Plain("withhold", purposes=["any"]), ["Nobody may see or use your record for anything."]),
        (Plain("emergency-no"), ["Not even in an emergency may anybody look."]),
    ],
)  # fmt: skip
def test_a_policy_in_plain_words(plain: Plain, said: list[str]) -> None:
    assert [one.striptags() for one in sentences(write(plain, "mr1ada", 1_750_000_000_000), KNOWN)] == said


def test_somebody_is_called_as_the_house_calls_her_and_not_as_the_signer_does(tmp_path: Path) -> None:
    network = Network(tmp_path)
    network["north"].practitioners.enter("dr-x", "Xenia Young", PHYSICIAN)
    text = write(Plain("share", to=[Party("north", "dr-x", "My mother"), Party("north", "dr-y", "Dr Y")]), "mr1ada", 1)
    said = sentences(text, called(network["north"]))[1].striptags()
    network.close()
    assert "Xenia Young (dr-x) at" in said and "Dr Y (dr-y) at" in said and "mother" not in said


def test_another_consent_is_not_made_plainer_than_it_is() -> None:
    """Who nobody reads, and whom nobody may know, is said beside it."""
    assert sentences(b'{"resourceType":"Consent"}', KNOWN) == [words.POLICY["other"], words.POLICY["unreadable"]]
    recipient = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]}
    for who, more in (("Organization/north", []), ("CareTeam/t1", ["CareTeam/t1"])):
        named = {"role": recipient, "reference": {"reference": who}}
        text = consent(actor=[named, named])
        other, *rest = sentences(text.encode(), KNOWN)
        assert other == words.POLICY["other"]
        assert [one for one in rest if all(name not in one for name in more)] == [] and len(rest) == len(more)


def test_every_word_of_the_closed_set_has_words() -> None:
    assert set(words.POLICY) >= set(CLAUSES)
    assert set(words.POLICY_KINDS) == set(plainly.KINDS)
    assert set(words.POLICY_TOPICS) == set(plainly.TOPICS)
    assert set(words.POLICY_PURPOSES) == set(plainly.PURPOSES)
