"""Where requests for corrections stand at a node: those that it sent, and those about its own records."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.node.keeping.store import metadata

# Requests that this node sent on for the people it serves.
correction_asked = Table(
    "correction_asked",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("source", String(32), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("request", LargeBinary(32), nullable=False),
    Column("seq", BigInteger, nullable=False),
)

# What the wrong version said, as her agent had it when she asked: what is new in a later one is shown beside it.
correction_before = Table(
    "correction_before",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Requests about records of this organisation. status: open, corrected, refused, noted.
correction_here = Table(
    "correction_here",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("agent", String(32), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("taken", LargeBinary(32), nullable=False),
    Column("status", String(10), nullable=False),
    Column("seq", BigInteger, nullable=False),
)
