"""Secret keys: what they sign holds under what they publish, and their files keep to themselves."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from medrec.core import checkpoint as cp
from medrec.core.crypto import key_id, verify_ed25519
from medrec.node.keeping.keys import ORGANISATION_FILE, PERSON_FILE, KeyFileError, OrganisationKeys, PersonKey

SEED = bytes(range(32))
KNOWN = {
    "ed25519": "248a9647ae096f59a5b35dd5e9ab03c73f206715bd342338a907538ce5e8dc5d",
    "cosign_ed25519": "ef898786a5681d44b71b58864d3319d1e972cd478094c26253daec6c92202a44",
    "cosign_mldsa44 key id": "8a2017b27eccc5275519c1b358285fc8",
    "person": "5bc273b2c52a11e613fedde889c14481f50adf16ed2cd81be329e41a793470c3",
}
TEXT = cp.Checkpoint(b"\x01" * 32, 5, b"\x02" * 32, 7, 1_700_000_000_000, b"\x03" * 32, 1).text()


def published(keys: OrganisationKeys) -> dict[str, bytes]:
    return {name: bytes.fromhex(value) for name, value in keys.public().items()}


def test_a_seed_gives_the_same_three_different_keys_for_ever() -> None:
    public = published(OrganisationKeys.from_seed("clinic-a", SEED))
    assert public == published(OrganisationKeys.from_seed("clinic-a", SEED))
    assert {name: len(value) for name, value in public.items()} == {
        "ed25519": 32,
        "cosign_ed25519": 32,
        "cosign_mldsa44": 1312,
    }
    assert public["ed25519"] != public["cosign_ed25519"]
    assert public["ed25519"].hex() == KNOWN["ed25519"]
    assert public["cosign_ed25519"].hex() == KNOWN["cosign_ed25519"]
    assert key_id(public["cosign_mldsa44"]).hex() == KNOWN["cosign_mldsa44 key id"]
    assert PersonKey.from_seed(SEED).public.hex() == KNOWN["person"]
    assert public != published(OrganisationKeys.from_seed("clinic-a", bytes(32)))


def test_generated_keys_differ() -> None:
    assert published(OrganisationKeys.generate("a")) != published(OrganisationKeys.generate("a"))
    assert PersonKey.generate().public != PersonKey.generate().public


def test_a_transaction_signature_holds_for_its_id_only() -> None:
    keys = OrganisationKeys.from_seed("clinic-a", SEED)
    public, signature = published(keys)["ed25519"], keys.sign_transaction_id(b"\x09" * 32)
    assert verify_ed25519(public, b"\x09" * 32, signature)
    assert not verify_ed25519(public, b"\x08" * 32, signature)
    assert not verify_ed25519(published(keys)["cosign_ed25519"], b"\x09" * 32, signature)
    assert keys.key_id == key_id(public)
    with pytest.raises(ValueError, match="32 bytes"):
        keys.sign_transaction_id(b"\x09" * 33)


def test_a_request_can_never_be_a_transaction() -> None:
    keys = OrganisationKeys.from_seed("clinic-a", SEED)
    base = b'"@method": POST\n"@signature-params": ("@method")'
    assert verify_ed25519(published(keys)["ed25519"], base, keys.sign_request(base))
    with pytest.raises(ValueError, match="signature base"):
        keys.sign_request(b"\x09" * 32)


def test_cosignatures_hold_under_the_published_keys() -> None:
    keys = OrganisationKeys.from_seed("clinic-a", SEED)
    note = cp.parse_note(cp.render_note(cp.Note(TEXT, tuple(keys.cosign(TEXT, 1_700_000_000)))))
    public = published(keys)
    trusted = cp.cosigner_keys("clinic-a", public["cosign_ed25519"], public["cosign_mldsa44"])
    assert cp.verify_cosignatures(note, trusted) == [
        cp.Cosignature("medrec/clinic-a", cp.COSIGNATURE_ED25519, 1_700_000_000),
        cp.Cosignature("medrec/clinic-a", cp.COSIGNATURE_MLDSA44, 1_700_000_000),
    ]
    changed = cp.Note(TEXT.replace(b"\n5\n", b"\n6\n"), note.signatures)
    with pytest.raises(cp.NoteError):
        cp.verify_cosignatures(changed, trusted)


def test_only_dated_checkpoints_are_cosigned() -> None:
    keys = OrganisationKeys.from_seed("clinic-a", SEED)
    with pytest.raises(ValueError, match="dated"):
        keys.cosign(TEXT, 0)
    with pytest.raises(cp.NoteError):
        keys.cosign(b"any text\n", 1_700_000_000)


def test_saved_keys_come_back_and_only_the_owner_may_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "keys"
    keys, person = OrganisationKeys.generate("clinic-a"), PersonKey.generate("medrec1xyz")
    for path in (keys.save(folder), person.save(folder)):
        assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == [ORGANISATION_FILE, PERSON_FILE]
    again, same = OrganisationKeys.load(folder), PersonKey.load(folder)
    assert (again.organisation, published(again)) == ("clinic-a", published(keys))
    assert (same.account, same.public) == ("medrec1xyz", person.public)
    signature = same.sign_transaction_id(b"\x07" * 32)
    assert verify_ed25519(person.public, b"\x07" * 32, signature)
    assert not verify_ed25519(person.public, b"\x06" * 32, signature)


def test_a_folder_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    OrganisationKeys.generate("clinic-a").save(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_keys_are_not_overwritten_unless_asked(tmp_path: Path) -> None:
    first, second = OrganisationKeys.generate("clinic-a"), OrganisationKeys.generate("clinic-a")
    first.save(tmp_path)
    with pytest.raises(KeyFileError, match="already"):
        second.save(tmp_path)
    assert published(OrganisationKeys.load(tmp_path)) == published(first)
    second.save(tmp_path, replace=True)
    assert published(OrganisationKeys.load(tmp_path)) == published(second)
    assert [path.name for path in tmp_path.iterdir()] == [ORGANISATION_FILE]


def test_a_write_that_fails_leaves_the_old_keys_and_nothing_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = OrganisationKeys.generate("clinic-a")
    keys.save(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        OrganisationKeys.generate("clinic-a").save(tmp_path, replace=True)
    assert published(OrganisationKeys.load(tmp_path)) == published(keys)
    assert [path.name for path in tmp_path.iterdir()] == [ORGANISATION_FILE]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = OrganisationKeys.generate("clinic-a").save(tmp_path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="0600"):
        OrganisationKeys.load(tmp_path)


def test_broken_files_are_refused_without_quoting_them(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        OrganisationKeys.load(tmp_path)
    path = OrganisationKeys.generate("clinic-a").save(tmp_path)
    document = json.loads(path.read_text())
    secret = document["seeds"]["ed25519"]
    changes: list[Any] = [
        [],
        {**document, "medrec": "person-key/1"},
        {**document, "seeds": {}},
        {**document, "seeds": {**document["seeds"], "ed25519": secret[:-2]}},
        {**document, "seeds": {**document["seeds"], "ed25519": secret[:-2] + "zz"}},
    ]
    for text in ["", *map(json.dumps, changes)]:
        path.write_text(text)
        with pytest.raises(KeyFileError) as caught:
            OrganisationKeys.load(tmp_path)
        assert secret[:8] not in str(caught.value)
        assert caught.value.__cause__ is None


def test_seeds_show_nowhere() -> None:
    keys, person = OrganisationKeys.from_seed("clinic-a", SEED), PersonKey.from_seed(SEED, "medrec1xyz")
    assert repr(keys) == str(keys) == f"OrganisationKeys('clinic-a', key_id={keys.key_id.hex()})"
    assert repr(person) == f"PersonKey('medrec1xyz', key_id={person.key_id.hex()})"
    for secret in (keys, person):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret)
        with pytest.raises(AttributeError):
            secret.__dict__  # noqa: B018


def test_seeds_are_whole() -> None:
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="32 bytes"):
            OrganisationKeys.from_seed("clinic-a", wrong)
        with pytest.raises(ValueError, match="32 bytes"):
            PersonKey.from_seed(wrong)
