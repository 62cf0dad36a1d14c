"""The unit and the image start what there is to start, at the version that is pinned."""

import re
from pathlib import Path

from medrec.cli import app
from medrec.engines.cometbft_binary import MODULE, PROGRAM_VARIABLE, VERSION
from medrec.engines.go_program import GO_NEEDED

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def verbs() -> set[str]:
    return {command.callback.__name__ for command in app.registered_commands if command.callback}


def test_the_unit_starts_the_node_with_few_rights() -> None:
    unit = dict(line.split("=", 1) for line in (DEPLOY / "medrec.service").read_text().splitlines() if "=" in line)
    program, verb, option, _ = unit["ExecStart"].split()
    assert program.endswith("/medrec") and verb in verbs() and option == "--settings"
    assert (unit["User"], unit["NoNewPrivileges"], unit["ProtectSystem"]) == ("medrec", "yes", "strict")
    assert unit["KillMode"] == "mixed" and unit["Restart"] == "always"


def test_the_image_has_the_pinned_engine_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    assert f"{MODULE}/cmd/cometbft@{VERSION}\n" in text and f"{PROGRAM_VARIABLE}=" in text
    found = re.search(r"golang:(\d+)\.(\d+)-", text)
    assert found is not None and (int(found[1]), int(found[2])) >= GO_NEEDED
    assert "USER medrec" in text and "--require-hashes" in text
    started = re.search(r'CMD \["(\w+)", "--settings"', text)
    assert started is not None and started[1] in verbs()
