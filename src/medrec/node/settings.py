"""medrec.toml: the settings of one node.

Relative paths are taken from the folder of the file. Everything not written there has the value below; a name that is
not below is refused, so that a slip of the pen is never a setting silently left out.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from medrec.core.consent.floor import FLOORS
from medrec.core.note import NoteError
from medrec.core.state import ROLES
from medrec.core.types import OrganisationId, Url
from medrec.node.witness.witnesses import WitnessPlace, parse_place

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=3600)]


class SettingsError(Exception):
    """The settings cannot be used; the message is one sentence that names the file and the setting."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One node's settings, as they stand in the file."""

    organisation: OrganisationId
    """The organisation's id on the ledger."""

    genesis: str = "genesis.json"
    """The network's genesis document: with it the network is meant, and with no other."""

    data: str = "data"
    """The folder of this node: keys/, master.key and node.db. Only the node's user may read it."""

    store: str = ""
    """The address of a PostgreSQL database in place of node.db; empty for node.db."""

    endpoint: Url = ""
    """The address under which others reach this node, the same as on the ledger, for instance https://node.example."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = "127.0.0.1"
    """The address to listen on. 127.0.0.1 suits a node behind a reverse proxy; 0.0.0.0 is every address."""

    port: Port = 8700
    """The port to listen on."""

    certificate: str = ""
    """The TLS certificate chain (PEM), when the node itself speaks https; empty behind a reverse proxy."""

    certificate_key: str = ""
    """The certificate's private key (PEM)."""

    proxies: Annotated[list[str], msgspec.Meta(max_length=16)] = msgspec.field(default_factory=list)
    """The IP addresses of reverse proxies that people come through: they are believed about who came to them
    (X-Forwarded-For), and limits go by that. Empty: everybody who comes through one proxy shares one limit."""

    plain_http: bool = False
    """Call other nodes over plain http too. For networks that are encrypted below, and for tests; never otherwise."""

    engine: Literal["sqlite", "memory", "cometbft"] = "sqlite"
    """What keeps the ledger: `sqlite` is one file, `memory` forgets everything, `cometbft` is a network."""

    ledger: str = "ledger.db"
    """The ledger's file or folder."""

    roles: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)] = msgspec.field(
        default_factory=lambda: ["hospital"]
    )
    """What the organisation is: hospital, clinic, lab, payer, research, agent, witness."""

    records: str = ""
    """The folder in which the organisation's system leaves its records; empty for none."""

    labels: str = ""
    """A file of the site's own labelling rules, which adds to the one that ships; empty for none."""

    law: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)] = msgspec.field(default_factory=lambda: ["US"])
    """The jurisdictions whose law binds what leaves, whatever a person permits: their floors add up."""

    poll_seconds: Seconds = 5
    """How often the records are looked through for new ones."""

    merge_delay_seconds: Seconds = 60
    """How long a line may wait to be anchored; after that nothing but emergency releases leaves."""

    call_seconds: Annotated[int, msgspec.Meta(ge=1, le=120)] = 10
    """How long a call to another node may take, its answer included."""

    witnesses: Annotated[list[str], msgspec.Meta(max_length=32)] = msgspec.field(default_factory=list)
    """Independent witnesses to ask for cosignatures: "ADDRESS KEY [KEY]" each, as `medrec witness` prints it."""

    tiles: str = ""
    """The folder in which to publish the log as files for a static server; empty for none."""

    mail_relay: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """The mail server that an agent's notices go through, "host:port"; empty for none."""

    mail_sender: Annotated[str, msgspec.Meta(max_length=254)] = ""
    """Whose address stands in those notices as the sender's."""

    log: Literal["error", "warning", "info", "debug"] = "info"
    """What is logged. Neither bodies nor query strings nor names of people ever are."""


class Place(msgspec.Struct, frozen=True):
    """Settings with their paths made whole; None where the file leaves one empty."""

    settings: Settings
    genesis: Path
    data: Path
    ledger: Path
    records: Path | None
    certificate: Path | None
    certificate_key: Path | None
    tiles: Path | None = None
    witnesses: tuple[WitnessPlace, ...] = ()
    labels: Path | None = None


def read_settings(path: Path) -> Place:
    """The settings of a file. Raises SettingsError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "" if path.exists() else " Name the node's settings with --settings; `medrec init` or `join` makes them."
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}.{hint}") from None
    return decode_settings(data, path)


def decode_settings(data: bytes, path: Path) -> Place:
    """The settings in these bytes, as if they stood at `path`. Raises SettingsError."""
    try:
        settings = msgspec.toml.decode(data, type=Settings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: {_explained(str(error))}") from None
    _check(settings, path.name)
    folder = path.resolve().parent

    def place(text: str) -> Path | None:
        return folder / Path(text).expanduser() if text else None

    def needed(name: str, text: str) -> Path:
        found = place(text)
        if found is None:
            raise SettingsError(f"{path.name}: `{name}` may not be empty.")
        return found

    return Place(
        settings,
        needed("genesis", settings.genesis),
        needed("data", settings.data),
        needed("ledger", settings.ledger),
        place(settings.records),
        place(settings.certificate),
        place(settings.certificate_key),
        place(settings.tiles),
        _witnesses(settings, path.name),
        place(settings.labels),
    )


def _check(settings: Settings, name: str) -> None:
    unknown = [role for role in settings.roles if role not in ROLES]
    if unknown:
        raise SettingsError(f"{name}: `roles` has {unknown[0]!r}, which is not one of {', '.join(sorted(ROLES))}.")
    strange = [place for place in settings.law if place not in FLOORS]
    if strange:
        raise SettingsError(f"{name}: `law` has {strange[0]!r}, which is not one of {', '.join(sorted(FLOORS))}.")
    if "none" in settings.law and len(settings.law) > 1:
        raise SettingsError(f"{name}: `law` has 'none' beside other jurisdictions; it stands by itself.")
    if bool(settings.certificate) != bool(settings.certificate_key):
        raise SettingsError(f"{name}: `certificate` and `certificate_key` are written both or neither.")
    for proxy in settings.proxies:
        try:
            ipaddress.ip_address(proxy)
        except ValueError:
            raise SettingsError(f"{name}: `proxies` has {proxy!r}, which is no IP address.") from None
    parts = urlsplit(settings.endpoint)
    if parts.query or parts.fragment:
        raise SettingsError(f"{name}: `endpoint` is an address without query and fragment.")
    if settings.store and not settings.store.startswith("postgresql"):
        raise SettingsError(f"{name}: `store` is the address of a PostgreSQL database, or empty for node.db.")


def _witnesses(settings: Settings, name: str) -> tuple[WitnessPlace, ...]:
    try:
        return tuple(parse_place(text) for text in settings.witnesses)
    except NoteError as error:
        raise SettingsError(f"{name}: `witnesses`: {error}.") from None


def _explained(text: str) -> str:
    """msgspec's message as one sentence of ours."""
    known = ", ".join(field.name for field in msgspec.structs.fields(Settings))
    if "unknown field" in text:
        return f"there is no setting {text.split('`')[1]!r}; there are {known}."
    if "missing required field" in text:
        return f"the setting {text.split('`')[1]!r} is missing."
    return text.rstrip(".") + "."
