"""`medrec demo`: the whole story on one machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medrec.demo.run import Options, run


def demo(
    check: Annotated[bool, typer.Option("--check", help="Tell the story, then exit: 0 if every step held.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Leave root file, records, receipts and verdicts here.")] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="A folder of FHIR Bundles, plain or gzip.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of the invented people.")] = 1,
    people: Annotated[int, typer.Option(min=3, max=2000, help="How many people to invent.")] = 12,
    port: Annotated[int | None, typer.Option(min=1, max=65000, help="The first of four ports.")] = None,
    network: Annotated[
        int | None,
        typer.Option(min=4, max=7, help="Run on a network of so many validators, not on one embedded ledger."),
    ] = None,
) -> None:
    """Start three hospitals and a patients' agent, and tell the main story.

    Example: medrec demo --check --keep out
    """
    raise typer.Exit(run(Options(check, keep, from_, seed, people, port, network or 0), Console(soft_wrap=True)))
