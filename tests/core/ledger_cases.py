"""The rules of the ledger as cases: what came before, one transaction, and the code it must end with.

The cases test the rules (test_machine_*.py) and make the vectors in tests/vectors/ledger (ledger_vectors.py).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import cbor2
import pytest
from ledger_world import DAY, World, address, admission, credential, entry, hash_of, id_of, keys, public

from medrec.core import codec
from medrec.core.crypto import key_id
from medrec.core.outcome import Code


class Case(NamedTuple):
    """`build` makes what comes before in a world and gives the transaction; `code` is how that must end."""

    family: str
    code: Code
    name: str
    build: Callable[[World], bytes]


CASES: list[Case] = []


def case(family: str, code: Code) -> Callable[[Callable[[World], bytes]], Callable[[World], bytes]]:
    """Enter a function as a case."""

    def enter(build: Callable[[World], bytes]) -> Callable[[World], bytes]:
        CASES.append(Case(family, code, build.__name__, build))
        return build

    return enter


def of_family(family: str) -> list[Any]:
    """The cases of a family as pytest parameters, named by code and name."""
    return [pytest.param(one, id=f"{one.code.name}-{one.name}") for one in CASES if one.family == family]


def describe(world: World, **changes: Any) -> bytes:
    """A transaction that is right unless `changes` makes it wrong."""
    payload = {"name": "North Hospital", "endpoint": "https://north.example/v2"}
    return world.sign("north", "organisation/describe", payload, **changes)


def repack(data: bytes, **parts: Any) -> bytes:
    """A transaction with other parts, in any CBOR at all."""
    body, proof, attachment = cbor2.loads(data)
    return cbor2.dumps([parts.get("body", body), parts.get("proof", proof), parts.get("attachment", attachment)])


# --- what holds for every kind ----------------------------------------------------------------------------


@case("block", Code.OK)
def a_good_transaction(world: World) -> bytes:
    return describe(world)


@case("block", Code.OK)
def a_replay_answers_with_its_first_outcome(world: World) -> bytes:
    data = describe(world)
    world.accept(data)
    return data


@case("block", Code.OK)
def a_replay_with_another_signature_is_the_same_transaction(world: World) -> bytes:
    data = describe(world)
    world.accept(data)
    return repack(data, proof=["ed25519", bytes(64)])


@case("block", Code.TOO_LARGE)
def a_body_over_sixteen_kibibytes(world: World) -> bytes:
    return world.sign("north", "governance/propose", {"change": {"change": "x" * (16 << 10)}})


@case("block", Code.MALFORMED)
def a_byte_is_missing(world: World) -> bytes:
    return describe(world)[:-1]


@case("block", Code.MALFORMED)
def a_byte_too_many(world: World) -> bytes:
    return describe(world) + b"\x00"


@case("block", Code.MALFORMED)
def nothing_at_all(world: World) -> bytes:
    return b""


@case("block", Code.MALFORMED)
def an_array_of_four(world: World) -> bytes:
    return codec.encode([*codec.decode(describe(world)), b""])


@case("block", Code.MALFORMED)
def a_length_in_more_bytes_than_it_needs(world: World) -> bytes:
    return b"\x98\x03" + describe(world)[1:]


@case("block", Code.MALFORMED)
def map_keys_of_the_body_out_of_order(world: World) -> bytes:
    body = codec.decode(codec.decode(describe(world))[0])
    return repack(describe(world), body=cbor2.dumps(dict(reversed(body.items()))))


@case("block", Code.MALFORMED)
def a_number_as_a_float(world: World) -> bytes:
    body = codec.decode(codec.decode(describe(world))[0])
    return repack(describe(world), body=cbor2.dumps(body | {"nonce": 1.0}, canonical=True))


@case("block", Code.MALFORMED)
def a_number_as_a_big_number(world: World) -> bytes:
    body = codec.decode(describe(world))[0]
    return repack(describe(world), body=body.replace(b"\x65nonce\x01", b"\x65nonce\xc2\x41\x01"))


@case("block", Code.MALFORMED)
def a_body_without_an_author(world: World) -> bytes:
    body = codec.decode(codec.decode(describe(world))[0])
    del body["author"]
    return repack(describe(world), body=codec.encode(body))


@case("block", Code.MALFORMED)
def a_body_with_a_field_that_nobody_knows(world: World) -> bytes:
    body = codec.decode(codec.decode(describe(world))[0])
    return repack(describe(world), body=codec.encode(body | {"note": "x"}))


@case("block", Code.MALFORMED)
def a_key_id_as_base64_text(world: World) -> bytes:
    body = codec.decode(codec.decode(describe(world))[0])
    return repack(describe(world), body=codec.encode(body | {"key": "AAAAAAAAAAAAAAAAAAAAAA=="}))


@case("block", Code.UNKNOWN_KIND)
def a_kind_that_nobody_knows(world: World) -> bytes:
    return world.sign("north", "organisation/dance", {})


@case("block", Code.WRONG_NETWORK)
def made_for_another_network(world: World) -> bytes:
    return describe(world, network=hash_of("another network"))


@case("block", Code.EXPIRED)
def its_last_height_has_passed(world: World) -> bytes:
    world.block()
    return describe(world, expires=1)


@case("block", Code.OK)
def applied_at_its_very_last_height(world: World) -> bytes:
    world.block()
    return describe(world, expires=2)


@case("block", Code.EXPIRED)
def a_replay_after_its_last_height(world: World) -> bytes:
    data = describe(world, expires=1)
    world.accept(data)
    return data


@case("block", Code.OK)
def a_replay_at_its_last_height(world: World) -> bytes:
    data = describe(world, expires=2)
    world.accept(data)
    return data


@case("block", Code.EXPIRES_TOO_LATE)
def valid_for_one_height_too_many(world: World) -> bytes:
    return describe(world, expires=1 + 1000 + 1)


@case("block", Code.OK)
def valid_for_as_long_as_may_be(world: World) -> bytes:
    return describe(world, expires=1 + 1000)


@case("block", Code.WRONG_AUTHOR)
def an_account_makes_a_batch(world: World) -> bytes:
    world.open_account("ada")
    return world.sign(address("ada"), "anchor", {}, by="ada")


@case("block", Code.WRONG_AUTHOR)
def an_organisation_adds_a_credential(world: World) -> bytes:
    return world.sign("north", "account/credential-add", {"credential": credential("ada")})


@case("block", Code.WRONG_AUTHOR)
def an_organisation_opens_an_account_under_its_own_name(world: World) -> bytes:
    payload = {"credential": credential("north"), "salt": hash_of("salt")}
    return world.sign("north", "account/create", payload)


@case("block", Code.UNKNOWN_AUTHOR)
def an_organisation_that_is_not_on_the_ledger(world: World) -> bytes:
    return world.sign("west", "organisation/describe", {"name": "West", "endpoint": ""})


@case("block", Code.UNKNOWN_AUTHOR)
def an_account_that_is_not_on_the_ledger(world: World) -> bytes:
    return world.sign(address("ada"), "account/credential-add", {"credential": credential("bo")}, by="ada")


@case("block", Code.AUTHOR_SUSPENDED)
def a_suspended_organisation_speaks(world: World) -> bytes:
    world.decide("suspend", id="east")
    return world.sign("east", "organisation/describe", {"name": "East", "endpoint": ""})


@case("block", Code.RETIRED_KEY)
def signed_with_the_key_before_the_last(world: World) -> bytes:
    world.accept(world.sign("north", "organisation/rotate", {"keys": keys("north 2")}))
    return describe(world)


@case("block", Code.UNKNOWN_KEY)
def signed_with_the_key_of_another_organisation(world: World) -> bytes:
    return describe(world, by="south")


@case("block", Code.UNKNOWN_KEY)
def signed_with_a_key_that_the_account_does_not_have(world: World) -> bytes:
    ada = world.open_account("ada")
    return world.sign(ada, "account/credential-add", {"credential": credential("bo")}, by="bo")


@case("block", Code.STALE_NONCE)
def the_nonce_of_an_earlier_transaction(world: World) -> bytes:
    world.accept(describe(world, nonce=7))
    return world.sign("north", "organisation/describe", {"name": "Other", "endpoint": ""}, nonce=7)


@case("block", Code.STALE_NONCE)
def a_nonce_of_nothing(world: World) -> bytes:
    return describe(world, nonce=0)


@case("block", Code.OK)
def a_nonce_that_leaves_some_out(world: World) -> bytes:
    return describe(world, nonce=1000)


@case("block", Code.BAD_SIGNATURE)
def one_bit_of_the_signature_is_wrong(world: World) -> bytes:
    data = describe(world)
    signature = bytearray(codec.decode(data)[1][1])
    signature[0] ^= 1
    return repack(data, proof=["ed25519", bytes(signature)])


@case("block", Code.BAD_SIGNATURE)
def signed_by_one_key_in_the_name_of_another(world: World) -> bytes:
    return describe(world, by="south", key=key_id(public("north")))


@case("block", Code.BAD_SIGNATURE)
def a_signature_that_is_too_short(world: World) -> bytes:
    return repack(describe(world), proof=["ed25519", bytes(63)])


@case("block", Code.BAD_SIGNATURE)
def a_proof_of_another_kind(world: World) -> bytes:
    return repack(describe(world), proof=["webauthn", b"", b"", b""])


@case("block", Code.BAD_PAYLOAD)
def a_field_is_missing(world: World) -> bytes:
    return world.sign("north", "organisation/describe", {"name": "North"})


@case("block", Code.BAD_PAYLOAD)
def a_field_that_nobody_knows(world: World) -> bytes:
    payload = {"name": "North", "endpoint": "", "colour": "blue"}
    return world.sign("north", "organisation/describe", payload)


# --- organisations ----------------------------------------------------------------------------------------


@case("organisation", Code.OK)
def a_new_name_and_address(world: World) -> bytes:
    return describe(world)


@case("organisation", Code.NO_CHANGE)
def the_same_name_and_address(world: World) -> bytes:
    return world.sign("north", "organisation/describe", {"name": "North", "endpoint": "https://north.example"})


@case("organisation", Code.BAD_PAYLOAD)
def a_name_of_two_lines(world: World) -> bytes:
    return world.sign("north", "organisation/describe", {"name": "North\n", "endpoint": ""})


@case("organisation", Code.BAD_PAYLOAD)
def an_address_that_is_no_web_address(world: World) -> bytes:
    return world.sign("north", "organisation/describe", {"name": "North", "endpoint": "javascript:alert(1)"})


@case("organisation", Code.OK)
def new_keys(world: World) -> bytes:
    return world.sign("north", "organisation/rotate", {"keys": keys("north 2")})


@case("organisation", Code.OK)
def new_cosigning_keys_only(world: World) -> bytes:
    return world.sign("north", "organisation/rotate", {"keys": keys("north 2") | {"ed25519": public("north")}})


@case("organisation", Code.OK)
def signed_with_the_new_key(world: World) -> bytes:
    world.accept(world.sign("north", "organisation/rotate", {"keys": keys("north 2")}))
    return describe(world, by="north 2")


@case("organisation", Code.NO_CHANGE)
def the_same_keys(world: World) -> bytes:
    return world.sign("north", "organisation/rotate", {"keys": keys("north")})


@case("organisation", Code.KEY_IN_USE)
def the_key_of_another_organisation(world: World) -> bytes:
    return world.sign("north", "organisation/rotate", {"keys": keys("south")})


@case("organisation", Code.KEY_IN_USE)
def back_to_a_retired_key(world: World) -> bytes:
    world.accept(world.sign("north", "organisation/rotate", {"keys": keys("north 2")}))
    return world.sign("north", "organisation/rotate", {"keys": keys("north")}, by="north 2")


@case("organisation", Code.BAD_PAYLOAD)
def a_key_that_is_too_short(world: World) -> bytes:
    return world.sign("north", "organisation/rotate", {"keys": keys("north 2") | {"ed25519": bytes(31)}})


# --- accounts ---------------------------------------------------------------------------------------------


@case("account", Code.OK)
def an_account_is_opened(world: World) -> bytes:
    return world.opening("ada")


@case("account", Code.ADDRESS_MISMATCH)
def an_address_that_follows_from_another_salt(world: World) -> bytes:
    payload = {"credential": credential("ada"), "salt": hash_of("another salt")}
    return world.sign(address("ada"), "account/create", payload, by="ada")


@case("account", Code.ADDRESS_MISMATCH)
def an_account_opened_with_the_thief_s_key(world: World) -> bytes:
    payload = {"credential": credential("thief"), "salt": hash_of("salt ada")}
    return world.sign(address("ada"), "account/create", payload, by="thief")


@case("account", Code.ACCOUNT_EXISTS)
def an_account_is_opened_twice(world: World) -> bytes:
    world.open_account("ada")
    return world.opening("ada")


@case("account", Code.UNKNOWN_KEY)
def an_account_opened_by_another_key_than_it_names(world: World) -> bytes:
    payload = {"credential": credential("ada"), "salt": hash_of("salt ada")}
    return world.sign(address("ada"), "account/create", payload, by="bo")


@case("account", Code.BAD_PAYLOAD)
def an_account_opened_without_a_salt(world: World) -> bytes:
    return world.sign(address("ada"), "account/create", {"credential": credential("ada")}, by="ada")


def add(world: World, name: str, by: str = "ada") -> bytes:
    """Ada's account gets another credential."""
    return world.sign(address("ada"), "account/credential-add", {"credential": credential(name)}, by=by)


def remove(world: World, name: str, by: str = "ada") -> bytes:
    """Ada's account loses a credential."""
    return world.sign(address("ada"), "account/credential-remove", {"key": key_id(public(name))}, by=by)


@case("account", Code.OK)
def a_second_credential(world: World) -> bytes:
    world.open_account("ada")
    return add(world, "phone")


@case("account", Code.OK)
def the_second_credential_removes_the_first(world: World) -> bytes:
    world.open_account("ada")
    world.accept(add(world, "phone"))
    return remove(world, "ada", by="phone")


@case("account", Code.UNKNOWN_KEY)
def a_removed_credential_acts_no_more(world: World) -> bytes:
    the_second_credential_removes_the_first(world)
    world.nonces[address("ada")] = 2
    world.accept(remove(world, "ada", by="phone"))
    return add(world, "tablet")


@case("account", Code.CREDENTIAL_EXISTS)
def a_credential_that_is_there_already(world: World) -> bytes:
    world.open_account("ada")
    return add(world, "ada")


@case("account", Code.UNKNOWN_CREDENTIAL)
def a_credential_goes_that_was_never_there(world: World) -> bytes:
    world.open_account("ada")
    return remove(world, "phone")


@case("account", Code.LAST_CREDENTIAL)
def the_only_credential_goes(world: World) -> bytes:
    world.open_account("ada")
    return remove(world, "ada")


@case("account", Code.TOO_MANY_CREDENTIALS)
def one_credential_more_than_sixteen(world: World) -> bytes:
    world.open_account("ada")
    world.accept(*[add(world, f"phone {number}") for number in range(15)])
    return add(world, "phone 15")


@case("account", Code.BAD_PAYLOAD)
def a_credential_of_an_unknown_kind(world: World) -> bytes:
    world.open_account("ada")
    payload = {"credential": {"kind": "rsa", "key": public("phone")}}
    return world.sign(address("ada"), "account/credential-add", payload, by="ada")


# --- governance -------------------------------------------------------------------------------------------


@case("governance", Code.OK)
def a_proposal(world: World) -> bytes:
    return world.proposal("north", "admit", **admission("west"))


@case("governance", Code.OK)
def a_proposal_that_names_the_engine(world: World) -> bytes:
    return world.proposal("north", "admit", **admission("west"), engine="e1" * 20)


@case("governance", Code.OK)
def the_deciding_vote(world: World) -> bytes:
    proposal = world.propose("north", "admit", **admission("west"))
    world.accept(world.vote("south", proposal))
    return world.vote("east", proposal)


@case("governance", Code.NO_VOTE)
def a_witness_proposes(world: World) -> bytes:
    return world.proposal("tower", "admit", **admission("west"))


@case("governance", Code.NO_VOTE)
def a_witness_votes(world: World) -> bytes:
    return world.vote("tower", world.propose("north", "admit", **admission("west")))


@case("governance", Code.UNKNOWN_PROPOSAL)
def a_vote_for_nothing(world: World) -> bytes:
    return world.vote("north", hash_of("nothing"))


@case("governance", Code.PROPOSAL_CLOSED)
def a_vote_for_what_was_carried_out(world: World) -> bytes:
    world.admit("west")
    proposal = world.propose("north", "suspend", id="east")
    for voter in ("south", "west"):
        world.accept(world.vote(voter, proposal))
    return world.vote("west", proposal)


@case("governance", Code.PROPOSAL_CLOSED)
def a_vote_after_thirty_days(world: World) -> bytes:
    proposal = world.propose("north", "suspend", id="east")
    world.block(time=world.tip.time + 30 * DAY)
    return world.vote("south", proposal)


@case("governance", Code.ALREADY_VOTED)
def the_proposer_votes_again(world: World) -> bytes:
    return world.vote("north", world.propose("north", "suspend", id="east"))


@case("governance", Code.ORGANISATION_EXISTS)
def an_organisation_joins_twice(world: World) -> bytes:
    return world.proposal("north", "admit", **(admission("west") | {"id": "south"}))


@case("governance", Code.ORGANISATION_EXISTS)
def the_deciding_vote_comes_when_the_change_cannot_be_made_any_more(world: World) -> bytes:
    late = world.propose("south", "admit", **admission("west"))
    world.admit("west")
    world.accept(world.vote("north", late))
    return world.vote("east", late)


@case("governance", Code.UNKNOWN_ORGANISATION)
def nobody_is_suspended(world: World) -> bytes:
    return world.proposal("north", "suspend", id="west")


@case("governance", Code.NO_CHANGE)
def an_active_organisation_is_reinstated(world: World) -> bytes:
    return world.proposal("north", "reinstate", id="south")


@case("governance", Code.NO_CHANGE)
def a_suspended_organisation_is_suspended(world: World) -> bytes:
    world.decide("suspend", id="east")
    return world.proposal("north", "suspend", id="east")


@case("governance", Code.KEY_IN_USE)
def an_organisation_joins_with_the_key_of_another(world: World) -> bytes:
    return world.proposal("north", "admit", **(admission("west") | {"keys": keys("south")}))


@case("governance", Code.OK)
def stolen_keys_are_replaced(world: World) -> bytes:
    world.decide("replace-keys", voters=("north", "south"), id="east", keys=keys("east 2"))
    proposal = id_of(world.blocks[-2].transactions[0])
    return world.vote("east", proposal)


@case("governance", Code.LAST_VOTERS)
def the_last_voter_is_suspended(world: World) -> bytes:
    world.decide("suspend", id="east")
    world.decide("suspend", voters=("north", "south"), id="south")
    return world.proposal("north", "suspend", id="north")


@case("governance", Code.BAD_UPGRADE)
def an_upgrade_that_leaves_a_version_out(world: World) -> bytes:
    return world.proposal("north", "upgrade", version=3, height=100)


@case("governance", Code.BAD_UPGRADE)
def an_upgrade_at_a_height_that_has_passed(world: World) -> bytes:
    return world.proposal("north", "upgrade", version=2, height=1)


@case("governance", Code.OK)
def an_upgrade_is_proposed(world: World) -> bytes:
    return world.proposal("north", "upgrade", version=2, height=100)


@case("governance", Code.OK)
def a_validator_is_proposed(world: World) -> bytes:
    return world.proposal("north", "validator", id="south", key=hash_of("consensus south"), power=1)


@case("governance", Code.BAD_PAYLOAD)
def a_change_that_nobody_knows(world: World) -> bytes:
    return world.proposal("north", "rename", id="south")


@case("governance", Code.BAD_PAYLOAD)
def an_organisation_joins_with_an_unknown_role(world: World) -> bytes:
    return world.proposal("north", "admit", **admission("west", "king"))


@case("governance", Code.BAD_PAYLOAD)
def an_id_that_ends_with_a_line_break(world: World) -> bytes:
    return world.proposal("north", "admit", **(admission("west") | {"id": "west\n"}))


# --- batches ----------------------------------------------------------------------------------------------


@case("anchor", Code.OK)
def a_first_batch(world: World) -> bytes:
    return world.batch("north", [entry(0), entry(1), entry(2)])


@case("anchor", Code.OK)
def a_batch_that_follows(world: World) -> bytes:
    world.anchor("north", entry(0), entry(1))
    return world.batch("north", [entry(2)])


@case("anchor", Code.OK)
def every_extra_at_once(world: World) -> bytes:
    return world.batch(
        "north",
        [
            entry(
                0,
                owes=[bytes(16), "south", world.tip.time + DAY],
                settles=[["south", bytes(16)], ["east", bytes(16)]],
                nullifier=hash_of("secret"),
                sealed=b"x" * 256,
            )
        ],
    )


@case("anchor", Code.BATCH_GAP)
def a_batch_that_leaves_a_line_out(world: World) -> bytes:
    world.anchor("north", entry(0))
    return world.batch("north", [entry(2)], first=3)


@case("anchor", Code.BATCH_GAP)
def a_batch_that_begins_at_zero(world: World) -> bytes:
    return world.batch("north", [entry(0)], first=0)


@case("anchor", Code.BATCH_GAP)
def a_batch_anchored_twice_under_two_nonces(world: World) -> bytes:
    again = world.batch("north", [entry(0)], changes={"nonce": 2})
    world.accept(world.batch("north", [entry(0)], changes={"nonce": 1}))
    return again


@case("anchor", Code.BATCH_FORK)
def a_batch_that_follows_another_history(world: World) -> bytes:
    world.anchor("north", entry(0))
    return world.batch("north", [entry(1)], previous=hash_of("another batch"))


@case("anchor", Code.BATCH_FORK)
def a_first_batch_that_names_one_before(world: World) -> bytes:
    return world.batch("north", [entry(0)], previous=hash_of("another batch"))


@case("anchor", Code.ENTRY_MALFORMED)
def an_attachment_that_is_no_array(world: World) -> bytes:
    return world.batch("north", [entry(0)], attachment=b"\xa0")


@case("anchor", Code.ENTRY_MALFORMED)
def an_anchor_without_its_entries(world: World) -> bytes:
    return world.batch("north", [entry(0)], attachment=b"")


@case("anchor", Code.ENTRY_MALFORMED)
def an_entry_with_a_short_tag(world: World) -> bytes:
    return world.batch("north", [codec.encode([bytes(32), bytes(15), {}])])


@case("anchor", Code.ENTRY_MALFORMED)
def an_entry_with_an_unknown_extra(world: World) -> bytes:
    return world.batch("north", [entry(0, name="Ada")])


@case("anchor", Code.ENTRY_MALFORMED)
def an_entry_with_a_null(world: World) -> bytes:
    return world.batch("north", [entry(0, sealed=None)])


@case("anchor", Code.ENTRY_MALFORMED)
def a_sealed_field_of_257_bytes(world: World) -> bytes:
    return world.batch("north", [entry(0, sealed=bytes(257))])


@case("anchor", Code.ENTRY_MALFORMED)
def seventeen_settlements_in_one_entry(world: World) -> bytes:
    return world.batch("north", [entry(0, settles=[["south", bytes(16)]] * 17)])


@case("anchor", Code.ENTRY_MALFORMED)
def entries_with_lengths_in_more_bytes_than_they_need(world: World) -> bytes:
    return world.batch("north", [entry(0)], attachment=b"\x98\x01" + entry(0))


@case("anchor", Code.BATCH_COUNT)
def one_entry_less_than_stated(world: World) -> bytes:
    return world.batch("north", [entry(0)], count=2)


@case("anchor", Code.BATCH_ROOT)
def an_entry_was_exchanged_on_the_way(world: World) -> bytes:
    data = world.batch("north", [entry(0), entry(1)])
    return repack(data, attachment=b"\x82" + entry(0) + entry(2))


@case("anchor", Code.BATCH_ROOT)
def two_entries_changed_places_on_the_way(world: World) -> bytes:
    data = world.batch("north", [entry(0), entry(1)])
    return repack(data, attachment=b"\x82" + entry(1) + entry(0))


@case("anchor", Code.UNKNOWN_DEBTOR)
def an_obligation_of_nobody(world: World) -> bytes:
    return world.batch("north", [entry(0, owes=[bytes(16), "west", world.tip.time])])


@case("anchor", Code.OBLIGATION_EXISTS)
def the_same_obligation_again(world: World) -> bytes:
    world.anchor("north", entry(0, owes=[bytes(16), "south", world.tip.time + DAY]))
    return world.batch("north", [entry(1, owes=[bytes(16), "east", world.tip.time + DAY])])


@case("anchor", Code.OBLIGATION_EXISTS)
def the_same_obligation_twice_in_one_batch(world: World) -> bytes:
    owes = [bytes(16), "south", world.tip.time + DAY]
    return world.batch("north", [entry(0, owes=owes), entry(1, owes=owes)])


@case("anchor", Code.OK)
def two_organisations_use_one_obligation_id(world: World) -> bytes:
    world.anchor("north", entry(0, owes=[bytes(16), "south", world.tip.time + DAY]))
    return world.batch("east", [entry(1, owes=[bytes(16), "south", world.tip.time + DAY])])


@case("anchor", Code.DUE_OUT_OF_RANGE)
def an_obligation_due_in_eleven_years(world: World) -> bytes:
    return world.batch("north", [entry(0, owes=[bytes(16), "south", world.tip.time + 11 * 366 * DAY])])


@case("anchor", Code.BAD_PAYLOAD)
def an_empty_batch(world: World) -> bytes:
    return world.batch("north", [])


@case("anchor", Code.BAD_PAYLOAD)
def a_batch_of_more_than_8192(world: World) -> bytes:
    return world.batch("north", [entry(0)], count=8193)


@case("anchor", Code.OK)
def settling_what_nobody_owes_does_not_stop_a_batch(world: World) -> bytes:
    return world.batch("south", [entry(0, settles=[["north", bytes(16)]])])


@case("anchor", Code.OK)
def an_obligation_is_settled_in_time(world: World) -> bytes:
    world.anchor("north", entry(0, owes=[bytes(16), "south", world.tip.time + DAY]))
    return world.batch("south", [entry(0, settles=[["north", bytes(16)]])])


@case("anchor", Code.OK)
def an_overdue_obligation_is_settled_late(world: World) -> bytes:
    world.anchor("north", entry(0, owes=[bytes(16), "south", world.tip.time + DAY]))
    world.block(time=world.tip.time + 2 * DAY)
    return world.batch("south", [entry(0, settles=[["north", bytes(16)]])])


@case("anchor", Code.OK)
def a_revocation_is_published_twice(world: World) -> bytes:
    world.anchor("north", entry(0, nullifier=hash_of("secret")))
    return world.batch("south", [entry(1, nullifier=hash_of("secret"))])
