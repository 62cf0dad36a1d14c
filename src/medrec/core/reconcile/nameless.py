"""Words that name nothing: which free words can be told to somebody from whom something is withheld.

Nobody lists all ways of naming a medicine or an illness: brands, classes, letters that stand for a name, slips of the
pen. So it is asked the other way round: words are told that hold nothing but common words, amounts and times, and
names that whoever hears them knows already.
"""

import re
from collections.abc import Iterable

from medrec.core.consent.spelling import words_of
from medrec.core.records.class_names import of_class
from medrec.core.records.terms import Terms

_COMMON_WORDS = """
a about ac again agree agreed agreement agrees al algo all almuerzo also always am an and antes any anymore are
as ask asked asks at aun away back bd be because bed bedtime been before being better bid bien both breakfast but by
cada cambiado cambio cambios came can cannot cap caps capsulas capsule capsules cena change changed changes come comes
comida comidas como complete completed comprimido comprimidos con confirm confirmed confirms continue continued
continues correct corrected could course cuando cuatro daily day days de debe decided decision dejado dejar dejarlo
dejo del desayuno desde despues dia dias did didnt dinner directed directions discussed do doble does doesnt doing
done dont dos dose doses dosis down due during each efecto efectos effect effects eight either el else en end ended
ends enough era es esta este esto estos even evening evenings every expired explain explained fewer fin fine finish
finished first five follow following food for four from full further g gave get gets give given gives go goes going
gone good gram grams had half has hasnt hasta have havent having hay he help helped helping helps her here hers high
higher him his hora horas hour hours how however hoy i if igual in increase increased indica indicaciones indicado
instead instructed instructions into is isnt it its just keep keeping kept know knows la las last later le least leave
left less likes listed little lo long longer los low lower luego lunch made make makes manana mas maximum mayor mcg me
meal meals meanwhile media medio menor menos mes meses mg midday might mine minimum minute minutes misma mismo missed
mistake mitad ml month monthly months more morning mornings most much must muy my nada necesita necesitaba need needed
needs never new next ni night nightly nights no noche noches none noon nor not nothing now nueva nuevo nunca o od of
off often old on once one only or order ordered orders other others otra otro otros our out over own paciente page
para past patient patients pc per pero phone plan please pm po por porque possible prefers prn puede
q qd qhs qid que quiere quiso ran reason reasons reduce reduced resume resumed review reviewed reviews revisado said
same say says se secundario secundarios see seen segun semana semanas ser shall she should si side siempre sigue sin
since six skip skipped so sobre solo some soon sort sorted started starting starts still stop stopped stopping stops
su such supper sure suspender suspendido tab tablet tableta tabletas tablets tabs take taken takes taking talk talked
tambien tarde tardes tds tell ten terminado termino than that the their them then there these they thing things this
those though three tid tiene time times to toda todas todavia today todo todos together told tolerate tolerated
tolerating toma tomaba tomado tomando tomar tomarlo tomorrow too took tras tres tried tries try twice two ug un una
under unless uno until up us use used uses usual veces vez visit visits wait want wanted wants was wasnt way we
week weekly weeks well went were what when where which while who why will wish wishes with within without wont worked
works worse would wrong x y ya year years yes yesterday yet you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Of English and Spanish: what says how, when and that something is taken or is over, and is no name by itself."""
_AMOUNT = re.compile(r"q?\d{1,2}(?:st|nd|rd|th|x|h|hr|hrs|d|mg|mcg|ug|g|ml|am|pm)?\Z")
_MEASURED = re.compile(r"(?<![\w.,/-])\d{1,4}(?:[.,]\d{1,3})?\s*(?:mg|mcg|ug|g|ml)\b")
"""A number with its measure is an amount; a bare one of three digits or more may be the code of something."""
_CODE = re.compile(r"(?<!\d)\d(?:[^\w]{0,2}\d){4,}(?!\d)")
"""Five figures and more, with whatever between them, may be the code of something."""
_SIGNS = re.compile(r"[\w\s.,;:!?'’\"()/+=*&%–-]*\Z")
_RUN_MAX = 4


def names_nothing(text: str, known: Iterable[str], terms: Terms) -> bool:
    """Whether a text names no medicine, class of medicines, illness or code, but those in the names that are `known` to
    whoever hears it. What is not surely so is false."""
    plain = text.casefold().replace("'", "").replace("’", "")
    if not _SIGNS.match(plain) or "_" in plain:
        return False
    told = {word.casefold() for name in known for word in words_of(name)}
    said = [word.casefold() for word in words_of(_MEASURED.sub(" ", plain))]
    if not all(word in told or word in _COMMON or _AMOUNT.match(word) for word in said):
        return False
    if _CODE.search(plain):
        return False
    # "Take Action" and "My Way" are brands of common words.
    runs = [said[at : at + many] for many in range(2, _RUN_MAX + 1) for at in range(len(said) - many + 1)]
    return not any(_is_name(" ".join(run), terms) for run in runs if not told.issuperset(run))


def _is_name(run: str, terms: Terms) -> bool:
    return terms.drug_named(run) is not None or terms.class_named(run) is not None or of_class(run, terms) != ((), ())
