"""The language of the pages: complete, fillable, and plain."""

import ast
import re
import string
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from medrec.core import outcome
from medrec.core.kinds import KINDS
from medrec.core.kinds.governance import CHANGES
from medrec.core.manifests import FORMS
from medrec.core.reconcile import label_pairs, notices
from medrec.core.state import ROLES
from medrec.portal import language, list_words, render, words

NOW = 1_750_000_000_000  # 15 June 2025, 15:06:40 UTC
MINUTE, DAY = 60_000, 86_400_000
JARGON = ("hash", "merkle", "nonce", "blockchain", "wallet", "cryptograph", "payload", "endpoint", "manifest", "node ")
JARGON_OF_TRADE = (
    "credential", "token", "database", "nullifier", "bytes", "algorithm", "json", "encrypt", "protocol", "metadata",
    "authenticat", "authori", "interoperab", "server", "commitment", "webauthn", "biometric", "revoke", "provenance",
    "timestamp", "oauth", "practitioner", "api ",
)  # fmt: skip
GATE = ("WHY_NOT", "OUTCOMES", "MADE")
"""The sentences of the gate stand in a specification; programs and their makers read them as well."""


def texts(*, plain: bool = False) -> Iterator[tuple[str, Any]]:
    for group, content in words.GROUPS.items():
        if content.plain or not plain:
            for name, text in content.english():
                yield f"{group}.{name}", text


def test_every_kind_role_change_and_manifest_has_words() -> None:
    assert set(words.KINDS) == set(KINDS)
    assert set(words.ROLES) == ROLES
    assert set(words.CHANGES) == set(CHANGES)
    assert set(FORMS) <= set(words.MANIFESTS)


def test_every_text_can_be_filled() -> None:
    for name, text in texts():
        for part in text if isinstance(text, tuple) else (text,):
            fields = {field for _, field, _, _ in string.Formatter().parse(part) if field is not None}
            assert all(re.fullmatch("[a-z_]+", field) for field in fields), name
            assert "{" not in render.say(part, **dict.fromkeys(fields, "x")), name


def test_no_template_asks_a_group_of_texts_for_a_method() -> None:
    """`w.trend.values` is a method of a dictionary, and no text: such a name is asked for as `w.trend["values"]`."""
    asked = re.compile(r"\bw(?:\.[a-z_]+|\[\"[a-z_]+\"\])\.([a-z_]+)\b(?!\()")
    found = []
    for file in (Path(words.__file__).resolve().parents[1] / "templates").rglob("*.html"):
        found += [f"{file.name}: {name}" for name in asked.findall(file.read_text("utf-8")) if hasattr(dict, name)]
    assert found == []
    assert asked.findall("{{ w.trend.values }}") == ["values"]


WAITING_MAX = 0
"""How many texts may wait for a translator: the English stands in for them. This number only ever goes down."""


def fields_of(text: Any) -> set[str]:
    parts = text if isinstance(text, tuple) else (text,)
    return {field for part in parts for _, field, _, _ in string.Formatter().parse(part) if field is not None}


@pytest.mark.parametrize("code", [code for code in language.LANGUAGES if code != language.DEFAULT])
def test_every_text_is_translated_and_nothing_in_it_is_lost(code: str) -> None:
    """Run `make words` and fill in what it names; texts of the demonstration's command are the same everywhere."""
    kept = catalogue_of(code)
    missing, lost = [], []
    for name, text in texts():
        message = kept.get(name)
        string_of = message.string if message is not None else ""
        if message is None or message.fuzzy or message.id != text or not string_of or not all(string_of):
            missing.append(name)
        elif fields_of(string_of) - {"count"} != fields_of(text) - {"count"}:
            lost.append(name)
    assert lost == []
    assert len(missing) <= WAITING_MAX, missing


def catalogue_of(code: str) -> dict[str, Any]:
    path = Path(words.__file__).resolve().parents[1] / "catalogues" / f"{code}.po"
    return {str(message.context): message for message in read_po(BytesIO(path.read_bytes()), locale=code) if message.id}


@pytest.mark.parametrize(("count", "form"), [(0, 0), (1, 1), (2, 2), (3, 3), (10, 3), (11, 4), (99, 4), (100, 5)])
def test_arabic_counts_in_six_forms(count: int, form: int) -> None:
    with language.use("ar"):
        assert language.chosen(tuple("012345"), count) == str(form)
    with language.use("es"):
        assert [language.chosen(tuple("012"), number) for number in (1, 2, 0)] == ["0", "2", "2"]


def test_a_heading_has_the_form_for_many_and_labels_speak_the_language() -> None:
    assert words.record_types("Observation") == "measurements or test results"
    with language.use("ar"):
        two, many = words.record_type("Observation", 2), words.record_type("Observation", 3)
        assert words.record_types("Observation") == many != two
        pair = label_pairs.PAIRS[0]
        told = words.in_words(f"a and b: the label says {pair.level} ({pair.effect}).")
        assert pair.level not in told and pair.effect not in told
        assert words.source_of(notices._OWN) != notices._OWN and words.source_of("a label") == "a label"


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "chosen"),
    [
        (None, None, "", "en"),
        (None, None, "fr, es-MX;q=0.8, en;q=0.3", "es"),
        (None, "ar", "es", "ar"),
        ("en", "ar", "es", "en"),
        ("xx", None, "es;q=x, de", "en"),
        ("../../etc", "", "ar;q=0", "en"),
    ],
)
def test_the_language_is_asked_for_kept_or_preferred(
    asked: str | None, kept: str | None, accepted: str, chosen: str
) -> None:
    assert language.choose(asked, kept, accepted) == chosen


def syllables(word: str) -> int:
    found = len(re.findall("[aeiouy]+", re.sub("(?<![aeiou])e$|es$|ed$", "", word.lower())))
    return max(1, found)


def grade(sentences: list[str]) -> float:
    """The school grade of Flesch and Kincaid; 4 to 6 is nine to eleven years."""
    words_of = [word for sentence in sentences for word in re.findall("[A-Za-z’']+", sentence)]
    spoken = sum(syllables(word) for word in words_of)
    return 0.39 * len(words_of) / len(sentences) + 11.8 * spoken / len(words_of) - 15.59


def sentences_of(text: str) -> list[str]:
    plain = re.sub(r"\{[a-z_]+\}", "Ann", text)
    return [part for part in re.split(r"(?<=[.?!:;])\s+", plain) if len(re.findall("[A-Za-z]+", part)) >= 3]


def test_all_texts_are_for_readers_of_nine_to_eleven() -> None:
    for group, content in words.GROUPS.items():
        parts = [part for _, text in content.english() for part in (text if isinstance(text, tuple) else (text,))]
        sentences = [sentence for part in parts for sentence in sentences_of(part)]
        if len(sentences) >= 5:
            assert grade(sentences) <= 6.5, f"{group}: grade {grade(sentences):.1f}"
        for sentence in sentences:
            assert len(sentence.split()) <= 26, f"{group}: {sentence}"


def test_hard_texts_are_found_to_be_hard() -> None:
    hard = ["The authorisation infrastructure facilitates interoperable institutional notification mechanisms."]
    assert grade(hard) > 12


def jargon(text: str, words_of: tuple[str, ...]) -> list[str]:
    return [word for word in words_of if word in text.lower()]


def test_nobody_reads_jargon_and_patients_none_of_the_trade() -> None:
    for group, content in words.GROUPS.items():
        if group in GATE:
            continue
        for name, text in content.english():
            for part in text if isinstance(text, tuple) else (text,):
                assert jargon(part, JARGON + (JARGON_OF_TRADE if content.plain else ())) == [], f"{group}.{name}"


def test_jargon_is_found() -> None:
    assert jargon("The payload of this node is a Merkle hash.", JARGON) == ["hash", "merkle", "payload", "node "]
    assert jargon("Your credential is authorised.", JARGON_OF_TRADE) == ["credential", "authori"]


def spanish_ease(sentences: list[str]) -> float:
    """The index of Szigriszt-Pazos: 206.835 - 62.3 syllables a word - words a sentence. From 65 on it is easy to read,
    from 80 on very easy (the INFLESZ scale)."""
    words_of = [word for sentence in sentences for word in re.findall(r"[^\W\d_]+", sentence.lower())]
    spoken = sum(max(1, len(re.findall("[aeiouáéíóúü]+", word))) for word in words_of)
    return 206.835 - 62.3 * spoken / len(words_of) - len(words_of) / len(sentences)


def translated_sentences(code: str, group: str) -> list[str]:
    found = []
    for name, text in language.catalogue(code).items():
        if name.startswith(group + "."):
            for part in text if isinstance(text, tuple) else (text,):
                plain = re.sub(r"\{[a-z_]+\}", "Ana", part)
                # What ends without a full stop is the name of a thing.
                found += [
                    one
                    for one in re.split(r"(?<=[.?!:;؟؛])\s+", plain)
                    if len(one.split()) >= 3 and one[-1] in ".?!:;؟؛"
                ]
    return found


def test_spanish_and_arabic_keep_one_manner() -> None:
    """Spanish says "usted" and pairs its marks; Arabic has its own marks, and one way to write the same ending."""
    for name, text in language.catalogue("es").items():
        for part in text if isinstance(text, tuple) else (text,):
            assert not re.search(r"\b(tu|tus|tú|puedes|tienes|quieres)\b", part, re.I), name
            assert part.count("¿") == part.count("?") and part.count("¡") == part.count("!"), name
            assert not re.search(r"\b(urgencia|mostrador|aparato|enlazad|medicinas?|unid[oa] a)", part.lower()), (
                f"{name}: another word stands for it"
            )
            # A look is "acceso": to a reader "consulta" is a visit to the doctor. Only a program's query is one.
            assert "consulta" not in re.sub("consultas de esta forma", "", part.lower()), name
    for name, text in language.catalogue("ar").items():
        for part in text if isinstance(text, tuple) else (text,):
            assert not re.search("[\u0600-\u06ff][?,;]", part), f"{name}: a mark of another script"
            assert "\u0627\u064b" not in part, name
            # Hint, problems, look: one word for each.
            assert not re.search("تلميح|مشاكل|اطلاع", part), f"{name}: another word stands for it"


def test_spanish_is_easy_and_arabic_sentences_are_short() -> None:
    for group, content in words.GROUPS.items():
        if not content.plain:
            continue
        spanish, arabic = translated_sentences("es", group), translated_sentences("ar", group)
        if len(spanish) >= 5:
            assert spanish_ease(spanish) >= 65, f"{group}: {spanish_ease(spanish):.0f}"
        for sentence in spanish + arabic:
            assert len(sentence.split()) <= 30, f"{group}: {sentence}"
    hard = "La interoperabilidad institucional facilita mecanismos de notificación automatizada."
    assert spanish_ease([hard]) < 40


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (0, "just now"),
        (59_999, "just now"),
        (MINUTE, "a minute ago"),
        (59 * MINUTE, "59 minutes ago"),
        (60 * MINUTE, "today at 14:06"),
        (DAY, "yesterday at 15:06"),
        (-DAY, "tomorrow at 15:06"),
        (-MINUTE, "today at 15:07"),
        (400 * DAY, "11 May 2024 at 15:06"),
    ],
)
def test_times_in_words(ago: int, said: str) -> None:
    made = render.moment(NOW - ago, NOW)
    assert re.sub("<[^>]+>", "", made) == said
    assert re.match(r'<time datetime="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z">', made)


def test_a_time_beyond_the_calendar_is_shown_as_a_number() -> None:
    assert render.moment(10**18, NOW) == str(10**18)


def test_what_is_filled_in_is_escaped_and_isolated() -> None:
    said = render.say("{who} & {count}", who="<b>\u202e{x}", count=1234)
    assert said == "<bdi>&lt;b&gt;\N{REPLACEMENT CHARACTER}{x}</bdi> &amp; 1,234"


def test_joiners_and_letters_of_all_scripts_stay() -> None:
    for name in ("می\u200cخواهم", "नेहा", "Ñandú", "李小龍", "Zoë 🩺"):
        assert render.shown(name) == name


def test_lists_read_like_a_sentence() -> None:
    assert re.sub("<[^>]+>", "", render.listed(["a", "b", "c"])) == "a, b and c"
    assert render.listed([]) == ""
    assert re.sub("<[^>]+>", "", render.kinds_of(["Observation", "Condition", "Observation"])) == (
        "2 measurements or test results and 1 health problem"
    )


def test_why_the_ledger_refused_is_said_in_the_readers_language() -> None:
    refused = outcome.Outcome(outcome.Code.ALREADY_FROZEN)
    named = outcome.Outcome(outcome.Code.BAD_PAYLOAD, "salt")
    assert words.why_not("already-frozen", refused.sentence) == refused.sentence
    with language.use("es"):
        assert words.why_not("already-frozen", refused.sentence) == "La cuenta ya está congelada."
        assert words.why_not("bad-payload", named.sentence) == words.LEDGER_NO["other"]
        # Who reads the ledger itself reads all of it.
        assert words.outcome_in_full("bad-payload", named.sentence).endswith(". (salt)")
        other = words.why_not("already-frozen", "Something \u202eelse.")
        assert other == words.MADE["in-their-words"].format(why="\u2068Something \N{REPLACEMENT CHARACTER}else.\u2069")
    for code in outcome.Code:
        told = words.why_not(code.name.lower().replace("_", "-"), outcome.Outcome(code, "nonce 2, last 2").sentence)
        assert not code or (jargon(told, JARGON + JARGON_OF_TRADE) == [] and not re.search(r"\d|\(", told)), told
    missing = [code for code in outcome.Code if code and code.name.lower().replace("_", "-") not in words.OUTCOMES]
    assert missing == []


SHOWN_ERRORS = ("PeerError", "WayError", "LinkError", "StoreError", "ReceiptUnavailableError")
FOR_OPERATORS = (
    "{}: {}",
    "The root file does not know {} with the key of that day. {}",
    "A line of {} in block {} cannot be proven: {}. Check the node's store and ledger.",
)


def made_sentences() -> Iterator[str]:
    """Sentences that programs make, with {} for what is filled in: of the errors that pages show, and of what is
    noticed on a list."""
    package = Path(words.__file__).resolve().parents[2]
    for file in (*package.glob("node/**/*.py"), package / "core/reconcile/notices.py"):
        for found in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            values: list[ast.expr] = []
            if isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and found.func.id in SHOWN_ERRORS:
                values = found.args
            elif isinstance(found, ast.Assign) and isinstance(found.targets[0], ast.Name):
                values = [found.value] if file.stem == "notices" and found.targets[0].id == "sentence" else []
            yield from (text for text in map(skeleton, values) if " " in text)


def skeleton(value: ast.expr) -> str:
    if isinstance(value, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in value.values)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def test_every_sentence_that_a_program_makes_for_a_page_is_translated() -> None:
    known = {re.sub("{[a-z]+}", "{}", str(text)) for _, text in words.MADE.english()}
    made = [*made_sentences()]
    assert len(made) >= 60
    assert sorted({text for text in made if text not in known and text not in FOR_OPERATORS}) == []


@pytest.mark.parametrize(
    ("made", "name", "gaps"),
    [
        ("North cannot be reached.", "unreachable", {"place": "North"}),
        ("North cannot be reached (refused).", "unreachable-why", {"place": "North", "why": "refused"}),
        ("a and b and c are of one class (d).", "one-class", {"one": "a", "other": "b and c", "through": "d"}),
        (
            "south says that it knows nothing of what this organisation wrote down for it; ask its privacy officer "
            "what became of it.",
            "owed-denied",
            {"place": "south"},
        ),
    ],
)
def test_a_made_sentence_is_said_in_the_language_of_the_visit(made: str, name: str, gaps: dict[str, str]) -> None:
    assert words.in_words(made) == made
    for code in ("es", "ar"):
        with language.use(code):
            wanted = words.MADE[name].format(**{gap: f"\u2068{value}\u2069" for gap, value in gaps.items()})
            assert words.in_words(made) == wanted != made
            assert "\N{REPLACEMENT CHARACTER}" not in render.foreign(words.in_words(made))


def test_the_doses_within_a_made_sentence_are_joined_in_the_language_of_the_page() -> None:
    with language.use("es"):
        said = words.in_words("lisinopril: different doses are in force at different places (10 mg and 20 mg).")
    assert "\u206810 mg\u2069 y \u206820 mg\u2069" in said and " and " not in said


@pytest.mark.parametrize(
    ("made", "es", "ar"),
    [
        ("0 to 10 mg", "0 a 10 mg", "0 إلى 10 mg"), ("1 to 2 tablets", "1 a 2 comprimidos", "1 إلى 2 أقراص"),
        ("20 mg", "20 mg", "20 mg"), ("0.5 to 1.5 mg/mL", "0.5 a 1.5 mg/mL", "0.5 إلى 1.5 mg/mL"),
        ("as before", "as before", "as before"),
    ],
)  # fmt: skip
def test_an_amount_of_a_day_is_said_in_the_language_of_the_page(made: str, es: str, ar: str) -> None:
    for code, wanted in (("en", made), ("es", es), ("ar", ar)):
        with language.use(code):
            assert words.measure(made) == wanted
            day = str(list_words.day(made, needed=False))
            assert (" to " in day) is (" to " in wanted)
    with language.use("es"):
        said = words.in_words("x: different doses are in force at different places (0 to 10 mg and 1 to 2 tablets).")
        assert "0 a 10 mg" in said and "1 a 2 comprimidos" in said
        said = words.in_words("x: the directions come to 4 to 8 mg a day; the label gives at most 4 mg.")
        assert "4 a 8 mg" in said


def test_a_misspelled_allergy_is_told_of_in_the_language_of_the_page() -> None:
    written = "Amoxicillin is on the list, and an allergy written as penicilin, which may mean penicillin."
    medicine = "amoxicilin, which may mean amoxicillin, is on the list, and an allergy to Penicillin is, too."
    for code in ("es", "ar"):
        with language.use(code):
            for made, name in ((written, "allergy-written"), (medicine, "allergy-medicine")):
                said = words.in_words(made)
                assert "which" not in said and said.count("\u2068") == 3, name
            line = words.line("Allergy to penicilin; read as penicillin (written: penicilin)")
            assert "read as" not in line and "written" not in line and line.count("penicilin\u2069") == 2
