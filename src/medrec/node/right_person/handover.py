"""The key of the lines from before a link, learnt a second time where the answer to the link was lost.

An organisation that links a person answers with the key under which her earlier lines were tagged. If that answer is
lost, or the agent's process ends before it has kept it, the organisation is linked and the agent could not read one of
the older lines. The same key stands sealed to the person in the link's own line, and so comes with its notice.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sql

from medrec.core import codec
from medrec.node.keeping.vault import Vault, VaultError, open_field
from medrec.node.ledger.rebuild import relationship_key, seal_key

LINK = "link/1"
LINKED = 2
"""The number of a link's summary: [2, time, key of the lines before, how many]."""


Handed = list[tuple[str, str, int, bytes, int | None]]
"""(account, organisation, epoch, key, lines): of the link itself, and of the lines before it"""

KeyOf = Callable[[sql.Connection, str, str, int], bytes]


def notice_key(
    known: KeyOf,
    view_secret: Callable[[str], bytes],
    connection: sql.Connection,
    account: str,
    organisation: str,
    epoch: int,
) -> bytes:
    """The key of a relationship, also where the agent has forgotten it. Raises LookupError.

    A call that came twice is accepted once and refused once; whoever hears the refusal alone takes the link for not
    made. Its key follows from the person's view secret, and what it opens was sealed by somebody whom she gave it to.
    """
    try:
        return known(connection, account, organisation, epoch)
    except LookupError:
        if type(epoch) is not int or epoch < 1:
            raise
        return relationship_key(view_secret(account), organisation, epoch)


def handed_over(vault: Vault, view_secret: Callable[[str], bytes], rows: list[dict[str, Any]]) -> Handed:
    """What is told of every link among the rows of notices that an agent is about to keep."""
    found: Handed = []
    for row in rows:
        if row["kind"] != LINK:
            continue
        entry = codec.decode(codec.decode(vault.open_kept(row["sealed"], row["tag"]))[2])
        seal = seal_key(view_secret(row["account"]), row["organisation"], row["epoch"])
        try:
            summary = codec.decode(open_field(seal, row["counter"], entry[2]["sealed"]))
        except (VaultError, KeyError, codec.CodecError):
            continue
        if type(summary) is list and len(summary) >= 4 and summary[0] == LINKED and type(summary[2]) is bytes:
            own = relationship_key(view_secret(row["account"]), row["organisation"], row["epoch"])
            found.append((row["account"], row["organisation"], row["epoch"], own, None))
            found.append((row["account"], row["organisation"], 1 - row["epoch"], summary[2], int(summary[3])))
    return found


def learn(
    connection: sql.Connection,
    handed: Handed,
    key_of: KeyOf,
    relate: Callable[[sql.Connection, str, str, int, bytes, int | None], None],
) -> None:
    """Keep the keys that are not known yet; inside `Store.write` only."""
    for account, organisation, epoch, key, lines in handed:
        try:
            key_of(connection, account, organisation, epoch)
        except LookupError:
            relate(connection, account, organisation, epoch, key, lines)
