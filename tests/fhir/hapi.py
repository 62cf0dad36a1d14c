"""The foreign validator: HAPI FHIR's instance validator over the base definitions of R4, built once and kept.

It needs Java 17, Maven and the programs in the shared folder; what is missing is said, and under CI it is a failure.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("HAPI_PEER_TARGET", ROOT / "out" / "hapi-peer"))


def errors(shared: Path, *files: Path) -> list[str]:
    """What the validator calls an error in these files. Skips, saying what is missing."""
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
    ran = subprocess.run(
        [peer / "validate", "--quiet", *files], env=os.environ | told, capture_output=True, text=True, timeout=600
    )
    assert "errors" in ran.stdout.splitlines()[-1], ran.stderr[-2000:]
    return [line for line in ran.stdout.splitlines() if line.startswith(("error", "fatal"))]
