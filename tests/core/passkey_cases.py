"""Passkeys as credentials of accounts: the ledger's cases (see ledger_cases.py)."""

from typing import Any

from authenticator import BE, UP, UV, Authenticator, high_s
from ledger_cases import case, repack
from ledger_world import World, address, credential, hash_of, id_of, public

from medrec.core import codec
from medrec.core.address import address_of
from medrec.core.crypto import key_id
from medrec.core.outcome import Code
from medrec.core.types import encode_transaction, transaction_id

PHONE = Authenticator("ada's phone")
TABLET = Authenticator("ada's tablet", flags=UP | UV | BE)
KEY = Authenticator("ada's security key", alg=-8)


def passkey_address(key: Authenticator) -> str:
    """The address of the account that a passkey opens."""
    return address_of(key.public, hash_of("salt passkey"))


def sign_with(
    world: World, author: str, kind: str, payload: dict[str, Any], key: Authenticator, **changes: Any
) -> bytes:
    """A transaction signed by a passkey; `changes` are those of `World.body`."""
    body = world.body(author, kind, payload, **({"key": key.key_id} | changes))
    return encode_transaction(body, key.proof(transaction_id(body)))


def opening(world: World, key: Authenticator = PHONE, **changes: Any) -> bytes:
    """An account is opened by a passkey; `changes` replaces parts of the credential."""
    payload = {"credential": key.credential | changes, "salt": hash_of("salt passkey")}
    return sign_with(world, passkey_address(key), "account/create", payload, key)


def adding(world: World, new: dict[str, Any], key: Authenticator = PHONE) -> bytes:
    """The account that PHONE opened gets another credential."""
    return sign_with(world, passkey_address(PHONE), "account/credential-add", {"credential": new}, key)


@case("passkey", Code.OK)
def an_account_is_opened_with_a_passkey(world: World) -> bytes:
    return opening(world)


@case("passkey", Code.OK)
def an_account_is_opened_with_a_security_key_that_signs_with_eddsa(world: World) -> bytes:
    return opening(world, KEY)


@case("passkey", Code.OK)
def a_passkey_adds_a_passkey_of_another_home(world: World) -> bytes:
    world.accept(opening(world))
    other = Authenticator("other home", rp="second.example", origins=("https://second.example",))
    return adding(world, other.credential)


@case("passkey", Code.OK)
def the_passkey_that_was_added_signs(world: World) -> bytes:
    world.accept(opening(world))
    world.accept(adding(world, TABLET.credential))
    return adding(world, KEY.credential, TABLET)


@case("passkey", Code.OK)
def a_key_of_a_computer_adds_a_passkey(world: World) -> bytes:
    world.open_account("ada")
    return world.sign(address("ada"), "account/credential-add", {"credential": PHONE.credential}, by="ada")


@case("passkey", Code.OK)
def a_passkey_removes_itself_beside_another(world: World) -> bytes:
    world.accept(opening(world))
    world.accept(adding(world, TABLET.credential))
    payload = {"key": PHONE.key_id}
    return sign_with(world, passkey_address(PHONE), "account/credential-remove", payload, PHONE)


@case("passkey", Code.OK)
def a_replay_in_the_signature_s_other_form_is_the_same_transaction(world: World) -> bytes:
    data = opening(world)
    world.accept(data)
    proof = codec.decode(data)[1]
    return repack(data, proof=[*proof[:3], high_s(proof[3])])


@case("passkey", Code.BAD_SIGNATURE)
def the_signature_s_other_form(world: World) -> bytes:
    data = opening(world)
    proof = codec.decode(data)[1]
    return repack(data, proof=[*proof[:3], high_s(proof[3])])


@case("passkey", Code.BAD_SIGNATURE)
def an_assertion_over_another_transaction(world: World) -> bytes:
    world.accept(opening(world))
    return repack(adding(world, TABLET.credential), proof=PHONE.proof(hash_of("another transaction")))


@case("passkey", Code.BAD_SIGNATURE)
def an_assertion_from_a_frame_in_a_foreign_page(world: World) -> bytes:
    world.accept(opening(world))
    data = adding(world, TABLET.credential)
    client = PHONE.client_data(id_of(data), crossOrigin=True, topOrigin="https://evil.example")
    return repack(data, proof=PHONE.proof(id_of(data), client=client))


@case("passkey", Code.BAD_SIGNATURE)
def an_assertion_without_the_person_verified(world: World) -> bytes:
    world.accept(opening(world))
    data = adding(world, TABLET.credential)
    return repack(data, proof=PHONE.proof(id_of(data), data=PHONE.authenticator_data(flags=UP)))


@case("passkey", Code.BAD_SIGNATURE)
def a_bare_signature_where_an_assertion_belongs(world: World) -> bytes:
    world.accept(opening(world))
    return repack(adding(world, TABLET.credential), proof=["ed25519", bytes(64)])


@case("passkey", Code.BAD_SIGNATURE)
def an_organisation_signs_with_an_assertion(world: World) -> bytes:
    data = world.sign("north", "organisation/describe", {"name": "North Hospital", "endpoint": ""})
    return repack(data, proof=PHONE.proof(id_of(data)))


@case("passkey", Code.STALE_NONCE)
def a_captured_assertion_is_sent_again_after_it_was_forgotten(world: World) -> bytes:
    world.accept(opening(world))
    data = adding(world, TABLET.credential)
    world.accept(data)
    body = codec.decode(codec.decode(data)[0])
    return sign_with(world, body["author"], body["kind"], body["payload"], PHONE, nonce=body["nonce"], expires=77)


@case("passkey", Code.UNKNOWN_KEY)
def a_passkey_that_the_account_does_not_have(world: World) -> bytes:
    world.accept(opening(world))
    return adding(world, KEY.credential, TABLET)


@case("passkey", Code.ADDRESS_MISMATCH)
def an_address_of_another_passkey(world: World) -> bytes:
    payload = {"credential": TABLET.credential, "salt": hash_of("salt passkey")}
    return sign_with(world, passkey_address(PHONE), "account/create", payload, TABLET)


@case("passkey", Code.CREDENTIAL_EXISTS)
def a_passkey_that_is_there_already(world: World) -> bytes:
    world.accept(opening(world))
    return adding(world, PHONE.credential | {"origins": ["https://elsewhere.example"]})


@case("passkey", Code.CREDENTIAL_EXISTS)
def one_key_as_two_kinds_of_credential(world: World) -> bytes:
    world.open_account("ada")
    new = KEY.credential | {"key": public("ada")}
    return world.sign(address("ada"), "account/credential-add", {"credential": new}, by="ada")


@case("passkey", Code.BAD_CREDENTIAL)
def a_point_that_is_not_on_the_curve(world: World) -> bytes:
    world.accept(opening(world))
    key = bytearray(TABLET.public)
    key[-1] ^= 1
    return adding(world, TABLET.credential | {"key": bytes(key)})


@case("passkey", Code.BAD_CREDENTIAL)
def a_key_of_the_other_algorithm(world: World) -> bytes:
    world.accept(opening(world))
    return adding(world, TABLET.credential | {"alg": -8})


@case("passkey", Code.BAD_CREDENTIAL)
def an_origin_twice(world: World) -> bytes:
    return opening(world, origins=["https://medrec.example"] * 2)


@case("passkey", Code.BAD_PAYLOAD)
def an_algorithm_that_the_ledger_does_not_take(world: World) -> bytes:
    world.accept(opening(world))
    return adding(world, TABLET.credential | {"alg": -257})


@case("passkey", Code.BAD_PAYLOAD)
def a_passkey_without_an_origin(world: World) -> bytes:
    world.accept(opening(world))
    return adding(world, TABLET.credential | {"origins": []})


@case("passkey", Code.BAD_PAYLOAD)
def an_origin_without_encryption(world: World) -> bytes:
    world.accept(opening(world))
    return adding(world, TABLET.credential | {"origins": ["http://medrec.example"]})


@case("passkey", Code.BAD_PAYLOAD)
def an_ed25519_key_with_the_fields_of_a_passkey(world: World) -> bytes:
    world.open_account("ada")
    new = credential("bo") | {"rp": bytes(32)}
    return world.sign(
        address("ada"), "account/credential-add", {"credential": new}, key=key_id(public("ada")), by="ada"
    )
