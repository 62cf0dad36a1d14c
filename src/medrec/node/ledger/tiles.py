"""Publishing the log as files that a static file server can hold: core/tiles.py says where they lie.

The folder grows with the log. The order of a step and what a crash there means:

1. new bundles and tiles are written: nobody is told of them yet, and the next step writes the same bytes again;
2. the new head takes the place of the old one: everything it needs is there;
3. partial files that a full one has replaced go.

What is published is held against the head first: each leaf must hash to the log's own node.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from medrec.core import merkle, tiles
from medrec.core.checkpoint import (
    Checkpoint,
    CheckpointBody,
    Note,
    NoteError,
    NoteKey,
    parse_checkpoint,
    parse_checkpoint_body,
    parse_note,
    render_note,
)
from medrec.core.types import decode_transaction, log_leaf
from medrec.core.witness import signed_by_log
from medrec.engines.engine import Engine
from medrec.node.keeping.files import write_whole


class TilesError(Exception):
    """The log could not be published, or what is published is not whole. `code` is a short name."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Tiles:
    """Keeps a folder up with an engine's log. One thread calls `publish`."""

    def __init__(self, folder: Path, engine: Engine, network: bytes) -> None:
        self.folder = folder
        self._engine = engine
        self._network = network

    def published(self) -> Checkpoint | None:
        """The head that the folder stands at; None for an empty folder. Raises TilesError for another network's."""
        try:
            found = parse_checkpoint(parse_note((self.folder / tiles.CHECKPOINT).read_bytes()).text)
        except FileNotFoundError:
            return None
        except NoteError:
            raise TilesError("other-log", f"{self.folder.name} holds a checkpoint that is not of this form.") from None
        if found.network != self._network:
            raise TilesError("other-log", f"{self.folder.name} holds the log of another network.")
        return found

    def publish(self, note: Note) -> int:
        """Bring the folder to a signed head of this log; the number of leaves added, 0 if it is there already.

        Raises TilesError (no-blocks, not-this-log, other-log), EngineError, OSError.
        """
        head = parse_checkpoint(note.text)
        before = self.published()
        old, height = (before.size, before.height) if before is not None else (0, 0)
        if head.size < old:
            return 0
        with self._engine.view() as view:
            if head.size > view.tip.log_size or merkle.log_root(view.get, head.size) != head.root:
                raise TilesError("not-this-log", "The head to publish is not one of this node's ledger.")
            if before is not None and merkle.log_root(view.get, old) != before.root:
                raise TilesError("other-log", f"{self.folder.name} holds another history than this node's ledger.")
            if head.size > old:
                self._write_bundles(view.get, old, height, head.size)
            self._write_tiles(view.get, old, head.size)
        write_whole(self.folder / tiles.CHECKPOINT, render_note(note))
        self._drop_partials(old, head.size)
        return head.size - old

    def _write_bundles(self, get: merkle.Reader, old: int, height: int, size: int) -> None:
        start = old - old % tiles.WIDTH
        waiting = self._partial(start, old)
        if waiting is None:  # the partial bundle is gone: begin again
            old, height, start, waiting = 0, 0, 0, []
        at = old
        for index, leaf in self._leaves(height, size):
            if index != at:
                break
            if merkle.leaf_hash(leaf) != get(merkle.node_key(0, index)):
                raise TilesError("not-this-log", f"The block of leaf {index} does not hold what the log says.")
            waiting.append(leaf)
            at += 1
            if len(waiting) == tiles.WIDTH:
                self._write(tiles.tile_path("entries", start // tiles.WIDTH), tiles.encode_bundle(waiting))
                start, waiting = start + tiles.WIDTH, []
        if at != size:
            raise TilesError("no-blocks", f"This node does not have the block of leaf {at}; publish from another.")
        if waiting:
            path = tiles.tile_path("entries", start // tiles.WIDTH, len(waiting))
            self._write(path, tiles.encode_bundle(waiting))

    def _partial(self, start: int, size: int) -> list[bytes] | None:
        """The leaves of the last bundle that was not full."""
        if start == size:
            return []
        try:
            data = (self.folder / tiles.tile_path("entries", start // tiles.WIDTH, size - start)).read_bytes()
            found = tiles.decode_bundle(data)
        except (OSError, tiles.TilesError):
            return None
        return found if len(found) == size - start else None

    def _leaves(self, after: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Index and data of the leaves in the blocks after a height, up to a size of the log."""
        while blocks := self._engine.blocks(after):
            for committed in blocks:
                block = committed.block
                for index, transaction in zip(committed.leaf_indices, block.transactions, strict=True):
                    if index is None:
                        continue
                    if index >= size:
                        return
                    yield index, log_leaf(block.height, block.time, decode_transaction(transaction).body_bytes)
                after = block.height

    def _write_tiles(self, get: merkle.Reader, old: int, new: int) -> None:
        for level in range(tiles.levels(new)):
            for number, width in tiles.spans(level, old, new):
                self._write(tiles.tile_path(level, number, width), tiles.hash_tile(get, level, number, width))

    def _write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        if not target.exists() or target.read_bytes() != data:
            write_whole(target, data)

    def _drop_partials(self, old: int, new: int) -> None:
        for level in ("entries", *range(tiles.levels(new))):
            shift = 0 if level == "entries" else int(level)
            for number, width in tiles.spans(shift, old, new):
                if width == tiles.WIDTH:
                    full = self.folder / tiles.tile_path(level, number)
                    shutil.rmtree(full.with_name(full.name + ".p"), ignore_errors=True)


LogKeys = Sequence[NoteKey] | Callable[[int], Sequence[NoteKey]]
"""The keys that sign heads as the log: always, or at a size of it."""


def check_tiles(fetch: Callable[[str], bytes | None], keys: LogKeys) -> CheckpointBody:
    """Prove a published log whole from its files alone: every entry, every tile, the head and who signed it.

    `fetch` gives the bytes under a path, None where there are none; `keys` are the log's. Raises TilesError that
    names the first file that is wrong.
    """
    head = _read_head(fetch, keys)
    size, nodes = 0, dict[bytes, bytes]()
    for number, width in tiles.spans(0, 0, head.size):
        path = tiles.tile_path("entries", number, width)
        try:
            entries = tiles.decode_bundle(_fetched(fetch, path))
        except tiles.TilesError as error:
            raise TilesError("bad-file", f"{path}: {error}.") from None
        if len(entries) != width:
            raise TilesError("bad-file", f"{path} holds {len(entries)} entries, not {width}.")
        nodes.update(merkle.append(nodes.get, size, [merkle.leaf_hash(entry) for entry in entries]))
        size += width
    for level in range(tiles.levels(head.size)):
        for number, width in tiles.spans(level, 0, head.size):
            path = tiles.tile_path(level, number, width)
            if _fetched(fetch, path) != tiles.hash_tile(nodes.get, level, number, width):
                raise TilesError("bad-file", f"{path} is not what the entries hash to.")
    if merkle.log_root(nodes.get, size) != head.root:
        raise TilesError("bad-root", "The entries do not hash to the root of the checkpoint.")
    return head


def _read_head(fetch: Callable[[str], bytes | None], keys: LogKeys) -> CheckpointBody:
    try:
        note = parse_note(_fetched(fetch, tiles.CHECKPOINT))
        head = parse_checkpoint_body(note.text)
    except NoteError as error:
        raise TilesError("bad-file", f"{tiles.CHECKPOINT}: {error}.") from None
    if not signed_by_log(note, keys(head.size) if callable(keys) else keys):
        raise TilesError(
            "bad-signature",
            "None of the log's keys has signed the checkpoint; after a change of members take a newer root.",
        )
    return head


def _fetched(fetch: Callable[[str], bytes | None], path: str) -> bytes:
    data = fetch(path)
    if data is None:
        raise TilesError("missing", f"{path} is not there.")
    return data
