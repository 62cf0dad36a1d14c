"""The people an agent serves: the list, for the demonstration, and how a person's page is addressed."""

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.portal.page import PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 40


def handle(account: str) -> str:
    """What stands for an account in addresses of pages (32 hex digits), so that no account stands in a log."""
    return hashlib.sha256(b"medrec/page/1" + account.encode()).hexdigest()[:32]


def account_of(node: "Node", wanted: str) -> str:
    """The account behind a handle. Raises PageError."""
    with node.store.read() as connection:
        for (account,) in connection.execute(sql.select(store.client.c.account)):
            if handle(account) == wanted:
                return str(account)
    raise PageError(404, "unknown-person")


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of people.html."""
    assert node.agent is not None
    notice, related = store.notice.c, store.relationship.c
    count_places = sql.func.count(sql.distinct(related.organisation))
    with node.store.read() as connection:
        lines = _counts(connection, sql.select(notice.account, sql.func.count()).group_by(notice.account))
        places = _counts(connection, sql.select(related.account, count_places).group_by(related.account))
    clients = node.agent.clients()
    shown, pages = paged(visit, clients, SHOWN)
    return {
        "total": len(clients),
        "pager": pages,
        "people": [
            {
                "name": name,
                "lines": lines.get(account, 0),
                "places": places.get(account, 0),
                "link": visit.link("person", person=handle(account)),
            }
            for account, name in shown
        ],
    }


def _counts(connection: sql.Connection, query: Any) -> dict[str, int]:
    return {str(account): int(count) for account, count in connection.execute(query)}
