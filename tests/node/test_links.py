"""SMART Health Links: what the holder gets, what is written down, and that nobody tries passcodes for ever."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey
from starlette.testclient import TestClient

from medrec.core.manifests.sharing import ShareManifest
from medrec.node.agent import entries, links
from medrec.node.agent.links import LinkGoneError, WrongPasscodeError
from medrec.node.refusals import Code, Refusal
from medrec.portal.app import pages
from tests.node.helping import Help
from tests.node.test_entries import enter

BASE = "https://guide.example/pages/s/"
HOUR = 3_600_000


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    enter(made, entries.medicine("Ibuprofen 400 mg", True, made.network.time))
    enter(made, entries.symptom("Headache", made.network.time))
    yield made
    made.close()


def make(help_: Help, **changes: Any) -> links.Made:
    usual = {"types": (), "label": "", "passcode": "", "life_ms": HOUR, "views_max": None}
    asked: dict[str, Any] = {**usual, **changes}
    until = help_.network.time + asked.pop("life_ms")
    wanted = links.Wanted(help_.guide.vault.random(links.NAME_BYTES), until=until, **asked)
    made: links.Made = links.make(help_.guide, help_.ada.account, BASE, wanted)
    return made


def payload(made: links.Made) -> dict[str, Any]:
    text = made.text.removeprefix("shlink:/")
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return value


def secret(made: links.Made) -> str:
    return str(payload(made)["url"]).removeprefix(BASE)


def decrypted(made: links.Made, file: bytes) -> Any:
    key = payload(made)["key"]
    opened = jwe.decrypt_compact(
        file.decode(),
        OctKey.import_key(base64.urlsafe_b64decode(key + "=")),
        algorithms=["dir", "A256GCM", "DEF"],
    )
    assert opened.headers()["cty"] == "application/fhir+json"
    return json.loads(opened.plaintext)


def shares(help_: Help) -> list[ShareManifest]:
    return [line for line in help_.told(help_.ada.account) if isinstance(line, ShareManifest)]


def test_the_holder_of_the_link_reads_what_was_chosen(help_: Help) -> None:
    made = make(help_, types=["MedicationStatement"], label="For Dr Brown")
    value = payload(made)
    assert value["exp"] == (help_.network.time + HOUR) // 1000 and value["label"] == "For Dr Brown"
    assert "flag" not in value and len(value["url"]) <= 128 and len(value["key"]) == 43
    bundle = decrypted(made, links.open_link(help_.guide, secret(made), "Dr Brown", ""))
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["MedicationStatement"]
    whole = make(help_)
    assert whole.records == 2


def test_every_step_is_written_down_for_her(help_: Help) -> None:
    made = make(help_, passcode="1234")
    with pytest.raises(WrongPasscodeError):
        links.open_link(help_.guide, secret(made), "a thief", "0000")
    links.open_link(help_.guide, secret(made), "Dr Brown", "1234")
    links.stop(help_.guide, help_.ada.account, made.id)
    told = shares(help_)
    assert [(line.action, line.recipient, line.views) for line in told] == [
        ("made", "", 0), ("refused", "a thief", 0), ("opened", "Dr Brown", 1), ("stopped", "", 1),
    ]  # fmt: skip
    assert {record.type for record in told[0].records} == {"MedicationStatement", "Observation"}
    assert all(line.link == made.id.hex() for line in told)


def test_it_ends_by_time_by_views_and_at_her_word(help_: Help) -> None:
    timed, counted, stopped = make(help_), make(help_, views_max=2), make(help_)
    for _ in range(2):
        links.open_link(help_.guide, secret(counted), "x", "")
    links.stop(help_.guide, help_.ada.account, stopped.id)
    assert not links.stop(help_.guide, help_.ada.account, stopped.id)
    for made in (counted, stopped):
        with pytest.raises(LinkGoneError):
            links.open_link(help_.guide, secret(made), "x", "")
    help_.network.time += HOUR - 1
    links.open_link(help_.guide, secret(timed), "x", "")
    help_.network.time += 1
    with pytest.raises(LinkGoneError):
        links.open_link(help_.guide, secret(timed), "x", "")
    assert [link.is_live(help_.network.time) for link in links.of_account(help_.guide, help_.ada.account)] == [
        False
    ] * 3


def test_tries_are_counted_even_if_many_try_at_once(help_: Help) -> None:
    made = make(help_, passcode="1234")
    assert payload(made)["flag"] == "P"
    answers: list[int | str] = []
    gate = threading.Barrier(16)

    def attempt(number: int) -> None:
        gate.wait()
        try:
            links.open_link(help_.guide, secret(made), "a thief", f"{number:04d}")
            answers.append("open")
        except WrongPasscodeError as wrong:
            answers.append(wrong.remaining)
        except LinkGoneError:
            answers.append("gone")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=str) == sorted([4, 3, 2, 1, 0, *["gone"] * 11], key=str)
    with pytest.raises(LinkGoneError):
        links.open_link(help_.guide, secret(made), "Dr Brown", "1234")
    assert [line.action for line in shares(help_)] == ["made", *["refused"] * 5]


def test_tries_and_views_are_counted_on_after_a_restart(help_: Help) -> None:
    tried, seen = make(help_, passcode="1234"), make(help_, views_max=2)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongPasscodeError) as wrong:
            links.open_link(help_.guide, secret(tried), "a thief", "0000")
        assert wrong.value.remaining == left
        if left % 2:
            help_.guide = help_.network.open("guide")
    links.open_link(help_.guide, secret(seen), "x", "")
    help_.guide = help_.network.open("guide")
    links.open_link(help_.guide, secret(seen), "x", "")
    for made, passcode in ((tried, "1234"), (seen, "")):
        with pytest.raises(LinkGoneError):
            links.open_link(help_.guide, secret(made), "Dr Brown", passcode)


def test_views_are_counted_even_if_many_open_it_at_once(help_: Help) -> None:
    made = make(help_, views_max=3)
    opened: list[bool] = []
    gate = threading.Barrier(12)

    def look() -> None:
        gate.wait()
        try:
            links.open_link(help_.guide, secret(made), "x", "")
            opened.append(True)
        except LinkGoneError:
            opened.append(False)

    threads = [threading.Thread(target=look) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(opened) == 3


def test_a_missing_passcode_is_asked_for_and_costs_nothing(help_: Help) -> None:
    made = make(help_, passcode="1234")
    for _ in range(9):
        with pytest.raises(WrongPasscodeError) as no:
            links.open_link(help_.guide, secret(made), "x", "")
        assert no.value.remaining == links.ATTEMPTS


def test_this_node_cannot_read_what_it_hands_out(help_: Help, tmp_path: Path) -> None:
    made = make(help_, passcode="1234", label="For Dr Brown")
    with help_.guide.store.read() as connection:
        row = connection.execute(links.share_link.select()).one()
    with help_.guide.store.read() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    value = payload(made)
    raw = base64.urlsafe_b64decode(value["key"] + "=")
    data = b"".join(file.read_bytes() for file in tmp_path.glob("guide.db*"))
    for hidden in (raw, value["key"].encode(), secret(made).encode(), b"1234Dr", b"For Dr Brown", b"Ibuprofen"):
        assert hidden not in data
    assert bytes(row.file).count(b".") == 4


def test_what_cannot_be_is_refused(help_: Help) -> None:
    for changes in (
        {"life_ms": 0},
        {"life_ms": links.OPEN_LIFE_MS_MAX + 1},
        {"views_max": 0},
        {"passcode": "123"},
        {"passcode": "1234", "life_ms": links.LIFE_MS_MAX + 1},
    ):
        with pytest.raises(Refusal):
            make(help_, **changes)
    made = make(help_)
    with pytest.raises(Refusal) as no:
        links.stop(help_.guide, help_.bo.account, made.id)
    assert no.value.reason is Code.NOT_PERMITTED
    for text in ("", "x" * 43, "../" + "x" * 40, "é" * 43):
        with pytest.raises(LinkGoneError):
            links.open_link(help_.guide, text, "x", "")


def viewer(help_: Help) -> TestClient:
    return TestClient(pages(help_.guide), base_url="https://guide.example", raise_server_exceptions=False)


def test_viewers_of_other_sites_open_it_over_http(help_: Help) -> None:
    made = make(help_, passcode="1234")
    client, path = viewer(help_), "/s/" + secret(made)
    elsewhere = {"origin": "https://viewer.example"}
    wrong = client.post(path, json={"recipient": "Dr Brown", "passcode": "0"}, headers=elsewhere)
    assert wrong.status_code == 401 and wrong.json() == {"remainingAttempts": 4}
    answer = client.post(path, json={"recipient": "Dr Brown", "passcode": "1234"}, headers=elsewhere)
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in answer.headers and answer.headers["cache-control"] == "no-store"
    (file,) = answer.json()["files"]
    assert len(decrypted(made, file["embedded"].encode())["entry"]) == 2
    assert client.options(path, headers=elsewhere).status_code == 204
    assert client.post("/s/" + "x" * 43, json={"recipient": "x"}).status_code == 404
    for body in (b"", b"[]", b"{}", b'{"recipient":" "}', b'{"recipient":1}', b'{"recipient":"x","passcode":1}'):
        assert client.post(path, content=body).status_code == 400
    assert client.post(path, content=b"x" * 3000).status_code == 413
