"""A place that refuses, or is away, in the middle of an act: the others hear it, and the rest can be signed again."""

from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import Markup

from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.portal import words
from medrec.portal.own.acts import Act, Part, acts_of, finish
from medrec.portal.page import PageError
from tests.portal.story import Story

CONSENT, REVOCATION = "medrec/consent/2", "medrec/revocation/1"


class Places:
    """What each place heard, and what it answers next."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answers: dict[str, Exception] = {}

    def part(self, name: str, tag: str = CONSENT) -> Part:
        def hears(proof: bytes) -> None:
            if name in self.answers:
                raise self.answers[name]
            self.heard.append(f"{name} {proof.decode()}")

        return Part(tag, b"{}", name.encode(), hears)


def begun(node: Any, *parts: Part) -> str:
    return acts_of(node).begin(node, Act("ada", [Markup("It holds.")], [], parts, b"key", "sharing", "given"))


def signed(node: Any, identifier: str, proof: bytes) -> None:
    act = acts_of(node).find("ada", identifier, node.clock())
    finish(node, act, identifier, [proof for _ in act.parts])


@pytest.mark.parametrize(
    ("away", "code"),
    [
        (lambda: PeerError("unreachable", "Nobody answers."), "unreachable"),
        (lambda: Refusal(Code.RECOVERY_WAITS), "recovery-waits"),
    ],
)
def test_the_others_hear_it_and_the_rest_can_be_signed_again(
    empty: Story, away: Callable[[], Exception], code: str
) -> None:
    node, places = empty.network["guide"], Places()
    parts = [places.part("north"), places.part("south"), places.part("east"), places.part("old", REVOCATION)]
    act = begun(node, *parts)
    places.answers["south"] = away()
    with pytest.raises(PageError) as caught:
        signed(node, act, b"1")
    assert caught.value.code == code
    # What stood before is not taken back while the new word does not stand everywhere.
    assert places.heard == ["north 1", "east 1"]
    left = acts_of(node).find("ada", act, node.clock())
    assert [part.message for part in left.parts] == [b"south", b"old"]
    assert [str(one) for one in left.sentences] == [words.SIGN["left"], "It holds."]
    with pytest.raises(PageError):
        signed(node, act, b"2")
    assert len(acts_of(node).find("ada", act, node.clock()).sentences) == 2
    del places.answers["south"]
    signed(node, act, b"3")
    assert places.heard == ["north 1", "east 1", "south 3", "old 3"]
    with pytest.raises(PageError):
        acts_of(node).find("ada", act, node.clock())


def test_what_was_done_whole_is_used_up(empty: Story) -> None:
    node, places = empty.network["guide"], Places()
    act = begun(node, places.part("north"))
    signed(node, act, b"1")
    with pytest.raises(PageError) as caught:
        signed(node, act, b"1")
    assert caught.value.code == "act-over" and places.heard == ["north 1"]
