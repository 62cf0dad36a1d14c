"""Other software that is measured in the same run: where it lives, and what is said when it is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PASSES = (("fresh, 1 client", 1), ("2nd pass, 2 clients", 2), ("3rd pass, 2 clients", 2))


def shared() -> Path:
    """The folder of published data and peers."""
    return Path(os.environ.get("MEDREC_SHARED", REPOSITORY.parent / "shared"))


def hapi(folder: Path) -> str:
    """Resources a second that a HAPI FHIR JPA server takes in from a folder of transaction Bundles.

    In memory and without subscriptions: its fastest setting. Says so when it cannot be measured.
    """
    home = shared() / "peers/hapi"
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if not home.is_dir() or missing:
        why = f"{' and '.join(missing)} not installed (Java 17, Maven)" if missing else "shared/peers/hapi is missing"
        return f"HAPI FHIR: NOT MEASURED, {why}"
    target = os.environ.get("HAPI_PEER_TARGET") or str(REPOSITORY / "out/hapi")
    environment = {**os.environ, "HAPI_PEER_TARGET": target}
    command = [str(home / "serve"), "0", "--subscriptions", "false"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        ready = server.stdout.readline().split()
        if ready[:1] != ["READY"]:
            return "HAPI FHIR: NOT MEASURED, it did not start"
        rates = []
        for name, clients in PASSES:
            load = [sys.executable, str(home / "load"), ready[1], str(folder), str(clients)]
            said = subprocess.run(load, capture_output=True, text=True, check=False)
            found = re.search(r"= (\d+) resources/s", said.stdout)
            rates.append(f"{found[1]}/s {name}" if found and said.returncode == 0 else f"failed {name}")
        return f"HAPI FHIR 8.8.0, in memory: {'; '.join(rates)}"
    finally:
        server.terminate()
        server.wait()
