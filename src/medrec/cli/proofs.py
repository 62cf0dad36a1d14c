"""`medrec receipt`, `export`, `check`: proofs that travel without the node."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medrec import wiring
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.node import receipts
from medrec.node.settings import read_settings

console = Console()


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
    parts = record.split("/")
    if len(parts) not in (2, 3) or (len(parts) == 3 and not parts[2].isdigit()):
        console.print("[red]Name the record as Type/id or Type/id/version, for instance Observation/o1.[/red]")
        raise typer.Exit(2)
    node, engine = wiring.node_of(read_settings(settings))
    try:
        node.anchor()
        which = (parts[0], parts[1]) if len(parts) == 2 else (parts[0], parts[1], int(parts[2]))
        data = receipts.receipt_for(node, which, with_mldsa=quantum)
        if root is not None:
            root.write_bytes(receipts.root_file(node))
    except receipts.ReceiptUnavailableError as refused:
        console.print(f"{refused.code}: {refused.sentence}", highlight=False, markup=False)
        raise typer.Exit(1) from None
    finally:
        node.store.close()
        wiring.close(engine)
    if out is None:
        print(data.decode())
    else:
        out.write_bytes(data)
        console.print(f"{out}: {len(data)} bytes", highlight=False)
