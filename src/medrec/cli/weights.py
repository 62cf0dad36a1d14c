"""medrec weights: estimate from a site's own registry how much each field says about who somebody is."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from medrec.core.matching import WEIGHTS, Field
from medrec.node.right_person import estimating
from medrec.node.settings import read_settings


def weights(
    paths: Annotated[list[Path], typer.Argument(help="FHIR Patients: JSON or NDJSON files, or folders of them.")],
    settings: Annotated[Path, typer.Option(help="The node's settings.")] = Path("medrec.toml"),
    keep: Annotated[bool, typer.Option(help="Have the node score by them from its next start on.")] = False,
) -> None:
    """Estimate the weights of matching from a registry that holds some of its patients twice, beside those that ship.

    Nobody has to say which are one person. Nothing is linked by a score, whatever the weights.
    Example: medrec weights patients.ndjson --keep
    """
    console = Console(highlight=False, soft_wrap=True)
    with console.status("Comparing ..."):
        found = estimating.estimate(estimating.people_in(paths))
    table = Table("field", "m", "u", "agrees", "nearly", "differs", "ships with")
    for field in Field:
        mine, ships = found.weights[field], WEIGHTS[field]
        shares = (f"{mine.m / 1e6:.3f}", f"{mine.u / 1e6:.6f}")
        bits = (str(mine.agrees), str(mine.nearly), str(mine.differs))
        table.add_row(field.value, *shares, *bits, f"{ships.agrees} / {ships.nearly} / {ships.differs}")
    console.print(table)
    console.print(f"From {found.records:,} records, about {found.matches:,} pairs of one person among {found.pairs:,}.")
    if keep:
        target = read_settings(settings).data / estimating.FILE
        target.write_bytes(estimating.written(found))
        console.print(f"Kept as {target.name}. A node that is running reads it after its next start.")
