"""One word for one idea: of two names for one thing a reader looks for the other."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from medrec.portal import language, words

FOLDER = Path(words.__file__).resolve().parents[1] / "catalogues"
MARKS = re.compile("[\u064b-\u0652]")
"""Arabic vowel marks: a word is the same with and without them."""

TERMS: dict[str, tuple[str, str, str]] = {
    "permission": (r"\b(consents?|permissions?)\b", "permiso", "إذن|أذون"),
    "record": (r"\brecords?\b", "historial|registro", "سجل"),
    "place": (r"\bplaces?\b", "lugar", "مكان|أماكن"),
    "hospital": (r"\bhospitals?\b", "hospital", "مستشف"),
    "clinic": (r"\bclinics?\b", "clínica", "عياد"),
    "organisation": (r"\borganisations?\b", "organizaci", "مؤسس"),
    "look": (r"\b(one|a|each|every|few|first|these|more|the|of|\}) looks?\b(?! for| at)", "acceso|vistazo", "اطلاع"),
    "key": (r"\bkeys?\b", "llave", "مفتاح|مفاتيح"),
    "passkey": (r"\bpasskeys?\b", "llaves? de acceso", "(مفتاح|مفاتيح) (ال)?مرور"),
    "proof": (r"\bproofs?\b", "prueba", "إثبات"),
    "receipt": (r"\breceipts?\b", "recibo", "إيصال"),
    "helper": (r"\bhelpers?\b", "ayudante", "مساعد"),
    "guardian": (r"(?<!or )\bguardians?\b(?! named)", "guardi[aá]n", "تثق|أثق|يثق|موثوق"),
    "request": (r"\brequests?\b", "petici[oó]n", "طلب"),
    "ledger": (r"\bledger\b", "libro", "سجلا?ت? المشترك|السجلات المشتركة|سجلا? مشترك"),
    "journal": (r"\bjournal\b", "diario", "يومي"),
    "agent": (r"\bagents?\b", "agente", "وكيل|وكلا"),
    "device": (r"\bdevices?\b", "dispositivo", "جهاز|أجهز"),
    "account": (r"\baccounts?\b", "cuenta", "حساب"),
}
"""For each idea the English words, and the beginnings of those that Spanish and Arabic have for it. A parent's guardian
is another idea than one who helps back in."""

OTHERS = {"es": "\\b(deten|detuv|detien)", "ar": "برهان|براهين|منظم|الدفتر|الموافقة|عنصر|عناصر"}
"""Second words for what has one."""

BESIDE = {
    # The position of a line; the words of a command; something to do.
    ("place", "VERSION.step_block"), ("place", "VERSION.leaf"), ("record", "VERSION.command"), ("look", "FRONT.unwell"),
}  # fmt: skip


def texts(code: str) -> Iterator[tuple[str, str, str]]:
    """Name, English and translation of every text of a language, in each of its forms."""
    with (FOLDER / f"{code}.po").open("rb") as file:
        for message in read_po(file, locale=code):
            if message.id:
                english = message.id if isinstance(message.id, str) else message.id[-1]
                translated = message.string if isinstance(message.string, str) else message.string[-1]
                yield str(message.context), re.sub(r"\{[a-z_]+\}", "{}", english), MARKS.sub("", translated)


def strange(code: str, term: str, place: int, found: Iterator[tuple[str, str, str]]) -> list[str]:
    """The texts that call an idea by another word."""
    english, own = re.compile(TERMS[term][0], re.IGNORECASE), re.compile(TERMS[term][place], re.IGNORECASE)
    return [
        f"{code} {name}: {translated}"
        for name, said, translated in found
        if english.search(said) and not own.search(translated) and (term, name) not in BESIDE
    ]


@pytest.mark.parametrize(("code", "place"), [("es", 1), ("ar", 2)])
@pytest.mark.parametrize("term", TERMS)
def test_an_idea_has_one_word(term: str, code: str, place: int) -> None:
    said = [one for one in texts(code) if re.search(TERMS[term][0], one[1], re.IGNORECASE)]
    assert len(said) >= 5, "the English word is not in use: is the list up to date?"
    assert strange(code, term, place, iter(said)) == []


@pytest.mark.parametrize("code", sorted(OTHERS))
def test_no_second_word_is_in_use(code: str) -> None:
    assert [one for one in texts(code) if re.search(OTHERS[code], one[2], re.IGNORECASE)] == []
    assert code in language.LANGUAGES


def test_a_second_word_is_found() -> None:
    told = iter([("CARD.proof", "Who says so, and the proof", "من قال ذلك، وبرهان كل سطر")])
    assert strange("ar", "proof", 2, told) == ["ar CARD.proof: من قال ذلك، وبرهان كل سطر"]
