"""Who ends a parent's right at the desk signs that with her own key, and her name stands there."""

from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.credential import signed_by
from medrec.core.manifests.delegation import Clerk, DelegationEndManifest, delegation_end_message, delegation_message
from medrec.node.account import parents, staff
from medrec.node.keeping import store
from medrec.node.refusals import Code, Refusal
from tests.node.network import Patient
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_desk_consent import NORA, nora
from tests.portal.test_desk_parent import bo, ended_at_the_desk, kid, posted

__all__ = ["bo", "kid"]


def test_the_end_bears_the_name_of_the_clerk_and_the_officer_sees_it(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    posted(empty, bo)
    (alarm,) = north.rows(store.alarm)
    assert alarm.code == "parent-by-one" and "Demonstration" in alarm.sentence and alarm.subject == "Patient/kid"
    office = text_of(read(empty.client("north"), "/office"))
    assert "Bo Berg for patient kid: Demonstration" in office and "Ended" not in office
    ended_at_the_desk(empty)
    assert "Bo Berg for patient kid: Demonstration. Ended: Demonstration" in text_of(
        read(empty.client("north"), "/office")
    )
    (written,) = ends(north)
    (clerk,) = [found for found in staff.members(north) if found.key is not None]
    credential = staff.by_key(north, clerk.key or b"")
    assert credential is not None and isinstance(written.clerk, Clerk) and written.followed is None
    assert (written.clerk.name, written.clerk.key) == ("Demonstration", (clerk.key or b"").hex())
    message = delegation_end_message(bytes.fromhex(written.nullifier))
    assert signed_by(credential[1], message, bytes.fromhex(written.clerk.signature))
    # A line of before has the name alone.
    old = manifests.encode(msgspec.structs.replace(written, clerk="Demonstration"))
    assert manifests.decode(old) == msgspec.structs.replace(written, clerk="Demonstration")


def ends(node: Any) -> list[DelegationEndManifest]:
    """The lines of the ends at a place."""
    with node.store.read() as connection:
        where = store.manifest.c.kind == "delegation-end/1"
        found = connection.execute(sql.select(store.manifest.c.hash).where(where)).scalars().all()
        written = [manifests.decode(node.journal.manifest(connection, digest)[1]) for digest in found]
    return [one for one in written if isinstance(one, DelegationEndManifest)]


def test_only_a_clerk_s_signature_ends_what_was_stated(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    posted(empty, bo)
    (one,) = parents.stated(north)
    clerk, nullifier = nora(north), one.kept.nullifier
    proof = NORA.sign_transaction_id(delegation_end_message(nullifier))
    with pytest.raises(Refusal) as caught:
        parents.end(north, nullifier, clerk, NORA.sign_transaction_id(delegation_message(one.kept.delegation)))
    assert caught.value.reason is Code.BAD_SIGNATURE
    staff.dismiss(north, clerk.id)
    with pytest.raises(Refusal) as caught:
        parents.end(north, nullifier, clerk, proof)
    assert caught.value.reason is Code.UNKNOWN_CREDENTIAL
    assert ends(north) == [] and len(parents.stated(north)) == 1


def test_the_end_by_a_review_names_what_took_its_place(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    posted(empty, bo)
    empty.network.time += 1
    posted(empty, bo, **{"right-consent": ""})
    (after,) = parents.stated(north)
    (written,) = ends(north)
    assert after.held is not None and (written.clerk, written.followed) == (None, after.held.hash.hex())
