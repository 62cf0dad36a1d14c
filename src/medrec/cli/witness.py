"""`medrec witness`: a witness that is nothing else. `medrec tiles`: the log as files, published and proven."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medrec import wiring
from medrec.cli.desk import at_desk
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.cli.stop import Stop, stop
from medrec.core.note import NoteError, parse_vkey
from medrec.core.receipt import ReceiptError, read_root
from medrec.core.root import Root
from medrec.node.ledger.tiles import TilesError, check_tiles
from medrec.node.serve import serve
from medrec.node.witness.witness import WitnessError, follow_log, follow_root, set_up
from medrec.node.witness.witness_keys import WITNESS_FILE, WitnessKeys
from medrec.node.witness.witness_roots import log_keys, origin_of

console = Console(soft_wrap=True)


def witness(
    folder: Annotated[Path, typer.Argument(help="The witness's folder; it is made if it is not there.")],
    name: Annotated[str, typer.Option(help="The name of a new witness, for instance library.example/medrec.")] = "",
    root: Annotated[list[Path] | None, typer.Option(help="Follow the network of this root file.")] = None,
    log: Annotated[list[str] | None, typer.Option(help="Follow another log: ORIGIN=KEY, a verifier key.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8790,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    certificate_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    setup: Annotated[bool, typer.Option("--setup", help="Only set it up and print its keys.")] = False,
) -> None:
    """Run a witness: it cosigns the heads of ledgers that only ever grow, and keeps proof of any that do not.

    It needs no node, no ledger and no records. Back its folder up: without its state it does not start.

    Example: medrec witness /srv/witness --name library.example/medrec --root root.json
    """
    try:
        if not (folder / WITNESS_FILE).exists():
            if not name:
                stop("no-witness", f"There is no witness in {folder}; make one with --name.")
            set_up(folder, WitnessKeys.generate(name))
        for path in root or []:
            _root(path)
            follow_root(folder, path.read_bytes())
        for text in log or []:
            origin, _, vkey = text.partition("=")
            follow_log(folder, origin, [parse_vkey(vkey)])
        opened = wiring.open_witness(folder)
    except WitnessError as error:
        stop(error.code, error.sentence)
    except NoteError as error:
        stop("bad-name", f"That cannot be: {error}.")
    try:
        print(opened.card(), end="", flush=True)
        if not setup:
            console.print(f"answers on port {port}", highlight=False)
            serve([wiring.witness_site(opened, host, port, certificate, certificate_key)])
    finally:
        opened.close()


def tiles(
    folder: Annotated[Path | None, typer.Argument(help="Prove the log in this folder whole, instead.")] = None,
    root: Annotated[Path | None, typer.Option(help="The network's root file, from somebody you trust.")] = None,
    settings: SettingsFile = DEFAULT,
) -> None:
    """Publish the log as files for a static server, now; or, with a folder, prove published files whole.

    A running node whose settings name `tiles` does the first by itself. Exit code 0: whole; 1: not whole.

    Example: medrec tiles /srv/www/log --root root.json
    """
    if folder is None:
        done = at_desk(settings, "tiles")
        words = f"{done['folder']}: {done['added']} new leaves, {done['size']} in all"
        console.print(words, highlight=False)
        return
    if root is None:
        stop("no-root", "Give the root file of the network whose log it is: --root root.json.")
    known = _root(root)

    def fetch(path: str) -> bytes | None:
        try:
            return (folder / path).read_bytes()
        except FileNotFoundError:
            return None

    try:
        head = check_tiles(fetch, lambda size: log_keys(known, size))
    except TilesError as error:
        raise Stop(error.code, error.sentence, 1) from None
    if head.origin != origin_of(known):
        raise Stop("other-log", "The files are the log of another network than the root file's.", 1)
    console.print(f"Whole: {head.size} leaves, every tile and the signed head.", highlight=False)


def _root(path: Path) -> Root:
    try:
        return read_root(path.read_bytes())
    except ReceiptError as error:
        stop(error.code, error.sentence)
    except OSError as error:
        stop("no-root", f"The root file {path} cannot be read: {error.strerror}.")
