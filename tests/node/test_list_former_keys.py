"""A word signed with a key that is gone stays hers at an agent that was only told of it, if it was said in time."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core.manifests.acts import Act, Subject
from medrec.node.account import aftermath, recovery
from medrec.node.account.accounts import submit_as_account
from medrec.node.keeping import store
from medrec.node.lists import acts, stating
from medrec.node.lists.acts_kept import ACTS_PATH, list_act
from medrec.node.lists.acts_whole import Whole
from medrec.node.refusals import Code, Refusal
from tests.core.authenticator import Authenticator
from tests.node.test_lists import Clinic
from tests.node.test_recovery import HOUR, Rescue, signer


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def word(clinic: Clinic | Rescue, name: str) -> Act:
    ada = clinic.ada
    act = stating.prepare(clinic.guide, ada.account, "also-taking", ada.key.key_id, [Subject(f"text:{name}", name)])
    return stating.signed(act, ada.sign)


def replace_key(clinic: Clinic) -> None:
    network, ada, tablet = clinic.network, clinic.ada, Authenticator("tablet")
    for kind, payload in (("add", {"credential": tablet.credential}), ("remove", {"key": ada.key.key_id})):
        submit_as_account(network.engine, network.id, ada.account, ada.key, f"account/credential-{kind}", payload)


def as_told(clinic: Clinic | Rescue) -> set[str]:
    """What stands on her list at an agent that wrote none of it down itself, as after a move."""
    clinic.guide.store.write(lambda connection: connection.execute(sql.delete(list_act)))
    return {kept.act.subjects[0].name for kept in clinic.guide.acts.of(clinic.ada.account)}


def test_what_was_said_before_the_key_went_stays_and_what_was_signed_after_does_not(clinic: Clinic) -> None:
    act = word(clinic, "valerian")
    stating.state(clinic.guide, act)
    clinic.story.settle()
    assert as_told(clinic) == {"valerian"}
    # Whoever has the key still dates his word as he likes; a hospital that is with him writes it down unchecked.
    forged = word(clinic, "honey")
    other = msgspec.structs.replace(act, id="22" * 16)
    replace_key(clinic)
    for one in (forged, other):
        clinic.north.acts._keep([acts._Part(Whole(one))])
    clinic.network.time += 60_000
    clinic.story.settle()
    assert as_told(clinic) == {"valerian"}
    assert [kept.act.id for kept in clinic.guide.acts.of(clinic.ada.account)] == [act.id]


def test_what_a_key_said_in_the_month_before_a_recovery_does_not_count_by_itself(tmp_path: Path) -> None:
    rescue = Rescue(tmp_path)
    stating.state(rescue.guide, word(rescue, "valerian"))
    rescue.story.settle()
    rescue.wait(aftermath.BEFORE_MS)
    stating.state(rescue.guide, word(rescue, "honey"))
    rescue.story.settle()
    assert as_told(rescue) == {"valerian", "honey"}
    rescue.by_paper(0)
    rescue.wait(24 * HOUR)
    rescue.finish()
    rescue.story.settle()
    assert as_told(rescue) == {"valerian"}
    rescue.close()


def test_what_she_said_before_a_freeze_stands_and_arrives_after_it(tmp_path: Path) -> None:
    """Told of it alone, as after a move: the freeze takes away nothing said before it, and lets nothing new in."""
    rescue = Rescue(tmp_path)
    stating.state(rescue.guide, word(rescue, "valerian"))
    rescue.story.settle()
    # Written down at her agent and on its way when the account freezes: south has not heard it.
    late = word(rescue, "hops")
    rescue.guide.acts.take("guide", late, ["south"])
    forged = word(rescue, "honey")
    rescue.wait(60_000)
    recovery.freeze(rescue.network.engine, rescue.network.id, signer(rescue.ada), rescue.ada.account)
    with pytest.raises(Refusal):
        rescue.guide.acts.take("guide", word(rescue, "sugar"))
    rescue.north.acts._keep([acts._Part(Whole(forged))])
    rescue.wait(60_000)
    rescue.guide.deliverer.step(rescue.network.time)
    rescue.story.settle()
    assert [kept.act.subjects[0].name for kept in rescue.network["south"].acts.of(rescue.ada.account)] == ["valerian"]
    waiting = [row for row in rescue.guide.rows(store.outbox) if row.path == ACTS_PATH]
    assert len(waiting) == 1, "what is refused meanwhile waits"
    assert "valerian" in as_told(rescue) and "honey" not in as_told(rescue)
    recovery.unfreeze(rescue.network.engine, rescue.network.id, signer(rescue.ada), rescue.ada.account)
    rescue.wait(120_000)
    rescue.guide.deliverer.step(rescue.network.time)
    heard = {kept.act.subjects[0].name for kept in rescue.network["south"].acts.of(rescue.ada.account)}
    assert heard == {"valerian", "hops"}
    rescue.close()


def test_a_place_where_the_account_is_frozen_already_hears_the_word_after_the_freeze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rescue = Rescue(tmp_path)
    said = word(rescue, "valerian")
    south = rescue.network["south"]

    def behind(account: str, key: str, message: bytes, signature: str) -> None:
        raise Refusal(Code.UNKNOWN_ACCOUNT)

    with monkeypatch.context() as patched:
        patched.setattr(south.consents, "check_signature", behind)
        told = stating.state(rescue.guide, said)
    assert "south" in told.waiting and not told.refused
    rescue.guide.deliverer.step(rescue.network.time)
    assert [kept.act.id for kept in south.acts.of(rescue.ada.account)] == [said.id]
    rescue.close()
