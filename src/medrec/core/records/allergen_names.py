"""Words for what is no medicine and that one can be allergic to: one word for each, where words mean the same thing."""

_SAME = {
    word.strip(): line.split(":")[0]
    for line in """
peanut: peanuts, peanut butter, groundnut, groundnuts
tree nut: tree nuts
shellfish: shell fish, crustaceans, crustacean
egg: eggs, egg white, hen's egg
milk: cow's milk, cow milk, dairy
bee venom: bee sting, bee stings, bees, honey bee venom
wasp venom: wasp sting, wasp stings, wasps
latex: natural rubber latex, rubber latex, rubber
soy: soya, soybean, soybeans
wheat: wheat flour
pollen: pollens
dust mite: dust mites, house dust mite, house dust mites
cat: cats, cat dander, cat hair
dog: dogs, dog dander, dog hair
adhesive tape: tape, adhesives, adhesive
""".strip().splitlines()
    for word in line.split(":")[1].split(",")
}


def one_word(name: str) -> str:
    """The one word for a substance (lower case); the name itself where it is not known."""
    return _SAME.get(name, name)


def known_substance(name: str) -> bool:
    """Whether a word (lower case) is for a substance that is no medicine."""
    return name in _SAME or name in _SAME.values()
