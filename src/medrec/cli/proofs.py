"""`medrec receipt`, `export`, `check`: proofs that travel without the node."""

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medrec.cli.desk import at_desk
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.cli.stop import stop
from medrec.core.dataset import StatementError
from medrec.core.receipt import ReceiptError, read_root
from medrec.node.release import dataset

console = Console(soft_wrap=True)
RECORD = re.compile(r"[A-Z][A-Za-z]{0,63}/[A-Za-z0-9.\-]{1,64}(/[1-9][0-9]{0,8})?")


def receipt(
    record: Annotated[str, typer.Argument(help="Type/id, or Type/id/version.")],
    out: Annotated[Path | None, typer.Option(help="The receipt's file; without it, it is printed.")] = None,
    root: Annotated[Path | None, typer.Option(help="Write the network's root file here as well.")] = None,
    quantum: Annotated[bool, typer.Option(help="Include the ML-DSA-44 cosignatures (larger).")] = False,
    settings: SettingsFile = DEFAULT,
) -> None:
    """Write the receipt of a record: with it, anybody can prove offline that the record is unaltered.

    Example: medrec receipt Observation/o1 --out o1.receipt.json --root root.json
    """
    if not RECORD.fullmatch(record):
        stop("bad-name", "Name the record as Type/id or Type/id/version, for instance Observation/o1.")
    kind, identifier, *version = record.split("/")
    data = at_desk(settings, "receipt", kind, identifier, int(version[0]) if version else None, quantum)
    if root is not None:
        root.write_bytes(at_desk(settings, "root"))
    if out is None:
        print(data.decode())
    else:
        out.write_bytes(data)
        console.print(f"{out}: {len(data)} bytes", highlight=False)


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder for the set.")],
    first: Annotated[int, typer.Option(min=1, help="The first journal line.")] = 1,
    last: Annotated[int | None, typer.Option(min=1, help="The last one; without it, the last of all.")] = None,
    root: Annotated[Path | None, typer.Option(help="Write the network's root file here as well.")] = None,
    settings: SettingsFile = DEFAULT,
) -> None:
    """Write a run of the journal as a data set, and print its statement: one SMS that proves the set whole.

    Example: medrec export october --first 1 --last 5000 --root root.json
    """
    done = at_desk(settings, "export", first, last, str(folder.absolute()))
    statement, last = done["statement"], done["last"]
    if root is not None:
        root.write_bytes(at_desk(settings, "root"))
    console.print(f"{folder}: lines {first} to {last}. Nobody was told of it: handing it over is a disclosure.")
    print(statement)


def check(
    folder: Annotated[Path, typer.Argument(help="The delivered folder.")],
    statement: Annotated[str, typer.Option(help="The statement, as the SMS brought it.")],
    root: Annotated[Path, typer.Option(help="The network's root file, from somebody you trust.")],
) -> None:
    """Prove a delivered data set complete and unaltered, or name every record that is missing, added or changed.

    Exit code 0: whole; 1: not whole; 2: it could not be checked.

    Example: medrec check october --statement "mr1 harbour-general 1-5000 4980 ..." --root root.json
    """
    try:
        checked = dataset.check_dataset(folder, statement, read_root(root.read_bytes()))
    except (dataset.DatasetError, StatementError, ReceiptError) as error:
        stop(error.code, error.sentence, 2)
    except OSError as error:
        stop("no-root", f"The root file {root} cannot be read: {error.strerror}.", 2)
    said = checked.statement
    words = f"{checked.organisation} stated lines {said.first} to {said.last} of its journal"
    if checked.whole:
        console.print(f"Whole and unaltered: {words}, {said.delivered} records.", highlight=False)
        if checked.former:
            console.print(f"But look: {checked.former}", highlight=False, markup=False)
        return
    for finding in checked.findings:
        line = f"line {finding.seq}" if finding.seq is not None else ""
        what = ", ".join(part for part in (line, finding.name) if part)
        console.print(f"{finding.kind}: {what}: {finding.sentence}", highlight=False, markup=False)
    console.print(f"Not whole: {words}; {len(checked.findings)} things are wrong.", highlight=False)
    raise typer.Exit(1)
