"""Invented names and places for the people of the demo, from many parts of the world."""

from __future__ import annotations

# Given names by administrative sex, then family names; a person gets any given name with any family name,
# now and then two family names, so that nobody's real name is aimed at.
GIVEN: dict[str, tuple[str, ...]] = {
    "female": (
        "Abena", "Aiko", "Anneliese", "Ayşe", "Beatriz", "Chidinma", "Dagný", "Eszter", "Farida", "Ginevra",
        "Hala", "Ingeborg", "Jyoti", "Katarzyna", "Leilani", "Mei-Lin", "Nayeli", "Oksana", "Priya", "Qiana",
        "Rosalind", "Salma", "Thandiwe", "Ursina", "Vesna", "Wanjiru", "Xóchitl", "Yael", "Zuzana", "Noor",
    ),
    "male": (
        "Adebayo", "Björn", "Cuauhtémoc", "Dmitri", "Emre", "Faisal", "Giorgos", "Haruto", "Ignacy", "Jamal",
        "Kwabena", "Lars", "Mateo", "Nikhil", "Oisín", "Pádraig", "Quang", "Rafael", "Sipho", "Tāne",
        "Uziel", "Václav", "Wei", "Xavier", "Yusuf", "Zoltán", "Arun", "Benicio", "Cormac", "Henrik",
    ),
}  # fmt: skip
FAMILY: tuple[str, ...] = (
    "Abernathy-Sol", "Achterberg", "Balogun", "Brightwater", "Castellane", "Dąbrowska", "Eguchi", "Fairweather",
    "Ferreira-Lume", "Grünspan", "Halvorsdottir", "Iyerfield", "Jovanović", "Kahananui", "Kipchumba", "Lindenau",
    "Mbeki-Ross", "Montesinos", "Nakagawa", "Nguyen-Ash", "O'Dunmore", "Okereke", "Papadakis", "Quispe",
    "Ravensholm", "Rosenquist", "Sarkissian", "Šimůnek", "Tamihana", "Tokarczyk", "Uzun", "Valdivieso",
    "Vanterpool", "Whitlocke", "Xiong-Hale", "Yildirim", "Zambrano", "Zhao-Perrin", "Adisa", "Qureshi-Lund",
)  # fmt: skip
STREETS: tuple[str, ...] = (
    "Larkspur Street", "Old Mill Road", "Quarry Lane", "Seventh Avenue", "Harbor Street", "Foxglove Court",
    "Lantern Hill Road", "Willow Bend", "Station Street", "Juniper Avenue",
)  # fmt: skip
CITIES: tuple[tuple[str, str], ...] = (
    ("Alder Falls", "00501"), ("Brindlemouth", "00503"), ("Copperfield Bay", "00507"), ("Easthollow", "00509"),
    ("New Tarn", "00511"),
)  # fmt: skip
LANGUAGES: tuple[tuple[str, str], ...] = (
    ("en", "English"), ("es", "Spanish"), ("pl", "Polish"), ("zh", "Chinese"), ("ar", "Arabic"), ("de", "German"),
)  # fmt: skip
