"""The records a hospital has signed: how many of each kind, the latest, and those of one patient."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.node.keeping import charted, store
from medrec.portal import at_home, evidence, render, words
from medrec.portal.page import Shows, Visit, pager
from medrec.portal.session import Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node

LATEST = 20
OF_PATIENT = 100


def show(node: "Node", visit: Visit) -> dict[str, Any] | Shows:
    """The values of records.html; a form field `patient` narrows it to one patient, which is a look.

    The latest are counted and dated for whoever has signed in: whose they are is said under a look alone.
    """
    form = visit.form
    patient = form.get("patient", "").strip()
    if patient:
        require(visit, Who.CLINICIAN, Who.PRIVACY_OFFICER)
        if _is_here(node, patient):
            at_home.look(node, visit, patient)
    return Shows(lambda visit: _values(node, visit, patient, form)) if form else _values(node, visit, patient, form)


def _values(node: "Node", visit: Visit, patient: str, form: Mapping[str, str]) -> dict[str, Any]:
    named = bool(patient) or visit.session is None
    with node.store.read() as connection:
        kinds = connection.execute(
            sql.select(store.record.c.type, sql.func.count().label("records"))
            .group_by(store.record.c.type)
            .order_by(sql.func.count().desc(), store.record.c.type)
        ).all()
        versions = connection.execute(sql.select(sql.func.count()).select_from(store.version)).scalar() or 0
        query = _rows(patient)
        total = connection.execute(sql.select(sql.func.count()).select_from(query.subquery())).scalar() or 0
        lines = OF_PATIENT if patient else LATEST
        rows = connection.execute(query.limit(lines).offset((visit.page - 1) * lines if patient else 0)).all()
        anchored = connection.execute(
            sql.select(sql.func.max(store.batch.c.last)).where(store.batch.c.height.is_not(None))
        ).scalar()
    return {
        "kinds": [
            {"name": evidence.capital(words.record_types(row.type)), "type": row.type, "count": row.records}
            for row in kinds
        ],
        "records": sum(row.records for row in kinds),
        "versions": versions,
        "patient": patient,
        "named": named,
        "purposes": at_home.purposes(),
        "latest": LATEST if total > LATEST and not patient else None,
        "pager": pager(visit, total, OF_PATIENT) if patient else None,
        "looked": {name: form.get(name, "") for name in ("patient", "purpose", "reason")},
        "rows": [
            {
                "kind": evidence.capital(words.record_type(row.type)),
                "id": row.id,
                "version": row.version,
                "patient": row.patient,
                "when": visit.when(row.time),
                "anchored": row.seq <= (anchored or 0),
                "altered": bool(row.altered),
                "link": visit.link("version", manifest=bytes(row.manifest).hex()),
            }
            for row in rows
        ],
        "heading": render.say(words.RECORDS["found"], count=total, patient=patient) if patient else None,
    }


def _is_here(node: "Node", patient: str) -> bool:
    with node.store.read() as connection:
        where = charted.under(patient)
        return connection.execute(sql.select(store.person.c.id).where(where)).first() is not None


def _rows(patient: str) -> Any:
    """Versions in the order they were signed, newest first."""
    query = (
        sql.select(
            store.version.c.type,
            store.version.c.id,
            store.version.c.version,
            store.version.c.manifest,
            store.record.c.altered,
            charted.number(),
            store.line.c.seq,
            store.line.c.time,
        )
        .join(store.manifest, store.manifest.c.hash == store.version.c.manifest)
        .join(store.line, store.line.c.seq == store.manifest.c.seq)
        .join(store.record, (store.record.c.type == store.version.c.type) & (store.record.c.id == store.version.c.id))
        .join(store.person, store.person.c.id == store.manifest.c.person, isouter=True)
        .order_by(store.line.c.seq.desc())
    )
    return query.where(charted.under(patient)) if patient else query
