"""Sharing by a QR code: signed by the person's key, shown once, counted, stopped; and the page where a code leads."""

import base64
import json
import re
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from medrec.node.account import devices
from medrec.node.agent import entries, links
from medrec.portal import words
from tests.node.helping import Help, submit
from tests.node.test_entries import enter
from tests.portal.rescue import Holder, authenticator
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, signed_in, take_up
from tests.portal.test_sign_in import csrf_of, visitor

CHOICES = {"share": "1", "life": "hour", "views": "five"}


@pytest.fixture
def told(help_: Help) -> Help:
    enter(help_, entries.medicine("Ibuprofen 400 mg", True, help_.network.time))
    enter(help_, entries.symptom("Headache", help_.network.time))
    return help_


def at_phone(help_: Help, person: Any = None) -> Holder:
    """Ada, or somebody else, at a phone with a passkey of hers."""
    person = person or help_.ada
    name = f"phone of {person.account[-8:]}"
    key = authenticator(name)
    submit(help_, person, "account/credential-add", {"credential": key.credential})
    devices.remember(help_.guide, person.account, key.key_id, name.encode(), "my phone")
    holder = Holder(help_.story, key, name.encode())
    assert holder.sign_in().status_code == 200
    return holder


def ask(help_: Help, ada: Holder, **choices: str) -> Any:
    return ada.send(page(help_.ada) + "/share", **{**CHOICES, **choices})


def share(help_: Help, ada: Holder, **choices: str) -> Any:
    return ada.does(page(help_.ada) + "/share", **{**CHOICES, **choices})


def payload(html: str) -> dict[str, Any]:
    found = re.search(r"https://guide.example/pages/shared#shlink:/([A-Za-z0-9_-]+)", html)
    assert found is not None
    text = found.group(1)
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return value


def fetch(client: Any, made: dict[str, Any], **body: str) -> Any:
    return client.post(made["url"].replace("https://guide.example/pages", ""), json={"recipient": "Dr Brown", **body})


def test_a_code_is_made_shown_once_opened_and_counted(told: Help) -> None:
    client = at_phone(told)
    assert words.SHARE["none"] in client.get(page(told.ada) + "/share").text
    answer = share(told, client, **{"kind-medicines": "1", "label": "For the dentist", "passcode": "rain 7"})
    assert answer.status_code == 303 and answer.headers["location"] == page(told.ada) + "/share?done=shared"
    html = client.get(answer.headers["location"]).text
    made = payload(html)
    signed = client.asked(ask(told, client, everything="1", life="month", passcode="rain 7"))
    assert "My whole record" in signed and words.SHARE["guarded"] in signed and "rain" not in signed
    assert "<svg" in html and not re.search(r"\sstyle=|<script(?! type=.module. src=)|<style", html)
    assert made["flag"] == "P" and made["label"] == "For the dentist"
    assert "shlink" not in client.get(page(told.ada) + "/share").text
    stranger = visitor(told.story)
    wrong = fetch(stranger, made, passcode="rain 8")
    assert wrong.status_code == 401 and wrong.json() == {"remainingAttempts": 4}
    given = fetch(stranger, made, passcode="rain 7").json()["files"][0]["embedded"]
    key = OctKey.import_key(base64.urlsafe_b64decode(made["key"] + "="))
    bundle = json.loads(jwe.decrypt_compact(given, key, algorithms=["dir", "A256GCM", "DEF"]).plaintext or b"")
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["MedicationStatement"]
    html = client.get(page(told.ada) + "/share").text
    assert "For the dentist" in html and "Opened once." in html and words.SHARE["live"] in html
    assert "wrong passcode once" in html


def test_an_open_page_without_the_key_makes_no_code_and_sees_none(told: Help) -> None:
    """A thief at a device where her page is open: he has no finger, and her own phone makes a code meanwhile."""
    ada, thief = at_phone(told), signed_in(told, told.ada)
    begun = ask(told, ada, everything="1")
    assert "shlink" not in ada.get(page(told.ada) + "/share").text
    assert not links.of_account(told.guide, told.ada.account)
    leads = ada.confirm(begun).headers["location"]
    assert "shlink" not in thief.get(page(told.ada) + "/share").text
    assert "shlink" in ada.get(leads).text
    token = csrf_of(thief.get(page(told.ada) + "/share").text)
    sent = thief.post(page(told.ada) + "/share", data={**CHOICES, "everything": "1", "csrf": token})
    assert thief.get(sent.headers["location"]).status_code == 403
    assert len(links.of_account(told.guide, told.ada.account)) == 1


def test_a_passcode_that_is_no_text_is_a_wrong_one(told: Help) -> None:
    client, stranger = at_phone(told), visitor(told.story)
    share(told, client, everything="1", passcode="rain 7")
    made = payload(client.get(page(told.ada) + "/share").text)
    address = made["url"].replace("https://guide.example/pages", "")
    body = b'{"recipient": "Dr \\ud800", "passcode": "\\ud800\\ud800"}'
    answer = stranger.post(address, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 401 and answer.json() == {"remainingAttempts": 4}


def test_a_code_is_stopped_and_a_frozen_account_s_is_not_opened(told: Help) -> None:
    client, stranger = at_phone(told), visitor(told.story)
    made = []
    for _ in range(2):
        share(told, client, everything="1")
        made.append(payload(client.get(page(told.ada) + "/share").text))
    assert [fetch(stranger, one).status_code for one in made] == [200, 200]
    newest = links.of_account(told.guide, told.ada.account)[0].id.hex()
    token = csrf_of(client.get(page(told.ada) + "/share").text)
    assert client.client.post(page(told.ada) + "/share", data={"stop": "zz", "csrf": token}).status_code == 400
    assert client.client.post(page(told.ada) + "/share", data={"stop": "00" * 16, "csrf": token}).status_code == 403
    answer = client.client.post(page(told.ada) + "/share", data={"stop": newest, "csrf": token})
    assert answer.headers["location"].endswith("?done=stopped")
    found = [fetch(stranger, one).status_code for one in made]
    assert sorted(found) == [200, 404]
    submit(told, told.ada, "account/freeze", {"account": told.ada.account})
    assert [fetch(stranger, one).status_code for one in made] == [404, 404]


def test_nothing_is_shared_without_a_choice_or_by_anybody_else(told: Help) -> None:
    client = at_phone(told)
    assert ask(told, client).status_code == 400
    assert ask(told, client, everything="1", life="for ever").status_code == 400
    assert ask(told, client, **{"kind-vaccines": "1"}).status_code == 404
    long = ask(told, client, everything="1", life="week")
    assert long.status_code == 400 and "share-passcode" in long.text
    assert ask(told, client, everything="1", passcode="123").status_code == 400
    assert not any(one.is_live(told.network.time) for one in links.of_account(told.guide, told.ada.account))
    told.name_bo()
    helper = signed_in(told, told.bo)
    take_up(told, helper)
    shown = helper.get(page(told.ada) + "/share").text
    assert words.SHARE["not_yours"] in shown and words.SHARE["make"] not in shown and "shlink" not in shown
    token = csrf_of(shown)
    for form in ({**CHOICES, "everything": "1"}, {"stop": "00" * 16}):
        assert helper.post(page(told.ada) + "/share", data={**form, "csrf": token}).status_code == 403


def test_the_page_where_a_code_leads_is_open_to_everybody_and_knows_nothing(told: Help) -> None:
    client = visitor(told.story)
    answer = client.get("/shared")
    assert answer.status_code == 200 and words.SHARE["view_who"] in answer.text
    assert "opening.js" in answer.text and "Ada" not in answer.text
    script = client.get("/opening.js").text
    assert "innerHTML" not in script and 'credentials: "omit"' in script
