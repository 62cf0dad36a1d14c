"""Account addresses: bech32m (BIP 350) text over 32 bytes, human-readable part "medrec".

A typed or scanned address with up to four wrong characters is refused by its checksum.
"""

import hashlib

PREFIX = "medrec"
PAYLOAD_BYTES = 32

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_POSITION = {letter: index for index, letter in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M = 0x2BC830A3
_CHECKSUM_LENGTH = 6
_LENGTH = len(PREFIX) + 1 + 52 + _CHECKSUM_LENGTH


class AddressError(ValueError):
    """The text is not an account address; the message says why."""


def address_of(first_credential: bytes, salt: bytes) -> str:
    """The address of the account that begins with this public key; the salt keeps one key's accounts apart."""
    return encode_address(hashlib.sha256(b"medrec/account/1" + salt + first_credential).digest())


def encode_address(payload: bytes) -> str:
    """The address of a 32-byte payload. Raises AddressError for another length."""
    if len(payload) != PAYLOAD_BYTES:
        raise AddressError(f"an address stands for {PAYLOAD_BYTES} bytes, not {len(payload)}")
    bits = int.from_bytes(payload, "big") << 4  # 256 bits padded to 52 groups of five
    groups = [(bits >> shift) & 31 for shift in range(255, -1, -5)]
    check = _polymod([*_expanded_prefix(), *groups, *([0] * _CHECKSUM_LENGTH)]) ^ _BECH32M
    groups += [(check >> 5 * (5 - index)) & 31 for index in range(_CHECKSUM_LENGTH)]
    return PREFIX + "1" + "".join(_ALPHABET[group] for group in groups)


def decode_address(text: str) -> bytes:
    """The 32 bytes of an address. Raises AddressError if it is not one, lower case and checksum included."""
    if len(text) != _LENGTH or not text.startswith(PREFIX + "1"):
        raise AddressError(f"an account address has {_LENGTH} characters and begins with {PREFIX}1")
    try:
        groups = [_POSITION[letter] for letter in text[len(PREFIX) + 1 :]]
    except KeyError:
        raise AddressError("an account address has small letters and digits, without 1, b, i and o") from None
    if _polymod([*_expanded_prefix(), *groups]) != _BECH32M:
        raise AddressError("the address is mistyped: its checksum does not fit")
    bits = 0
    for group in groups[:-_CHECKSUM_LENGTH]:
        bits = bits << 5 | group
    if bits & 15:
        raise AddressError("the address has set bits in its padding")
    return (bits >> 4).to_bytes(PAYLOAD_BYTES, "big")


def _expanded_prefix() -> list[int]:
    return [ord(letter) >> 5 for letter in PREFIX] + [0] + [ord(letter) & 31 for letter in PREFIX]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _TOPS[check >> 25]
    return check


def _top(bits: int) -> int:
    """What five bits that fall out at the top leave behind."""
    left = 0
    for index, generator in enumerate(_GENERATOR):
        if bits >> index & 1:
            left ^= generator
    return left


_TOPS = tuple(_top(bits) for bits in range(32))
