"""The front page of every node: who this is, what it does, and whether everything is well."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from markupsafe import Markup

from medrec.core import state
from medrec.node.keeping import store
from medrec.node.keeping.journal import head
from medrec.portal import alarms, render, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

PATIENCE_MS = 10_000
"""A few seconds of waiting are the ordinary course of things."""
Check = dict[str, Any]


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of front.html."""
    with node.engine.view() as view:
        organisations = {organisation.id: organisation for organisation in state.organisations(view)}
    names = {identifier: organisation.name for identifier, organisation in organisations.items()}
    own = organisations.get(node.organisation)
    roles = list(own.roles) if own is not None else []
    checks = [
        _waiting(node, visit), *_outbox(node, visit, names), _alarms(node), *_trouble(node), *_following(node)
    ]  # fmt: skip
    bad = sum(1 for check in checks if not check["good"])
    does = "agent" if node.agent is not None else "hospital" if {"hospital", "clinic", "lab"} & set(roles) else "other"
    return {
        "roles": render.listed([words.ROLES.get(role, role) for role in roles]),
        "does": words.FRONT[does],
        "checks": checks,
        "bad": bad,
        "verdict": render.say(words.FRONT["unwell"], count=bad) if bad else words.FRONT["well"],
        "figures": _figures(node),
        **alarms.latest(node, visit),
    }


def _check(good: bool, sentence: object, more: object = None) -> Check:
    return {"good": good, "sentence": sentence, "more": more}


def _waiting(node: "Node", visit: Visit) -> Check:
    since = node.anchorer.waiting_since()
    if since is None:
        return _check(True, words.CHECKS["waiting_none"])
    with node.store.read() as connection:
        anchored = connection.execute(
            sql.select(sql.func.max(store.batch.c.last)).where(store.batch.c.height.is_not(None))
        ).scalar()
        count = head(connection)[0] - (anchored or 0)
    late = visit.now - since > node.merge_delay_ms
    sentence = render.say(words.CHECKS["waiting"], count=count, when=visit.when(since))
    return _check(visit.now - since < PATIENCE_MS, sentence, words.CHECKS["waiting_long"] if late else None)


def _outbox(node: "Node", visit: Visit, names: dict[str, str]) -> list[Check]:
    checks = []
    for waiting in node.deliverer.status():
        sentence = render.say(
            words.CHECKS["outbox"],
            count=waiting.rows,
            who=names.get(waiting.organisation, waiting.organisation),
            when=visit.when(waiting.since),
        )
        trouble = words.in_words(waiting.trouble) if waiting.trouble else None
        more = render.say(words.CHECKS["outbox_error"], error=trouble) if trouble else None
        if waiting.resting:
            more = render.say(words.CHECKS["outbox_rests"], count=waiting.resting)
        good = not waiting.trouble and not waiting.resting and visit.now - waiting.since < PATIENCE_MS
        checks.append(_check(good, sentence, more))
    return checks or [_check(True, words.CHECKS["outbox_none"])]


def _alarms(node: "Node") -> Check:
    raised = alarms.count(node)
    sentence = render.say(words.CHECKS["alarms"], count=raised) if raised else words.CHECKS["alarms_none"]
    return _check(raised == 0, sentence)


def _trouble(node: "Node") -> list[Check]:
    checks = [
        _check(
            False, render.say(words.CHECKS["trouble"], part=words.PARTS.get(part, part), error=words.in_words(sentence))
        )
        for part, sentence in sorted(dict(node.trouble).items())
    ]
    checks += [
        _check(False, render.say(words.CHECKS["unsigned"], organisation=organisation, error=words.in_words(sentence)))
        for organisation, sentence in sorted(dict(node.checkpoints.trouble).items())
    ]
    return checks or [_check(True, words.CHECKS["trouble_none"])]


def _following(node: "Node") -> list[Check]:
    if node.agent is None:
        return []
    behind, missing = node.agent.behind(), len(node.agent.missing())
    return [
        _check(behind < 5, render.say(words.CHECKS["behind"], count=behind) if behind else words.CHECKS["behind_none"]),
        _check(
            missing == 0,
            render.say(words.CHECKS["missing"], count=missing) if missing else words.CHECKS["missing_none"],
        ),
    ]


def _figures(node: "Node") -> list[tuple[str, Any]]:
    def count(connection: sql.Connection, table: sql.Table, *where: Any) -> str:
        return render.number(
            connection.execute(sql.select(sql.func.count()).select_from(table).where(*where)).scalar() or 0
        )

    with node.store.read() as connection:
        seq, last_hash, _ = head(connection)
        anchored = store.batch.c.height.is_not(None)
        lines = connection.execute(sql.select(sql.func.max(store.batch.c.last)).where(anchored)).scalar() or 0
        figures = [
            ("journal", render.number(seq)),
            ("anchored", render.number(lines)),
            ("batches", count(connection, store.batch, anchored)),
            ("height", render.number(node.engine.tip().height)),
        ]
        if node.agent is not None:
            figures += [("served", count(connection, store.client)), ("notices", count(connection, store.notice))]
        else:
            known = count(connection, store.person, store.person.c.patient.is_not(None))
            linked = count(connection, store.person, store.person.c.account.is_not(None))
            figures += [("records", count(connection, store.record)), ("patients", known), ("linked", linked)]
    if seq:
        figures.append(("head", Markup("<code>{}…</code>").format(last_hash.hex()[:16])))
    return [(words.FRONT[name], value) for name, value in figures]
