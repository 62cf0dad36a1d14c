"""The unit and the image start what there is to start, at the version that is pinned."""

import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from medrec.cli import app
from medrec.engines.cometbft_binary import MODULE, PROGRAM_VARIABLE, VERSION
from medrec.engines.go_program import GO_NEEDED

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def verbs() -> set[str]:
    return {command.callback.__name__ for command in app.registered_commands if command.callback}


def test_the_unit_starts_the_node_with_few_rights(tmp_path: Path) -> None:
    unit = dict(line.split("=", 1) for line in (DEPLOY / "medrec.service").read_text().splitlines() if "=" in line)
    program, verb, option, _ = unit["ExecStart"].split()
    assert program.endswith("/medrec") and verb in verbs() and option == "--settings"
    assert (unit["User"], unit["NoNewPrivileges"], unit["ProtectSystem"]) == ("medrec", "yes", "strict")
    assert unit["KillMode"] == "mixed" and unit["Restart"] == "always"
    if judge := shutil.which("systemd-analyze"):  # where there is one: no directive is misspelt, no value is none
        copy = tmp_path / "medrec.service"
        copy.write_text((DEPLOY / "medrec.service").read_text().replace(program, sys.executable))
        done = subprocess.run([judge, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        copy.write_text(copy.read_text().replace("ProtectSystem=strict", "ProtectSystem=strickt"))
        assert "strickt" in subprocess.run([judge, "verify", str(copy)], capture_output=True, text=True).stderr


def test_the_image_has_the_pinned_engine_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    assert f"{MODULE}/cmd/cometbft@{VERSION}\n" in text and f"{PROGRAM_VARIABLE}=" in text
    found = re.search(r"golang:(\d+)\.(\d+)-", text)
    assert found is not None and (int(found[1]), int(found[2])) >= GO_NEEDED
    # The user of the container, to whom the folder has to belong, is one that the outside can name.
    (number,) = re.findall(r"useradd --system --uid (\d+) ", text)
    assert f"chown -R {number}:{number} " in text and f"to user {number} of" in text.replace("\n# ", " ")
    assert "USER medrec" in text and "--require-hashes" in text
    started = re.search(r'CMD \["(\w+)", "--settings"', text)
    assert started is not None and started[1] in verbs()


def instructions() -> list[tuple[str, str]]:
    """The image's instructions, long lines made one, comments left out."""
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, rest in lines]


def copies(after: int = 0) -> list[tuple[str, list[str], str]]:
    """What is copied: from which stage ("" for the clone), what, to where."""
    found = []
    for word, rest in instructions()[after:]:
        if word == "COPY":
            *sources, place = rest.split()
            stage = sources.pop(0).removeprefix("--from=") if sources[0].startswith("--from=") else ""
            found.append((stage, sources, place))
    return found


def test_every_line_of_the_image_is_an_instruction_and_what_it_copies_is_there() -> None:
    known = {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
             "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {word for word, _ in instructions()} <= known
    stages = {rest.split(" AS ")[1] for word, rest in instructions() if word == "FROM" and " AS " in rest}
    for stage, sources, _ in copies():
        assert stage in stages if stage else all((ROOT / source).exists() for source in sources), (stage, sources)
    # Of the clone nothing else is sent to whoever builds the image: no key, no record that lies about.
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    needed = {source for stage, sources, _ in copies() if not stage for source in sources}
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    inside = {one for one in needed if any(one.startswith(f"{other}/") for other in needed)}
    assert ignored[0] == "*" and let_in == needed - inside
    for word, rest in instructions():
        if word == "RUN" and "pip install" in rest:
            assert "--require-hashes" in rest or "--no-deps --no-build-isolation --no-index" in rest, rest


def test_the_health_of_the_image_costs_nothing_and_every_command_is_one() -> None:
    """JSON commands parse and name verbs and options that there are; shell commands parse."""
    options = {name for command in app.registered_commands for name in _options(command)}
    found = []
    for word, rest in instructions():
        text = rest[rest.index("CMD") + 3 :] if word == "HEALTHCHECK" else rest
        if word in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            words = json.loads(text)
            assert all(type(part) is str and part for part in words), rest
            found.append([part for part in words if part != "medrec"])
        elif word == "RUN":
            assert subprocess.run(["sh", "-n", "-c", text], capture_output=True, check=False).returncode == 0, text
        elif word == "FROM":
            assert re.fullmatch(r"docker\.io/library/[a-z]+:[0-9][\w.-]+( AS [a-z]+)?", rest), rest
        elif word == "EXPOSE":
            assert all(0 < int(port) < 65536 for port in rest.split())
    for words in filter(None, found):
        assert words[0] in verbs()
        assert {part for part in words if part.startswith("--")} <= options
    (health,) = [words for words in found if "status" in words]
    assert "--quick" in health


def _options(command: Any) -> set[str]:
    names = set()
    for name, parameter in inspect.signature(command.callback).parameters.items():
        names |= {f"--{name.replace('_', '-')}"}
        for extra in getattr(parameter.annotation, "__metadata__", ()):
            names |= set(getattr(extra, "param_decls", None) or ())
    return names


def test_what_the_image_installs_is_whole(tmp_path: Path) -> None:
    """The package from the files that the image gets, and nothing else, installed with the image's own command."""
    last = max(number for number, (word, _) in enumerate(instructions()) if word == "FROM")
    context, target = tmp_path / "context", tmp_path / "target"
    for stage, sources, place in copies(last):
        if stage == "engine":
            continue
        for source in sources:
            start = ROOT / source.removeprefix("/pages/")
            goal = context / (start.name if place == "./" else place)
            goal.parent.mkdir(parents=True, exist_ok=True)
            if start.is_dir():
                left_out = shutil.ignore_patterns("built", "*.egg-info", "__pycache__")
                shutil.copytree(start, goal, dirs_exist_ok=True, ignore=left_out)
            else:
                shutil.copy(start, goal)
    (command,) = [rest for word, rest in instructions() if word == "RUN" and rest.endswith("--no-index .")]
    where = [sys.executable, f"{sys.base_prefix}/bin/python3"]
    pip = next(one for one in where if subprocess.run([one, "-m", "pip", "-V"], capture_output=True).returncode == 0)
    words = command.removeprefix("pip ").split()
    words = [pip, "-m", "pip", "--python", sys.executable, *words[:-1], "-q", "--target", str(target), "."]
    subprocess.run(words, cwd=context, check=True, timeout=300)
    for needed in ("engines/go.txt", "portal/built/portal-ltr.css", "portal/built/portal.js", "portal/templates"):
        assert (target / "medrec" / needed).exists(), needed
