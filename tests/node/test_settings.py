"""medrec.toml: every setting explained, every slip refused in one sentence."""

import ast
import inspect
import json
from pathlib import Path

import msgspec
import pytest

from medrec.node import settings
from medrec.node.settings import Settings, SettingsError, decode_settings, read_settings
from medrec.node.witness.witness_keys import WitnessKeys


def write(folder: Path, text: str) -> Path:
    path = folder / "medrec.toml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(write(folder, text))
    return str(caught.value)


def test_an_id_is_enough_and_paths_follow_the_file(tmp_path):
    place = read_settings(write(tmp_path, 'organisation = "north"\nrecords = "fhir"\nledger = "/var/ledger.db"'))
    assert place.settings.organisation == "north"
    assert (place.genesis, place.data) == (tmp_path / "genesis.json", tmp_path / "data")
    assert (place.records, place.ledger) == (tmp_path / "fhir", Path("/var/ledger.db"))
    assert (place.certificate, place.certificate_key) == (None, None)
    assert place.settings.merge_delay_seconds == 60
    assert place.settings.plain_http is False


def test_everything_can_be_written(tmp_path):
    written = {
        "organisation": "north",
        "genesis": "g.json",
        "data": "d",
        "store": "postgresql+psycopg://localhost/medrec",
        "endpoint": "https://north.example/node",
        "host": "0.0.0.0",
        "port": 443,
        "certificate": "c.pem",
        "certificate_key": "k.pem",
        "plain_http": True,
        "engine": "cometbft",
        "ledger": "l",
        "roles": ["hospital", "agent"],
        "records": "r",
        "poll_seconds": 9,
        "merge_delay_seconds": 30,
        "call_seconds": 5,
        "proxies": ["127.0.0.1", "::1"],
        "witnesses": [
            f"https://library.example {WitnessKeys.from_seed('library.example/w', bytes(32)).public()[0].vkey()}"
        ],
        "tiles": "www",
        "mail_relay": "mail.example:25",
        "mail_sender": "medrec@north.example",
        "labels": "own.json",
        "law": ["US", "US-HIV"],
        "log": "debug",
    }
    assert sorted(written) == sorted(field.name for field in msgspec.structs.fields(Settings))
    # The JSON of these values is TOML as well.
    text = "\n".join(f"{name} = {json.dumps(value)}" for name, value in written.items())
    place = decode_settings(text.encode(), tmp_path / "medrec.toml")
    assert msgspec.to_builtins(place.settings) == written
    assert place.tiles == tmp_path / "www" and place.witnesses[0].name == "library.example/w"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('organisation = "north"\nprot = 1', "there is no setting 'prot'; there are organisation, genesis"),
        ("port = 1", "the setting 'organisation' is missing"),
        ('organisation = "North"', "$.organisation"),
        ('organisation = "north"\nport = 0', "$.port"),
        ('organisation = "north"\nport = "80"', "$.port"),
        ('organisation = "north"\nengine = "paper"', "$.engine"),
        ('organisation = "north"\nendpoint = "ftp://x"', "$.endpoint"),
        ('organisation = "north"\nendpoint = "https://x/?a=1"', "without query"),
        ('organisation = "north"\nroles = ["king"]', "'king', which is not one of agent, clinic, hospital"),
        ('organisation = "north"\nroles = []', "$.roles"),
        ('organisation = "north"\nlaw = ["EU"]', "'EU', which is not one of US, US-CA-minor, US-HIV, US-WA-minor"),
        ('organisation = "north"\nlaw = ["none", "US"]', "'none' beside other jurisdictions"),
        ('organisation = "north"\nlaw = []', "$.law"),
        ('organisation = "north"\nproxies = ["proxy.example"]', "'proxy.example', which is no IP address"),
        ('organisation = "north"\ncertificate = "c.pem"', "both or neither"),
        ('organisation = "north"\nstore = "sqlite:///x"', "PostgreSQL"),
        ('organisation = "north"\ngenesis = ""', "`genesis` may not be empty"),
        ('organisation = "north"\nmerge_delay_seconds = 0', "$.merge_delay_seconds"),
        ("organisation = ", "medrec.toml: "),
        ('organisation = "a"\norganisation = "b"', "medrec.toml: "),
    ],
)
def test_a_slip_is_refused_in_one_sentence(tmp_path, text, said):
    message = refusal(tmp_path, text)
    assert message.startswith("medrec.toml: ")
    assert said in message
    assert message.endswith(".")
    assert "\n" not in message


def test_bytes_that_are_no_text_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match=r"^medrec\.toml: "):
        decode_settings(b"\xff\xfe", tmp_path / "medrec.toml")
    with pytest.raises(SettingsError, match=r"^medrec\.toml cannot be read: No such file"):
        read_settings(tmp_path / "medrec.toml")


def test_every_setting_is_explained_beside_it():
    tree = ast.parse(inspect.getsource(settings))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings").body
    fields = [
        (item.target.id, after)
        for item, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
    assert len(fields) == len(msgspec.structs.fields(Settings))
    for name, after in fields:
        explained = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        assert explained, f"{name} has no sentence"
        assert len(after.value.value) > 20


def test_the_law_that_is_written_is_what_every_decision_rests_on(tmp_path):
    from medrec import wiring
    from tests.cli.test_verbs import medrec

    assert medrec("init", "clinic", "--name", "Small Clinic", at=tmp_path).returncode == 0
    file = tmp_path / "medrec.toml"
    file.write_text(file.read_text() + '\nlaw = ["US-HIV", "US"]\n')
    node, engine = wiring.node_of(read_settings(file))
    law = node.law
    wiring.close_node(node)
    wiring.close(engine)
    assert law == ("US", "US-HIV")
