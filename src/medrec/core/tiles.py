"""The log as files that any static server can hold (c2sp.org/tlog-tiles): where they lie and what stands in them.

    checkpoint                          the newest signed head
    tile/entries/000.p/3                leaves 0 to 2, each behind its length in two bytes
    tile/0/000.p/3                      their leaf hashes
    tile/1/x001/x234/067                256 hashes, each over a full tile of the level below

A full tile has 256 parts and never changes; what a head of some size needs of the last, partial tiles lies under
`.p/WIDTH`. A leaf's data is what `types.log_leaf` gives: [1, height, time, body].
"""

from collections.abc import Callable, Iterator, Sequence

from medrec.core.merkle import HASH_BYTES, ProofError, Reader, node_key, root

WIDTH = 256
LEVEL_BITS = 8
ENTRY_BYTES_MAX = (1 << 16) - 1
CHECKPOINT = "checkpoint"


class TilesError(ValueError):
    """A bundle or tile is malformed; the message says why."""


def number_path(number: int) -> str:
    """A tile's number in groups of three digits, all but the last behind an x: 1234067 is x001/x234/067."""
    last = f"{number % 1000:03}"
    number //= 1000
    while number:
        last = f"x{number % 1000:03}/{last}"
        number //= 1000
    return last


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Where a tile lies; `level` is 0 and up or "entries", `width` 1 to 256 parts."""
    return f"tile/{level}/{number_path(number)}" + (f".p/{width}" if width < WIDTH else "")


def spans(level: int, old: int, new: int) -> Iterator[tuple[int, int]]:
    """(number, width) of every tile of a level that a log of `new` leaves has and one of `old` leaves had not.

    Of partial tiles only the one that the head at `new` needs.
    """
    before, after = old >> (LEVEL_BITS * level), new >> (LEVEL_BITS * level)
    if before == after:
        return
    for number in range(before // WIDTH, after // WIDTH):
        yield number, WIDTH
    if after % WIDTH:
        yield after // WIDTH, after % WIDTH


def levels(size: int) -> int:
    """How many levels of tiles a log of so many leaves has."""
    count = 0
    while size:
        count, size = count + 1, size >> LEVEL_BITS
    return count


def hash_tile(get: Reader, level: int, number: int, width: int) -> bytes:
    """The content of a tile from the stored log. Raises ProofError if the log does not have it."""
    parts = []
    for index in range(number * WIDTH, number * WIDTH + width):
        value = get(node_key(LEVEL_BITS * level, index))
        if value is None:
            raise ProofError(f"the stored log has no node {index} at level {LEVEL_BITS * level}")
        parts.append(value)
    return b"".join(parts)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The content of an entry bundle. Raises TilesError for an entry that is too long for its two bytes of length."""
    if any(len(entry) > ENTRY_BYTES_MAX for entry in entries):
        raise TilesError(f"an entry has more than {ENTRY_BYTES_MAX} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises TilesError."""
    entries, position = [], 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if position > len(data):
            raise TilesError("an entry bundle breaks off")
        entries.append(data[start:position])
    return entries


def tile_reader(fetch: Callable[[str], bytes | None], size: int) -> Reader:
    """Reads nodes of the stored log (`merkle.node_key`) out of the tiles of a log of `size` leaves.

    So every proof and root of merkle.py can be made from the files alone.
    """

    def get(key: bytes) -> bytes | None:
        return node_of(fetch, size, key[4], int.from_bytes(key[5:], "big"))

    return get


def node_of(fetch: Callable[[str], bytes | None], size: int, level: int, index: int) -> bytes | None:
    """A node of the log at any level, from the tile that holds it or the hashes below it; None if it is not there."""
    tile_level, inside = divmod(level, LEVEL_BITS)
    first = index << inside
    count = size >> (LEVEL_BITS * tile_level)
    number = first // WIDTH
    width = min(WIDTH, count - number * WIDTH)
    if width <= 0:
        return None
    data = fetch(tile_path(tile_level, number, width))
    if data is None and width < WIDTH:
        data = fetch(tile_path(tile_level, number))
    start = first % WIDTH * HASH_BYTES
    end = start + (HASH_BYTES << inside)
    if data is None or len(data) < end:
        return None
    return root([data[at : at + HASH_BYTES] for at in range(start, end, HASH_BYTES)])
