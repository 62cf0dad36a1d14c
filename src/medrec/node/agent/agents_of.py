"""Which agents somebody had, as a place knows it from what she signed for her moves (moving.py).

What she asked by an agent that she left is on its way still, and is heard as hers. Whose link is undone here is told of
what comes of it by the agent that serves her now, once she has said which.
"""

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, String, Table

from medrec.node.keeping.store import metadata

# Agents that a person left: what she signed until then (ms) they may bring.
agent_left = Table(
    "agent_left",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("agent", String(32), primary_key=True),
    Column("time", BigInteger, nullable=False),
)

# Who serves the person of a link that was undone, if it is not the agent that it was undone with.
agent_since = Table(
    "agent_since",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("agent", String(32), nullable=False),
)


def leave(connection: sql.Connection, person: int, agent: str, time: int) -> None:
    """She left this agent at a time. Inside `Store.write` only."""
    mine = (agent_left.c.person == person) & (agent_left.c.agent == agent)
    connection.execute(sql.delete(agent_left).where(mine))
    connection.execute(sql.insert(agent_left).values(person=person, agent=agent, time=time))


def brought_in_time(connection: sql.Connection, person: int, agent: str, time: int) -> bool:
    """Whether an agent that she left served her when she signed something at this time."""
    mine = (agent_left.c.person == person) & (agent_left.c.agent == agent)
    left = connection.execute(sql.select(agent_left.c.time).where(mine)).scalar()
    return left is not None and time <= left


def serve(connection: sql.Connection, person: int, agent: str) -> None:
    """This agent serves the person of a link that was undone. Inside `Store.write` only."""
    connection.execute(sql.delete(agent_since).where(agent_since.c.person == person))
    connection.execute(sql.insert(agent_since).values(person=person, agent=agent))


def serving(connection: sql.Connection, person: int) -> str | None:
    """Who does, as far as she has said so since; None if she has not."""
    return connection.execute(sql.select(agent_since.c.agent).where(agent_since.c.person == person)).scalar()
