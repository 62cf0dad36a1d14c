"""Account addresses: the published bech32m rules, and that a typing mistake never leads to another account."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medrec.core import address
from medrec.core.address import AddressError, address_of, decode_address, encode_address

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@given(st.binary(min_size=32, max_size=32))
def test_round_trip(payload: bytes) -> None:
    text = encode_address(payload)
    assert len(text) == 65 and text.startswith("medrec1")
    assert decode_address(text) == payload


def test_a_fixed_example() -> None:
    # Computed with the reference code of BIP 350 (bech32m, human-readable part "medrec").
    assert encode_address(bytes(32)) == reference(bytes(32))
    assert encode_address(bytes(range(32))) == reference(bytes(range(32)))


def reference(payload: bytes) -> str:
    """BIP 350 written from its text, over lists of bits."""
    bits = "".join(f"{byte:08b}" for byte in payload) + "0000"
    values = [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]
    expanded = [ord(c) >> 5 for c in "medrec"] + [0] + [ord(c) & 31 for c in "medrec"]

    def polymod(numbers: list[int]) -> int:
        check = 1
        for number in numbers:
            top = check >> 25
            check = (check & 0x1FFFFFF) << 5 ^ number
            for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                check ^= g if (top >> i) & 1 else 0
        return check

    rest = polymod(expanded + values + [0] * 6) ^ 0x2BC830A3
    return "medrec1" + "".join(ALPHABET[v] for v in values + [(rest >> 5 * (5 - i)) & 31 for i in range(6)])


@settings(max_examples=300)
@given(st.binary(min_size=32, max_size=32), st.data())
def test_up_to_four_wrong_characters_are_always_found(payload: bytes, data: st.DataObject) -> None:
    text = encode_address(payload)
    places = data.draw(st.lists(st.integers(7, 64), min_size=1, max_size=4, unique=True))
    letters = list(text)
    for place in places:
        letters[place] = data.draw(st.sampled_from([letter for letter in ALPHABET if letter != text[place]]))
    with pytest.raises(AddressError, match="mistyped"):
        decode_address("".join(letters))


@given(st.binary(min_size=32, max_size=32), st.integers(7, 63))
def test_two_neighbours_that_changed_places_are_found(payload: bytes, place: int) -> None:
    text = encode_address(payload)
    if text[place] != text[place + 1]:
        with pytest.raises(AddressError):
            decode_address(text[:place] + text[place + 1] + text[place] + text[place + 2 :])


@given(st.text(max_size=80))
def test_any_text_at_all_is_refused_in_words(text: str) -> None:
    with pytest.raises(AddressError):
        decode_address(text)


def test_one_form_only() -> None:
    text = encode_address(bytes(32))
    for other in (text.upper(), text + "\n", " " + text, text.replace("1", "I", 1), text[:-1], "bc" + text[2:]):
        with pytest.raises(AddressError):
            decode_address(other)
    with pytest.raises(AddressError):
        encode_address(bytes(31))


def test_set_bits_in_the_padding_are_a_second_form_and_refused() -> None:
    groups = [address._POSITION[letter] for letter in encode_address(bytes(32))[7:59]]
    groups[-1] |= 1
    check = address._polymod([*address._expanded_prefix(), *groups, *([0] * 6)]) ^ 0x2BC830A3
    groups += [(check >> 5 * (5 - index)) & 31 for index in range(6)]
    with pytest.raises(AddressError, match="padding"):
        decode_address("medrec1" + "".join(ALPHABET[group] for group in groups))


def test_one_key_has_as_many_accounts_as_salts() -> None:
    assert address_of(bytes(32), bytes(32)) != address_of(bytes(32), bytes([1]) * 32)
    assert address_of(bytes(32), bytes(32)) != address_of(bytes([1]) * 32, bytes(32))
