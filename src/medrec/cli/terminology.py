"""medrec terminology: load the code tables that a site holds, and say what is loaded."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medrec.cli.stop import Stop
from medrec.node.settings import read_settings
from medrec.node.terminology import held
from medrec.node.terminology.index import TerminologyError
from medrec.node.terminology.load import load

_Settings = Annotated[Path, typer.Option(help="The node's settings.")]


def terminology(
    action: Annotated[str, typer.Argument(help="load or show")],
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of releases; all of them at once.")
    ] = None,
    settings: _Settings = Path("medrec.toml"),
    language: Annotated[
        str, typer.Option(help="Whose preferred terms of SNOMED CT are shown: en-US, en-GB, es or es-419.")
    ] = "",
) -> None:
    """Load RxNorm, UNII, ICD-10-CM, CVX, SNOMED CT, LOINC and class tables into one indexed file of the node.

    What is loaded takes the place of what was loaded before.
    Example: medrec terminology load rxnorm/rrf icd10cm_order_2026.txt
    """
    target = held.path_of(read_settings(settings).data)
    console = Console(highlight=False, soft_wrap=True)
    try:
        if action == "load" and paths:
            with console.status("Reading ...") as status:
                done = load(paths, target, lambda what, rows: status.update(f"{what}: {rows:,} rows"), language)
            for file, kind, rows in done:
                console.print(f"{kind}: {rows:,} rows of {file}")
            console.print(f"Loaded into {target.name}. A node that is running reads it after its next start.")
        elif action == "show" and not paths:
            for line in held.described(target):
                console.print(line)
        else:
            raise Stop("usage", "Say: medrec terminology load PATH..., or: medrec terminology show")
    except TerminologyError as error:
        raise Stop(error.code, error.sentence) from None
