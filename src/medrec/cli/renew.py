"""`medrec renew`: receipts outlive the algorithms that signed them. `medrec verify`: the package checks one."""

import time
from calendar import timegm
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medrec.cli.desk import at_desk
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.cli.stop import stop
from medrec.core.cosigned import ALGORITHMS
from medrec.core.note import parse_vkey
from medrec.core.receipt import WITNESSES, Verdict
from medrec.core.receipt import parse as parse_receipt
from medrec.core.receipt import verify as verify_receipt
from medrec.core.witnessed import policy, witnesses_of
from medrec.node.keeping.files import write_whole

console = Console(soft_wrap=True)


def renew(
    receipts: Annotated[list[Path], typer.Argument(help="The receipts, NAME.receipt.json or any other name.")],
    settings: SettingsFile = DEFAULT,
) -> None:
    """Have the heads that receipts rest on signed again, by every organisation with every algorithm it has.

    Do it while the old algorithm still holds. Beside each receipt its renewal is written, NAME.renewal.json; one that
    is there already is carried further.

    Example: medrec renew o1.receipt.json
    """
    files, places = [], []
    for path in receipts:
        place = path.with_name(f"{path.name.removesuffix('.json').removesuffix('.receipt')}.renewal.json")
        try:
            files.append([path.read_bytes(), place.read_bytes() if place.exists() else None])
        except OSError as error:
            stop("file", f"{path} cannot be read: {error.strerror}.")
        places.append(place)
    made = at_desk(settings, "renew", files)
    for place, data in zip(places, made, strict=True):
        # The one before cannot be made again once an algorithm has fallen.
        write_whole(place, data)
        console.print(f"{place}: {len(data)} bytes", highlight=False)


def verify(
    receipt: Annotated[Path, typer.Argument(help="The receipt.")],
    root: Annotated[Path, typer.Option(help="The network's root file, from somebody you trust.")],
    record: Annotated[Path | None, typer.Option(help="The record, where there is content to compare.")] = None,
    renewal: Annotated[Path | None, typer.Option(help="What `medrec renew` made of the receipt.")] = None,
    retired: Annotated[list[str] | None, typer.Option(help="What is broken since a day: ed25519=2035-01-31.")] = None,
    quorum: Annotated[int | None, typer.Option(help="How many organisations must vouch.")] = None,
    witness: Annotated[list[str] | None, typer.Option(help="The key of a witness that must vouch, too.")] = None,
    witnesses: Annotated[int | None, typer.Option(help="How many of those witnesses must; else all.")] = None,
) -> None:
    """Verify a receipt offline; tools/verify_receipt.py does the same without this package.

    Exit code 0: genuine; 1: not genuine; 2: unreadable, so nothing is known.

    Example: medrec verify o1.receipt.json --root root.json --record o1.json
    """
    days = {}
    for text in retired or []:
        name, _, day = text.partition("=")
        try:
            days[name] = timegm(time.strptime(day, "%Y-%m-%d")) * 1000
        except ValueError:
            stop("bad-day", f"{text!r} is not an algorithm and a day, for instance ed25519=2035-01-31.")
        if name not in ALGORITHMS:
            stop("bad-day", f"No algorithm is called {name!r}; there are {', '.join(ALGORITHMS)}.")
    try:
        keys = [parse_vkey(text) for text in witness or []]
        needed = policy(keys, witnesses) if keys or witnesses is not None else 0
    except ValueError as error:
        stop("bad-witness", f"{error}.")
    try:
        files = [path.read_bytes() if path is not None else None for path in (root, receipt, record, renewal)]
    except OSError as error:
        stop("file", f"{error.filename} cannot be read: {error.strerror}.")
    found = verify_receipt(files[0] or b"", files[1] or b"", files[2], quorum, renewal=files[3], retired=days)
    if found.ok and needed:
        seen = witnesses_of(parse_receipt(files[1] or b""), keys, days)
        if len(seen) < needed:
            said = f"Of the witnesses named {', '.join(seen) or 'none'} saw the head of the log; {needed} must have."
            found = Verdict(False, WITNESSES, said)
        else:
            found = replace(found, sentence=f"{found.sentence} Witnesses: {', '.join(seen)}.")
    console.print(f"{found.word} ({found.code}): {found.sentence}", highlight=False, markup=False)
    raise typer.Exit({"genuine": 0, "not-genuine": 1}.get(found.word, 2))
