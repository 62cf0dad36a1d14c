"""Start the demonstration: people and records, the network, its pages, the story, and a clean end."""

import datetime
import json
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from medrec import wiring
from medrec.demo import population, split
from medrec.demo.network import HOSPITALS, Network, members
from medrec.demo.ports import PortError, free_ports
from medrec.demo.stage import Person, StepFailed
from medrec.demo.story import Story
from medrec.engines.engine import EngineError

FIRST_PORT = 8400


class Options(NamedTuple):
    """What the visitor asked for; `port` None means any free ports when checking, FIRST_PORT when staying."""

    check: bool = False
    keep: Path | None = None
    bundles: Path | None = None
    seed: int = 1
    people: int = 12
    port: int | None = None
    validators: int = 0


def run(options: Options, console: Console) -> int:
    """The exit code: 0 if every step held, 1 if one failed, 2 if the demonstration could not start."""
    home = Path(tempfile.mkdtemp(prefix="medrec-demo-"))
    try:
        first = options.port if options.port is not None else None if options.check else FIRST_PORT
        ports = free_ports(len(members(options.validators)), first)
        if options.validators:
            wiring.build_network_engine()
        network = Network(home, ports, wiring.now_ms(), options.validators)
    except (PortError, EngineError) as error:
        console.print(f"[red]{error}[/red]")
        shutil.rmtree(home, ignore_errors=True)
        return 2
    try:
        people = _fill(network, options, console)
        if not people:
            console.print("[red]No person with records was found.[/red]")
            return 2
        network.start()
        story = Story(network, people, console, options.keep)
        status = _tell(story, options, console)
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / "figures.json").write_bytes(summary(story))
        return status
    finally:
        network.stop()
        shutil.rmtree(home, ignore_errors=True)


def _tell(story: Story, options: Options, console: Console) -> int:
    begin = time.monotonic()
    try:
        story.tell()
    except StepFailed as failed:
        console.print(f"\n[red]Step {story.number} failed: {failed}[/red]")
        return 1
    console.print(f"\n[bold green]All {story.number} steps held, in {time.monotonic() - begin:.1f} s.[/bold green]")
    for name, figure in story.figures.items():
        console.print(f"   {name}: {figure}", highlight=False)
    if options.check:
        return 0
    console.print("\nThe network stays up. Look around:")
    for name in story.network.ports:
        console.print(f"   {story.network.address(name)}  {name}", highlight=False)
    console.print("Stop it with Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\nStopped.")
    return 0


def _fill(network: Network, options: Options, console: Console) -> list[Person]:
    if options.bundles is not None:
        return _fill_from(network, options.bundles, console)
    today = datetime.datetime.now(datetime.UTC).date()
    drawn = population.generate(options.seed, options.people, list(HOSPITALS), today)
    people: list[Person] = []
    for person in drawn.people:
        for hospital in drawn.hospitals:
            if person.key in drawn.records[hospital.id]:
                folder = network.records_folder(hospital.id)
                (folder / f"{person.key}.json").write_bytes(drawn.bundle(hospital.id, person.key))
        people.append(Person(person.name, dict(person.patient_ids), person.story))
    console.print(f"{len(people)} invented people (seed {options.seed}) at {len(drawn.hospitals)} hospitals.")
    return people


def _fill_from(network: Network, bundles: Path, console: Console) -> list[Person]:
    """Real bundles, each split by the organisation that made each record."""
    if not bundles.is_dir():
        console.print(f"[red]{bundles} is not a folder of FHIR Bundles.[/red]")
        return []
    names: dict[str, str] = {}
    patients: dict[str, dict[str, str]] = defaultdict(dict)
    records = 0
    for part in split.split(split.bundle_files(bundles), list(HOSPITALS)):
        if isinstance(part, split.BrokenBundle):
            console.print(f"[yellow]{part.path.name}: {part.reason}[/yellow]", highlight=False)
            continue
        content = part.bundle(f"https://{part.hospital}.example.org/fhir")
        (network.records_folder(part.hospital) / f"{part.person.id}.json").write_bytes(content)
        names[part.person.id] = part.person.name
        patients[part.person.id][part.hospital] = part.person.id
        records += len(part.resources)
    console.print(f"{len(names)} people from {bundles.name}, {records} records split over {len(HOSPITALS)} hospitals.")
    return [Person(name, patients[identifier]) for identifier, name in names.items()]


def summary(story: Story) -> bytes:
    """The figures as JSON, for `--keep`."""
    return json.dumps({"steps": story.number, "figures": story.figures}, indent=2).encode()
