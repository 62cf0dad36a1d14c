"""`medrec erase`: destroy what this node holds of a record or of a person; the ledger still verifies."""

from typing import Annotated

import typer
from rich.console import Console

from medrec.cli.desk import at_desk
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.cli.stop import stop

console = Console(soft_wrap=True)


def erase(
    what: Annotated[str, typer.Argument(help="record, person or account.")],
    which: Annotated[str, typer.Argument(help="Type/id of a record, the local patient's number, or an account.")],
    ground: Annotated[
        str, typer.Option(help="patient-request, retention-over, unlawful, entered-in-error or court-order.")
    ] = "patient-request",
    words: Annotated[str, typer.Option(help="Why, in a sentence; it stands in the statement.")] = "",
    sure: Annotated[bool, typer.Option("--sure", help="It cannot be undone, from no backup.")] = False,
    settings: SettingsFile = DEFAULT,
) -> None:
    """Destroy salts, manifests and keys of a record or a person, in every backup of the store too.

    The records must be gone from the system they live in first. Example: medrec erase record Observation/o1 --sure
    """
    if not sure:
        stop("not-sure", f"This destroys what is held of {which} for good, from no backup to be had again: add --sure.")
    done = at_desk(settings, "erase", what, which, ground, words)
    console.print(f"Erased: {done['lines']} lines lost what they said. The statement is {done['statement']}.")
    console.print("Take a new backup of the store now: older ones no longer hold what stays of this person.")
