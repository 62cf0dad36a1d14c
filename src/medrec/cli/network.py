"""`medrec network`, `invite`, `join`, `leave`, `propose`, `proposals`, `vote`, `rotate`, `certificate`: many
organisations.
"""

import contextlib
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from medrec import wiring
from medrec.cli import joining, members
from medrec.cli.desk import at_desk
from medrec.cli.node import DEFAULT, SettingsFile
from medrec.cli.stop import Stop
from medrec.core import codec
from medrec.core.types import is_organisation_id
from medrec.engines.engine import EngineError
from medrec.node.keeping.files import settle
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.operate import ALIVE, OperateError
from medrec.node.peers import tls
from medrec.node.settings import read_settings

NAMES = ("harbour-general", "st-brigid", "lakeside-clinic", "northern-lab", "hill-practice", "old-town", "island-care")
CHANGES = ("suspend", "reinstate", "validator", "upgrade", "call")
console = Console(soft_wrap=True)


def _say(line: str) -> None:
    console.print(line, highlight=False, markup=False)


def network(
    folder: Annotated[Path, typer.Argument(help="Where the members' folders are, or are to be made.")],
    organisations: Annotated[int, typer.Option(min=1, max=7, help="How many, when the network is made.")] = 4,
    name: Annotated[list[str] | None, typer.Option(help="Their ids, instead of invented ones; give it again.")] = None,
    host: Annotated[str, typer.Option(help="The address of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65000, help="The first of three ports a member.")] = 8500,
    make: Annotated[bool, typer.Option("--make", help="Make the folders only; start nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Start, see that all are one, stop: 0 if so.")] = False,
) -> None:
    """Make a network of several organisations on this machine, once, and run it: a node and an engine for each.

    Example: medrec network /srv/medrec-network --organisations 4
    """
    settle(folder)
    settings = sorted(folder.glob(f"*/{members.SETTINGS}"))
    wiring.build_network_engine()
    if not settings:
        names = list(name or NAMES[:organisations])
        bad = [one for one in names if not is_organisation_id(one)]
        if bad or len(set(names)) < len(names):
            raise Stop("bad-id", f"{(bad or names)[0]!r} cannot be an id here: small letters, digits, hyphens, once.")
        settings = members.make_network(folder, names, host, port)
        _say(f"Made {len(settings)} members in {folder}: {', '.join(names)}.")
    if make:
        return
    with members.Members(settings, _say) as running:
        told = running.wait_until_well()
        _say(f"All {len(told)} members answer. Stop them with Ctrl-C.")
        if check:
            _check(settings)
        else:
            running.wait_for_the_end()


def _check(settings: list[Path]) -> None:
    """Transactions of the first member that leave nothing behind, on everybody's ledger; all ledgers are one."""
    first = read_settings(settings[0]).settings.organisation
    height = at_desk(settings[0], "affirm")
    until = time.monotonic() + members.START_S
    heads: list[tuple[int, str]] = []
    while not heads or len(set(heads)) > 1 or heads[0][0] < height:
        if time.monotonic() > until:
            raise Stop("not-one", "A transaction did not reach every member, or they hold different ledgers.", 1)
        time.sleep(0.2)
        told = [at_desk(file, "status") for file in settings]
        heads = [(one["height"], one["app_hash"]) for one in told]
    _say(f"A transaction of {first} stands on the ledger of all {len(heads)} members.")


def invite(
    organisation: Annotated[str, typer.Argument(help="The id of the organisation that is to join.")],
    name: Annotated[str, typer.Option(help="Its name.")] = "",
    role: Annotated[str, typer.Option(help="hospital, clinic, lab, payer, research, agent or witness.")] = "hospital",
    days: Annotated[int, typer.Option(min=1, max=90, help="For how many days the invitation holds.")] = 7,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("invitation.json"),
    settings: SettingsFile = DEFAULT,
) -> None:
    """Write an invitation, with which an organisation can ask once to be voted in. Hand the file over like a key.

    Example: medrec invite hill-practice --name "Hill Practice" --role clinic --out hill-practice.json
    """
    made = at_desk(settings, "invite", organisation, name or organisation, [role], days)
    if out.exists():
        raise Stop("exists", f"{out} is there already; choose another --out.")
    out.touch(mode=0o600)
    out.write_bytes(codec.encode_json(made))
    _say(f"Made {out}. It can be used once, within {days} days: medrec join {out.name} --endpoint https://...")


def join(
    invitation: Annotated[Path, typer.Argument(help="The file that `medrec invite` made.")],
    endpoint: Annotated[str, typer.Option(help="The address under which others reach your node, https://host:port.")],
    folder: Annotated[Path, typer.Option(help="Where to put the node.")] = Path(),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "0.0.0.0",  # noqa: S104  # others call it
    engine_port: Annotated[
        int, typer.Option(min=1, max=65534, help="The engine's port for the others; the next is its own.")
    ] = 26656,
    sync: Annotated[bool, typer.Option("--sync", help="Begin from a snapshot, not from the first block.")] = False,
    wait: Annotated[float, typer.Option(help="How many seconds to wait for the votes; 0: as long as it takes.")] = 0,
    validate: Annotated[bool, typer.Option(help="Ask, once admitted, to validate blocks.")] = True,
) -> None:
    """Join a running network: make a node, ask with the invitation, wait for the votes, follow the ledger.

    When it was cut off, the same command goes on where it stopped.

    Example: medrec join hill-practice.json --endpoint https://medrec.hill-practice.example --folder /srv/medrec
    """
    wiring.build_network_engine()
    read = joining.read_invitation(invitation)
    keys = joining.prepare(read, folder, endpoint, host, engine_port, sync)
    proposal = joining.ask(read, keys, endpoint, folder)
    _say(f"Asked {read.inviter}. The members decide; each says: medrec vote {proposal.hex()}")
    _say(f"Your key is {keys.key_id.hex()}: tell it to them by telephone, they compare it with the proposal.")
    engine = wiring.open_engine("cometbft", folder / "ledger", read.genesis)
    try:
        height = joining.wait_for_votes(engine, read.id, wait, sync, _say)
        _say(f"{read.id} is a member since height {height}.")
        if validate:
            asked = joining.ask_to_validate(engine, keys, read)
            _say(f"Asked to validate blocks. Each member says: medrec vote {asked.hex()}")
    finally:
        wiring.close(engine)
    _say(f"Start the node with: medrec start --settings {folder / members.SETTINGS}")


def leave(
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, settings: SettingsFile = DEFAULT
) -> None:
    """Leave the network: anchor what waits, then speak, vote and validate no more. A vote may let you back in.

    Example: medrec leave --yes
    """
    if not sure:
        typer.confirm("Leave the network? Coming back takes a vote of the others.", abort=True)
    done = at_desk(settings, "leave")
    _say(f"Left at height {done['height']}. Keep the node's folder: what it signed stays on the ledger.")
    if done["waits"]:
        _say(f"Let the node run on until `medrec status` no longer says this, the others may need it: {done['waits']}")
    else:
        _say("The members have signed the change; the node may be stopped, and its keys destroyed.")


def propose(
    change: Annotated[str, typer.Argument(help=f"{', '.join(CHANGES)}.")],
    organisation: Annotated[str, typer.Argument(help="Whom it is about; without it, this organisation.")] = "",
    key: Annotated[str, typer.Option(help="validator: the consensus key in hex; without it, this engine's own.")] = "",
    power: Annotated[int, typer.Option(min=0, max=1, help="validator: 1 to validate, 0 to do so no more.")] = 1,
    protocol: Annotated[int, typer.Option(help="upgrade: the protocol version that comes next.")] = 2,
    height: Annotated[int, typer.Option(help="upgrade: the first height at which it holds.")] = 0,
    server: Annotated[
        list[str] | None, typer.Option(help="call: the base address of a FHIR server of its own; give it again.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="call: an identifier, SYSTEM|VALUE, or the address of its record.")
    ] = None,
    settings: SettingsFile = DEFAULT,
) -> None:
    """Put a change to the vote, with this organisation's own vote.

    Example: medrec propose suspend old-town
    """
    place = read_settings(settings)
    about = organisation or place.settings.organisation
    if change not in CHANGES:
        raise Stop("bad-change", f"The changes are {', '.join(CHANGES)}; organisations join by `medrec invite`.")
    fields: dict[str, Any] = {"change": change, "id": about}
    if change == "validator":
        own = wiring.consensus_key(place) if not key and about == place.settings.organisation else None
        try:
            fields |= {"key": own or bytes.fromhex(key), "power": power}
        except ValueError:
            raise Stop("bad-key", "--key is a consensus key: 64 hexadecimal digits.") from None
    if change == "upgrade":
        fields = {"change": change, "version": protocol, "height": height}
    if change == "call":
        fields |= {"names": name or [], "servers": server or []}
    _tell(at_desk(settings, "propose", fields))


def proposals(settings: SettingsFile = DEFAULT) -> None:
    """List what can be voted on.

    Example: medrec proposals
    """
    found = at_desk(settings, "proposals")
    for one in found:
        _tell(one)
    if not found:
        _say("Nothing is put to the vote.")


def vote(
    proposal: Annotated[str, typer.Argument(help="The proposal's id, 64 hexadecimal digits.")],
    settings: SettingsFile = DEFAULT,
) -> None:
    """Vote for a proposal. Who is against it does not vote; a proposal closes after 30 days.

    Example: medrec vote 5f0c...
    """
    try:
        identifier = bytes.fromhex(proposal)
    except ValueError:
        raise Stop("bad-id", "A proposal's id is 64 hexadecimal digits; see `medrec proposals`.") from None
    _tell(at_desk(settings, "vote", identifier))


def _tell(one: dict[str, Any]) -> None:
    fields = " ".join(f"{name}={value}" for name, value in one["change"].items() if name != "change")
    stands = "carried out" if one["done"] else f"{len(one['in_favour'])} of {one['needed']} votes that it needs"
    closes = time.strftime("%Y-%m-%d", time.gmtime(one["closes"] / 1000))
    _say(f"{one['id']}  {one['change']['change']} {fields}")
    _say(f"   {stands}; in favour: {', '.join(one['in_favour']) or 'nobody'}; closes {closes}")


def certificate(settings: SettingsFile = DEFAULT) -> None:
    """Make the node's https certificate anew: once a year, and after the organisation's keys were replaced.

    Example: medrec certificate --settings /etc/medrec/medrec.toml
    """
    place = read_settings(settings)
    if not place.settings.endpoint.startswith("https://"):
        raise Stop("no-endpoint", "`endpoint` in the settings is no https address; a certificate names its host.")
    folder = place.certificate.parent if place.certificate is not None else settings.resolve().parent / "tls"
    made = tls.make_certificate(
        OrganisationKeys.load(place.data / "keys"), place.settings.endpoint, folder, wiring.now_ms()
    )
    _say(f"Made {made.certificate}, which holds for {tls.DAYS} days. Start the node again to use it.")


def rotate(
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, settings: SettingsFile = DEFAULT
) -> None:
    """Replace this organisation's keys: from time to time, and at once if somebody may have seen them.

    A running node goes on with the new ones after a moment. When it was cut off, the same command goes on.

    Example: medrec rotate --yes
    """
    place = read_settings(settings)
    if not sure:
        typer.confirm("Replace the organisation's keys on the ledger and here?", abort=True)
    done = at_desk(settings, "rotate", str(place.data))
    until = time.monotonic() + members.START_S
    while OrganisationKeys.load(place.data / "keys").key_id.hex() != done["key"]:
        if time.monotonic() > until:
            raise Stop("waiting", "The node has not taken its new keys yet; start it again.", 1)
        with contextlib.suppress(EngineError, OperateError):  # it is being opened anew
            at_desk(settings, ALIVE)  # whoever opens the node puts the keys in their place
        time.sleep(0.5)
    _say(f"Since height {done['height']} the key is {done['key']}. Make a backup of {place.data / 'keys'} now.")
    if done["invitations"]:
        _say(f"Invitations name the old key and hold no more; make new ones for {', '.join(done['invitations'])}.")


VERBS = (network, invite, join, leave, propose, proposals, vote, rotate, certificate)
