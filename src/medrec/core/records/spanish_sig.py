"""Directions in Spanish ("1 tableta cada 8 horas") in the English words that sig.py reads.

All or nothing: directions with a word that is not in the table are not put into English at all, for it may be the
one that changes them.
"""

import re

_TABLE = r"""
c/\s*4\s*h(?:rs?|oras?)? = every 4 hours
c/\s*6\s*h(?:rs?|oras?)? = every 6 hours
c/\s*8\s*h(?:rs?|oras?)? = every 8 hours
c/\s*12\s*h(?:rs?|oras?)? = every 12 hours
c/\s*24\s*h(?:rs?|oras?)? = every 24 hours
(?:tabletas?|comprimidos?|pastillas?|grageas?|cps?|comp) = tablet
c[áa]psulas? = capsule
gotas? = drop
cucharaditas? = teaspoon
cucharadas? = tablespoon
inhalaci(?:[óo]n|ones) = puff
parches? = patch
sobres? = packet
ampollas? = ampule
(?:unidades|u\.?i\.?) = units
miligramos? = mg
microgramos? = mcg
d[íi]as?\s+alternos|un\s+d[íi]a\s+s[íi]\s+y\s+(?:otro|uno)\s+no|cada\s+(?:2|dos)\s+d[íi]as = every other day
(?:una\s+vez\s+|1\s+vez\s+)?(?:al|por|cada)\s+d[íi]a|diari(?:amente|as?|os?)|todos\s+los\s+d[íi]as = daily
veces\s+(?:al|por)\s+d[íi]a = times a day
(?:vez|veces)\s+(?:a\s+la|por)\s+semana = times a week
(?:a\s+la|por|cada)\s+semana|semanal(?:mente)? = weekly
cada\s+mes|al\s+mes|mensual(?:mente)? = monthly
(?:por|en)\s+la\s+ma[ñn]ana|en\s+ayunas = in the morning
al\s+mediod[íi]a = at noon
(?:por|en)\s+la\s+tarde = in the evening
(?:por|en)\s+la\s+noche|al\s+acostarse|antes\s+de\s+(?:acostarse|dormir) = at bedtime
con\s+(?:el\s+)?desayuno = with breakfast
con\s+(?:el\s+)?almuerzo = with lunch
con\s+(?:la\s+)?cena = with dinner
(?:con|antes\s+de|despu[ée]s\s+de)\s+(?:cada\s+comida|las\s+comidas) = with meals
con\s+(?:alimentos|comida|agua) = with food
(?:por\s+)?(?:v[íi]a\s+)?oral(?:mente)?|por\s+(?:la\s+)?boca|v\.o\.|vo = by mouth
subcut[áa]nea(?:mente)? = under the skin
tom(?:ar|e|a)|administrar|inyectar(?:se)?|aplicar(?:se)? = take
m[áa]ximo|m[áa]x\.? = max
no\s+m[áa]s\s+de = no more than
de\s+lunes\s+a\s+viernes = on monday to friday
de\s+lunes\s+a\s+s[áa]bado = on monday to saturday
si\s+es\s+necesario|seg[úu]n\s+(?:necesidad|sea\s+necesario)|cuando\s+(?:sea\s+necesario|lo\s+necesite) = as needed
a\s+demanda|en\s+caso\s+de\s+dolor|si\s+(?:hay\s+|tiene\s+)?dolor = as needed
(?:por|durante)(?=\s+\d) = for
cada = every
horas?|hrs?|h = hours
d[íi]as? = days
semanas? = weeks
mes(?:es)? = months
y\s+media? = and a half
medi[oa] = half
un[ao]? = 1
dos = 2
tres = 3
cuatro = 4
cinco = 5
seis = 6
ocho = 8
diez = 10
doce = 12
y = and
o = or
a(?=\s+\d) = to
de(?=\s+\d) = of
(?:los\s+|el\s+)?lunes = on monday
(?:los\s+|el\s+)?martes = on tuesday
(?:los\s+|el\s+)?mi[ée]rcoles = on wednesday
(?:los\s+|el\s+)?jueves = on thursday
(?:los\s+|el\s+)?viernes = on friday
(?:los\s+|el\s+)?s[áa]bados? = on saturday
(?:los\s+|el\s+)?domingos? = on sunday
mg|ml|mcg|g|prn|x =
"""
"""What is written (a pattern), and what it is in English (the last are the same in both); the longer first."""
_PHRASES = tuple(line.partition(" =")[::2] for line in _TABLE.strip().splitlines())
_ALL = re.compile(
    "|".join(rf"(?P<p{number}>(?<!\w)(?:{written})(?!\w))" for number, (written, _) in enumerate(_PHRASES))
)
_IS_SPANISH = re.compile(
    r"\b(?:tabletas?|comprimidos?|pastillas?|c[áa]psulas?|gotas?|ayunas|cada|veces|vez|al\s+d[íi]a|diari[ao]s?|tomar|tome|noche|ma[ñn]ana"
    r"|c/\s*\d+\s*h|horas|d[íi]as|suspend(?:er|id[oa]))\b"
)
_LETTERS = re.compile(r"[^\W\d_]")


def in_english(text: str) -> str | None:
    """Directions (lower case) in English: the same text where they are not Spanish; None where a word of
    them is not known."""
    if not _IS_SPANISH.search(text):
        return text
    if _LETTERS.search(_ALL.sub(" ", text)):
        return None
    return _ALL.sub(_said, text)


def _said(match: re.Match[str]) -> str:
    english = _PHRASES[int((match.lastgroup or "p0")[1:])][1]
    return english.strip() or match[0]
