"""What people say about a line, as the lists take it: beside the records, with its author, and never over them."""

from medrec.core.manifests.acts import Act, Subject
from medrec.core.reconcile.held import PATIENT, Held, Line
from medrec.core.reconcile.said_otherwise import denies, may_end, names_no_medicine, never, of_once
from medrec.core.records import daily, datatypes, drug_names, sig, two_names
from medrec.core.records.allergen_names import mentioned, no_class
from medrec.core.records.dates import day_of
from medrec.core.records.terms import RXNORM, Terms, cleaned
from medrec.core.records.understood import MedicineDetail, Note, NoteCode, Status, Understood, remarked

ALSO_TAKEN = "also taken"
LIKE_THIS = "taken differently"
REVIEWED = "reviewed with the patient"
CHANGED = "changed"
_ENDED = {"like-this": "not-taking", "also-taking": "not-taking", "changed": "stopped"}
_TWO_THINGS = Note(NoteCode.STATUS_CONFLICT, "The word says that it is taken, and its own directions speak of an end.")
_NO_NAME = Note(NoteCode.STATUS_CONFLICT, "The word says that it is taken, and names no medicine that is.")
_ANOTHER = Note(NoteCode.STATUS_CONFLICT, "The word names another medicine: what of this one is taken is not known.")
_TWO_NAMES = Note(NoteCode.STATUS_CONFLICT, "The word names two medicines: which of them is taken is not known.")
_DENIED = Note(NoteCode.STATUS_CONFLICT, "The word says that it is taken, and its own directions that it is not.")
_STRAY = Note(NoteCode.UNIT_NOT_UNDERSTOOD, "A number behind the name, or what it is of, is not understood.")
_REASONS: dict[str, tuple[Status, str]] = {
    "not-taking": ("stopped", "not taken"),
    "like-this": ("active", LIKE_THIS),
    "also-taking": ("active", ALSO_TAKEN),
    "reviewed": ("active", REVIEWED),
    "changed": ("active", CHANGED),
    "stopped": ("stopped", "stopped"),
}


def said(act: Act, manifest: str, signed: int, terms: Terms | None = None) -> list[Held]:
    """The act as records that the lists hold, one for each medicine; none for a dismissed notice.

    What a person also takes is looked up by its name in `terms`, as a record in words is: so it is warned of, too.
    `manifest` (hex) is the SHA-256 of the manifest that proves it, `signed` when it was written down (ms).
    """
    if act.kind not in _REASONS:
        return []
    source = PATIENT if act.author == "patient" else act.organisation
    date = day_of(act.time)
    found = []
    for number, subject in enumerate(act.subjects):
        kind = _meant(act, subject, terms)
        status, reason = _REASONS[kind]
        detail = _detail(act, subject, terms, kind)
        notes = _contradicted(act, subject, terms) if kind == act.kind in _ENDED else ()
        if act.words and notes:
            # Whoever reads the row reads what nobody could make out.
            notes += (remarked(act.words),)
        notes += (_STRAY,) if _stray(act, subject, terms) else ()
        if any(one in notes for one in (_NO_NAME, _DENIED, _ANOTHER, _TWO_NAMES)):
            status, reason = "unknown", "the word says two things"
        who = act.name or ("the patient" if act.author == "patient" else act.organisation)
        line = f"{subject.name}: {reason}{f' ({act.words})' if act.words else ''}"
        record = Understood(
            type="MedicationStatement",
            id=f"{act.id}-{number}",
            person="",
            codes=(),
            when=None,
            until=date if status == "stopped" else None,
            recorded=date,
            status=status,
            status_reason=reason,
            key=f"act/{subject.key}",
            plain=line,
            clinical=line,
            understood=True,
            by=who,
            notes=notes,
            detail=detail,
        )
        found.append(Held(source, record, 1, "", f"{manifest}-{number}", signed, act.author))
    return found


def _meant(act: Act, subject: Subject, terms: Terms | None) -> str:
    """What an act says: "I take it like this: I stopped it last week" says that it is not taken. With a dose, another
    medicine or a "haven't" beside it, nobody's signed word is turned round."""
    if act.kind not in _ENDED or not (sig.only_over(act.words) or never(act.words)):
        return act.kind
    named = mentioned(cleaned(act.words), terms, no_class)[0] if terms is not None else ()
    others = [code for code in named if code not in subject.ingredients]
    return act.kind if others else _ENDED[act.kind]


def _contradicted(act: Act, subject: Subject, terms: Terms | None) -> tuple[Note, ...]:
    """What in an act speaks against its saying that a medicine is taken."""
    if act.kind == "also-taking" and not subject.ingredients and names_no_medicine(subject.name, terms):
        return (_NO_NAME,)
    if act.kind == "also-taking" and not subject.ingredients and terms is not None:
        said_in = two_names.said_in(subject.name, terms)
        if any(two_names.apart(said_in[0], other, terms) for other in said_in[1:]):
            return (_TWO_NAMES,)
    if (
        denies(act.words)
        or (act.author == "patient" and of_once(act.words))
        or (act.kind != "also-taking" and may_end(act.words))
    ):
        return (_DENIED,)
    if _names_another(act, subject, terms):
        return (_ANOTHER,)
    return (_TWO_THINGS,) if sig.parsed(act.words).course == "over" or sig.speaks_of_end(act.words) else ()


def _names_another(act: Act, subject: Subject, terms: Terms | None) -> bool:
    """Whether the directions of a word about one medicine are, or may be, another's."""
    if terms is None or act.kind not in ("like-this", "changed"):
        return False
    return bool(two_names.named_before_a_dose(act.words, tuple(subject.ingredients), terms))


def _stray(act: Act, subject: Subject, terms: Terms | None) -> str:
    """What of an amount in what she typed as a name is nobody's strength; it stands before her directions."""
    if act.kind != "also-taking" or subject.ingredients or terms is None:
        return ""
    found = drug_names.named(subject.name, terms)
    return datatypes.joined(found.aside, found.stray, by="; ")


def manifest_of(line: Line) -> str:
    """SHA-256 (hex) of the manifest that proves a line. All lines of one act have the same."""
    return line.manifest.partition("-")[0]


def _detail(act: Act, subject: Subject, terms: Terms | None, kind: str) -> MedicineDetail:
    words = act.words if act.kind in ("like-this", "also-taking", "changed") else ""
    told = sig.Sig() if _names_another(act, subject, terms) else sig.parsed(words)
    looked_up = act.kind == "also-taking" and not subject.ingredients
    named = drug_names.named(subject.name, terms) if terms is not None and looked_up else None
    ingredients = tuple(subject.ingredients) or (named.ingredients if named is not None else ())
    names = tuple(part.strip() for part in subject.name.split(" / "))
    if named is not None and terms is not None:
        names = tuple(terms.name(RXNORM, code) or code for code in ingredients)
    strengths = drug_names.strengths_of(named) if named is not None else ()
    form = subject.form or (named.form if named is not None else "")
    return MedicineDetail(
        kind="statement",
        name=subject.name,
        name_cleaned=cleaned(subject.name) if ingredients else _unknown(subject),
        basis="code" if subject.ingredients else "name" if ingredients else "text",
        ingredients=ingredients,
        ingredient_names=names if len(names) == len(ingredients) else ingredients,
        strengths=strengths,
        form=form,
        route={"body": "by mouth", "skin": "topical"}.get(subject.site, subject.site),
        sig="; ".join(part for part in (_stray(act, subject, terms), words) if part),
        dose=told.dose,
        per_day=daily.of(ingredients, strengths, form, told, terms) if terms is not None else None,
        times_per_day=told.times_per_day,
        as_needed=told.as_needed,
        not_taken=kind in ("not-taking", "stopped"),
        reported=act.author == "patient",
        asserter=act.name,
    )


def block_of(subject: Subject) -> str:
    """The key of a subject without its place of action."""
    return subject.key.removesuffix(f"|{subject.site}") if subject.site else subject.key


def _unknown(subject: Subject) -> str:
    """The name of what has no ingredients: the one that its row is found by, where it came from a row."""
    key = block_of(subject)
    return key.removeprefix("text:") if key.startswith("text:") else cleaned(subject.name)
