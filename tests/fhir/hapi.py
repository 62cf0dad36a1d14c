"""The foreign validator: HAPI FHIR's instance validator over the base definitions of R4, built once and kept.

It needs Java 17, Maven and the programs in the shared folder; what is missing is said, and under CI it is a failure.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("HAPI_PEER_TARGET", ROOT / "out" / "hapi-peer"))


IPS_PACKAGE = "hl7.fhir.uv.ips@2.0.0"
IPS_SHA256 = "4a5cff17580f869140614ac51097d81540c63644d550ced8d4cd9b9bce7345c4"
PROGRAM = Path(__file__).with_name("ValidateProfiles.java")
_ERROR = ("error", "fatal")
_VERSIONED = re.compile(rb'(http://hl7\.org/fhir/(?:StructureDefinition|ValueSet)/[^"|/]+)\|4\.0\.1')
_KEPT = re.compile(r"package/(?:StructureDefinition|ValueSet|CodeSystem)-[^/]*\.json")


def errors(shared: Path, *files: Path) -> list[str]:
    """What the validator calls an error in these files. Skips, saying what is missing."""
    peer, told = _built(shared)
    ran = subprocess.run(
        [peer / "validate", "--quiet", *files], env=os.environ | told, capture_output=True, text=True, timeout=600
    )
    assert "errors" in ran.stdout.splitlines()[-1], ran.stderr[-2000:]
    return [line for line in ran.stdout.splitlines() if line.startswith(_ERROR)]


def errors_of_profiles(shared: Path, *files: Path) -> list[str]:
    """What the same validator calls an error in these files, held against the profiles of IPS 2.0.0, too."""
    _built(shared)
    profiles = _ips()
    libraries = f"{TARGET / 'hapi-peer.jar'}{os.pathsep}{TARGET / 'lib'}/*"
    java = ["java", "-Xmx1g", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", libraries]
    ran = subprocess.run([*java, PROGRAM, profiles, *files], capture_output=True, text=True, timeout=600)
    assert ran.stdout and "errors" in ran.stdout.splitlines()[-1], ran.stderr[-2000:]
    return [line for line in ran.stdout.splitlines() if line.startswith(_ERROR)]


def _ips() -> Path:
    """A folder of the profiles, value sets and code systems of IPS, from the package that HL7 publishes with npm (CC0).
    It is fetched once, held against its hash, and is no part of the project."""
    folder = TARGET / "ips"
    package = TARGET / f"{IPS_PACKAGE.replace('@', '-')}.tgz"
    if not package.exists():
        if shutil.which("npm") is None:
            pytest.skip("the profiles of IPS come with npm, and it is missing: NOT validated against them")
        fetch = ["npm", "pack", IPS_PACKAGE, "--pack-destination", str(TARGET)]
        got = subprocess.run(fetch, cwd=TARGET, capture_output=True, text=True, timeout=300)
        if got.returncode or not package.exists():
            pytest.skip(f"the profiles of IPS cannot be fetched: NOT validated against them\n{got.stderr[-500:]}")
    assert hashlib.sha256(package.read_bytes()).hexdigest() == IPS_SHA256, "another package than the one that was read"
    if not folder.exists():
        with tarfile.open(package) as archive:
            held = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            found = {
                Path(name).name: stream.read()
                for name, stream in held.items()
                if stream is not None and _KEPT.fullmatch(name)
            }
        folder.mkdir()
        for name, data in found.items():
            # The validator's base definitions have no version in their addresses.
            (folder / name).write_bytes(_VERSIONED.sub(rb"\1", data))
    return folder


def _built(shared: Path) -> tuple[Path, dict[str, str]]:
    peer = shared / "peers" / "hapi"
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"the foreign validator needs Java 17 and Maven, and {program} is missing: NOT validated")
    if not (peer / "validate").exists():
        pytest.skip("the foreign validator (Java) is not among the shared test data: NOT validated")
    told = {"HAPI_PEER_TARGET": str(TARGET), "HAPI_PEER_JAVA_OPTS": "-Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    TARGET.mkdir(parents=True, exist_ok=True)
    built = subprocess.run([peer / "build"], env=os.environ | told, capture_output=True, text=True, timeout=1200)
    if built.returncode:
        pytest.skip(f"the foreign validator (Java) cannot be built here: NOT validated\n{built.stderr[-500:]}")
    return peer, told
