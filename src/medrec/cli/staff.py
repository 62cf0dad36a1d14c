"""`medrec staff`: who works here, with which role, and with which key."""

from typing import Annotated

import typer
from rich.console import Console

from medrec.cli.desk import at_desk
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.cli.stop import stop

console = Console(soft_wrap=True)


def staff(
    action: Annotated[str, typer.Argument(help="list, invite, dismiss or publish.")] = "list",
    who: Annotated[str, typer.Argument(help="invite: the name; dismiss: the id.")] = "",
    role: Annotated[str, typer.Option(help="clinician, desk, privacy-officer, operator or helper.")] = "clinician",
    profession: Annotated[
        str, typer.Option(help="What a clinician is: physician, nurse, paramedic or other; others hear it.")
    ] = "physician",
    same_as: Annotated[
        str,
        typer.Option(help="invite: an id in the list that is the same person, in another role or under another name."),
    ] = "",
    settings: SettingsFile = DEFAULT,
) -> None:
    """List the staff, invite somebody by a one-time code, dismiss somebody, or put the staff's keys on the ledger.

    Example: medrec staff invite "Nora Nurse" --role desk
    """
    if action not in ("list", "invite", "dismiss", "publish"):
        stop("unknown-action", f"There is no action {action!r}; there are list, invite, dismiss and publish.")
    if action in ("invite", "dismiss") and not who:
        stop("nobody", "Say whom: a name to invite, an id to dismiss.")
    done = at_desk(settings, "staff", action, who, role, profession, same_as)
    if action == "invite":
        code = " ".join(done["code"][at : at + 4] for at in range(0, len(done["code"]), 4))
        console.print(f"{who} registers a passkey at the sign-in page with this code, once, within a day:")
        console.print(code, highlight=False)
    elif action == "list":
        for member in done["members"]:
            state = "dismissed" if not member["active"] else "no key yet" if not member["key"] else "active"
            same = f"  (same person as {member['person']})" if member["person"] != member["id"] else ""
            line = f"{member['id']}  {member['role']}  {state}  {member['name']}{same}"
            console.print(line, highlight=False, markup=False)
    elif action == "publish":
        console.print(f"{done['keys']} keys of staff stand on the ledger; they may vouch after a day.", highlight=False)
