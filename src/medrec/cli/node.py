"""`medrec init`, `start`, `ingest`, `status`: one organisation's node."""

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from medrec import wiring
from medrec.cli.desk import at_desk
from medrec.cli.stop import Stop
from medrec.core import codec
from medrec.core.types import is_organisation_id
from medrec.engines.engine import EngineError
from medrec.node import operate
from medrec.node.keeping.files import make_inside, settle
from medrec.node.keeping.keys import KeyFileError, OrganisationKeys
from medrec.node.keeping.store import StoreError
from medrec.node.ledger import rotation
from medrec.node.node import Node
from medrec.node.operate import OperatorSocket
from medrec.node.peers import tls
from medrec.node.records.ingest import Ingested, ingest_folder
from medrec.node.serve import Site, serve
from medrec.node.settings import Place, read_settings
from medrec.node.sources.folder import Progress
from medrec.node.sources.source import SourceUnavailable

SettingsFile = Annotated[Path, typer.Option("--settings", help="The node's settings file.")]
DEFAULT = Path("medrec.toml")
HOME = "https://localhost:8700"
"""A node that nobody but its own machine reaches, which is enough to begin with."""
SUPERVISED = "MEDREC_SUPERVISED"
"""Set by `medrec network`: the node ends when its standard input does."""
THOROUGH_S = 24 * 3600.0
console = Console(soft_wrap=True)


def init(
    organisation: Annotated[str, typer.Argument(help="The organisation's id: small letters, digits and hyphens.")],
    name: Annotated[str, typer.Option(help="The organisation's name.")] = "",
    role: Annotated[str, typer.Option(help="hospital, clinic, lab, payer, research, agent or witness.")] = "hospital",
    records: Annotated[str, typer.Option(help="The folder in which your system leaves its records.")] = "",
    folder: Annotated[Path, typer.Option(help="Where to put the node.")] = Path(),
    endpoint: Annotated[str, typer.Option(help="The https address under which others reach it.")] = HOME,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
) -> None:
    """Make a node with keys, certificate, settings and a network of its own; other organisations can join later.

    Example: medrec init harbour-general --name "Harbour General Hospital" --records /srv/fhir-out
    """
    if not is_organisation_id(organisation):
        raise Stop("bad-id", f"{organisation!r} cannot be an id: small letters, digits and hyphens, at most 32.")
    settle(folder)
    settings = folder / "medrec.toml"
    if settings.exists():
        raise Stop("exists", f"{settings} is there already; choose another --folder.")
    port = _port_of(endpoint)
    keys = OrganisationKeys.generate(organisation)
    founder = {"id": organisation, "name": name or organisation, "roles": [role], "endpoint": endpoint,
               "keys": keys.public()}  # fmt: skip
    genesis = wiring.genesis_document(name or organisation, wiring.now_ms(), [founder])
    wiring.check_genesis(genesis)
    lines = {
        "organisation": organisation,
        "roles": [role],
        "endpoint": endpoint,
        "certificate": f"tls/{tls.CERTIFICATE_FILE}",
        "certificate_key": f"tls/{tls.KEY_FILE}",
    }
    if (host, port) != ("127.0.0.1", 8700):  # what holds without a line
        lines |= {"host": host, "port": port}
    if records:
        lines["records"] = str(Path(records).expanduser().absolute())

    def make(work: Path) -> None:
        keys.save(work / "data" / "keys")
        (work / "genesis.json").write_bytes(codec.encode_json(genesis))
        tls.make_certificate(keys, endpoint, work / "tls", wiring.now_ms())
        # A JSON value is a TOML value.
        (work / settings.name).write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()))

    try:
        make_inside(folder, make)
    except FileExistsError as error:
        raise Stop("exists", f"Something is there already: {error}. Choose another --folder.") from None
    console.print(f"Made {settings}. Start the node with: medrec start --settings {settings}", highlight=False)


def _port_of(endpoint: str) -> int:
    """Where a node listens that is reached at this address. Raises Stop."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port or 443
    except ValueError:
        parts, port = urlsplit(""), 0
    plain = all("!" <= character <= "~" for character in endpoint) and len(endpoint) <= 300
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or not plain:
        raise Stop("bad-endpoint", "--endpoint is an https address, for instance https://medrec.harbour.example.")
    return port


def start(settings: SettingsFile = DEFAULT) -> None:
    """Run the node: its pages, its peers' calls, and the reading of its records folder.

    Example: medrec start --settings /etc/medrec/medrec.toml
    """
    place = read_settings(settings)
    if os.environ.get(SUPERVISED):
        threading.Thread(target=_end_with_the_supervisor, name="supervisor", daemon=True).start()
    while _run(place):
        console.print("The organisation's keys were replaced; the node opens with the new ones.", highlight=False)


def _run(place: Place) -> bool:
    """Run the node until it is told to stop; True if it is to be opened again, with other keys."""
    node, engine = wiring.node_of(place)
    stopping = threading.Event()
    operator = OperatorSocket(node, place.data)
    reader = threading.Thread(target=_poll, args=(node, place, stopping), name="records", daemon=True)
    try:
        node.start()
        operator.start()
        reader.start()
        chosen = place.settings
        site = wiring.site(node, chosen.host, chosen.port, proxies=chosen.proxies)
        scheme = "https" if place.certificate else "http"
        if (apart := node.together.known) is not None:
            console.print(f"{apart.code}: {apart.sentence}", highlight=False, markup=False)
        console.print(f"{node.organisation}: {scheme}://{chosen.host}:{chosen.port}/pages/", highlight=False)
        return _serve(
            Site(site.app, site.host, site.port, place.certificate, place.certificate_key), node, place, operator
        )
    finally:
        stopping.set()
        operator.stop()
        if reader.is_alive():
            reader.join(timeout=10)
        wiring.close_node(node)
        wiring.close(engine)


def _serve(site: Site, node: Node, place: Place, operator: OperatorSocket) -> bool:
    """Serve until the process is told to stop; True if the ledger has new keys of this organisation before."""
    found = threading.Event()

    def replaced() -> bool:
        # What is wrong with ledger, store or key files is told elsewhere, and does not end a node that runs.
        with contextlib.suppress(EngineError, StoreError, KeyFileError):
            rotation.finish(node, place.data)
            # A verb under way, the rotation itself for one, is done first.
            if operator.quiet and rotation.due(place.data, node.engine):
                found.set()
        return found.is_set()

    serve([site], replaced)
    return found.is_set()


def _end_with_the_supervisor() -> None:
    """What runs several nodes holds the other end of the standard input; when it is gone nobody could end this node."""
    while os.read(0, 1 << 10):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _poll(node: Node, place: Place, stopping: threading.Event) -> None:
    """Read the records folder again and again; what goes wrong stands on the node's page and passes."""
    thorough_at = 0.0
    while place.records is not None and not stopping.is_set():
        try:
            if node.together.apart() is not None:
                stopping.wait(0.5)
                continue
            thorough = time.monotonic() >= thorough_at
            done = ingest_folder(node.publisher, node.store, place.records, thorough=thorough)
            if thorough:
                thorough_at = time.monotonic() + THOROUGH_S
            node.trouble.pop("records", None)
            if done.rejected:
                node.trouble["records"] = f"{len(done.rejected)} records could not be read; run `medrec ingest`."
        except SourceUnavailable as error:
            node.trouble["records"] = f"The records cannot be read: {error}."
        except StoreError as error:
            node.trouble["records"] = error.sentence
        except Exception as error:
            # Its message may quote a record. The reading is tried again all the same.
            node.trouble["records"] = f"MedRec has a fault here ({type(error).__name__}); it tries again."
        stopping.wait(place.settings.poll_seconds)


def ingest(
    folder: Annotated[Path | None, typer.Argument(help="The folder; without it, the one in the settings.")] = None,
    thorough: Annotated[bool, typer.Option(help="Look into files of the same size and time, too.")] = False,
    settings: SettingsFile = DEFAULT,
) -> None:
    """Sign everything that is new or changed in a folder of FHIR Bundles and NDJSON files, plain or gzip.

    Exit code 0: all of it; 1: something was rejected, altered in place, or is gone.

    Example: medrec ingest /srv/fhir-out
    """
    records = folder or read_settings(settings).records
    if records is None:
        raise Stop("no-folder", "The settings name no records folder; give one.")

    def opened(node: Node) -> Any:
        return {**operate.told(_with_progress(node, records, thorough)), "anchored": node.anchor()}

    got = at_desk(settings, "ingest", str(records.absolute()), thorough, opened=opened)
    console.print(
        f"{got['created']} new, {got['updated']} changed, {got['deleted']} deleted, {got['unchanged']} as before; "
        f"{got['anchored']} lines anchored.",
        highlight=False,
    )
    for kind, identifier, origin in got["altered"]:
        console.print(f"[red]{kind}/{identifier} in {origin} was changed without a new version.[/red]", highlight=False)
    for gone in got["gone"]:
        console.print(f"[red]{gone} is gone, and records that were signed with it.[/red]", highlight=False)
    for code, origin, line, column, key, sentence in got["rejected"]:
        where = f"line {line}, column {column}" if line else ""
        place = ", ".join(part for part in (origin, where, key) if part)
        console.print(f"{code}: {place}: {sentence}", highlight=False, markup=False)
    if got["rejected_count"] > len(got["rejected"]):
        console.print(f"... and {got['rejected_count'] - len(got['rejected'])} more.", highlight=False)
    raise typer.Exit(1 if got["altered"] or got["rejected"] or got["gone"] else 0)


def _with_progress(node: Node, folder: Path, thorough: bool) -> Ingested:
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def show(progress: Progress) -> None:
            words = f"{progress.files_done}/{progress.files_total} files, {progress.records} records"
            bar.update(task, total=progress.bytes_total, completed=progress.bytes_done, description=words)

        return ingest_folder(node.publisher, node.store, folder, show, thorough=thorough)


def status(
    settings: SettingsFile = DEFAULT,
    quick: Annotated[bool, typer.Option(help="Do not walk the journal: whether the node runs, and how late it is.")] = (
        False
    ),
) -> None:
    """Say where the ledger and the journal stand, and walk the journal from its first line to its last.

    With --quick a running node alone is asked, which costs nothing; late is no failure, silent is.

    Example: medrec status
    """
    if quick:
        _alive(read_settings(settings))
        return
    found = at_desk(settings, "status")
    stood = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(found["time"] / 1000))
    console.print(
        f"ledger: height {found['height']}, {found['transactions']} transactions, {stood} UTC", highlight=False
    )
    waits = "all anchored" if found["waiting_since"] is None else "some wait to be anchored"
    console.print(f"journal: {found['lines']} lines, {waits}", highlight=False)
    console.print(found["standing"], highlight=False)
    console.print(found["fault"] or "The journal is whole: no gap, no change.", highlight=False)
    for room, sentence in sorted(found["trouble"].items()):
        console.print(f"{room}: {sentence}", highlight=False, markup=False)
    for sentence in found["notes"]:
        console.print(f"note: {sentence}", highlight=False, markup=False)
    raise typer.Exit(1 if found["fault"] or found["trouble"] else 0)


def _alive(place: Place) -> None:
    try:
        found = operate.ask(place.data, operate.ALIVE, [])
    except operate.OperateError as error:
        if error.code != "in-use":
            raise
        raise Stop("not-running", f"No node answers over {place.data}; start it with `medrec start`.", 1) from None
    console.print(
        f"height {found['height']}, {found['anchored']} of {found['lines']} lines on the ledger. {found['standing']}",
        highlight=False,
    )
    for room, sentence in sorted(found["trouble"].items()):
        console.print(f"{room}: {sentence}", highlight=False, markup=False)


__all__ = ["ingest", "init", "start", "status"]
