"""What a page is: a function from a node and a visit to the values of its template."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from markupsafe import Markup

from medrec.core import state
from medrec.core.manifests import UnwritableError
from medrec.portal import render, words

if TYPE_CHECKING:
    from medrec.node.node import Node
    from medrec.portal.session import Session

T = TypeVar("T")
PAGE_LINES = 10
MOUNT = "/pages"
"""Where a node's application has the site."""


class PageError(Exception):
    """A page cannot be shown: HTTP status and a code of `words.ERRORS`, or a code with a sentence of its own.

    `more` are further sentences, `again` the address where it is begun anew, and `here` where both are shown."""

    more: Sequence[Markup] = ()
    again = here = ""

    def __init__(self, status: int, code: str, sentence: str = "") -> None:
        self.status = status
        self.code = code
        self._own = sentence
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """Why, in the language of the visit: an error is often made before it is known."""
        return words.why_not(self.code, self._own) if self._own else words.ERRORS[self.code]


class Said(PageError):
    """An error whose sentence was made for this visit, in its language."""

    @property
    def sentence(self) -> str:
        return self._own


class Changed(PageError):
    """What an act was worked out from has changed since it began: nothing of it is done. `more` says what."""

    def __init__(self, here: str, more: Sequence[Markup], again: str) -> None:
        super().__init__(409, "ground-changed")
        self.here, self.more, self.again = here, more, again


def sayable(error: PageError | UnwritableError) -> PageError:
    """What a page says of an error: that words are too long is known where they are about to be written down."""
    return error if isinstance(error, PageError) else PageError(400, "too-long")


class _InTrouble(PageError):
    @property
    def sentence(self) -> str:
        return words.LOST["in_trouble"]


def in_trouble(code: str) -> PageError:
    """A place that cannot use its own files now. What it says of them names paths, and is for its operator alone."""
    return _InTrouble(503, code)


class Reader(Enum):
    """Who may read a page. What is for the signed in is further narrowed to roles by the table's `who`."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed-in"


class Area(Enum):
    """Where a page stands: each area has a bar of its own."""

    NODE = "node"
    PERSON = "person"


class Role(Enum):
    """Which nodes have a page."""

    ANY = "any"
    RECORDS = "records"
    AGENT = "agent"


class Visit(NamedTuple):
    """One reading of a page: the path's parameters, page number, form fields, the time, how to link, and the session
    (None: nobody has signed in; a page for the signed in then shows itself in a demonstration only). `exact` says that
    whoever works here reads it: she needs day and hour, not "just now". `site` is where the visitor comes from, as
    limits count it; `sent` says that it came with a form."""

    path: Mapping[str, str]
    page: int
    form: Mapping[str, str]
    now: int
    demonstration: bool
    link: Callable[..., str]
    session: "Session | None" = None
    query: Mapping[str, str] = MappingProxyType({})
    exact: bool = False
    site: str = ""
    sent: bool = False

    def when(self, ms: int) -> Markup:
        """A time in words, as of now."""
        return render.date(ms) if self.exact else render.moment(ms, self.now)


Show = Callable[["Node", Visit], dict[str, Any]]


class Go(NamedTuple):
    """The answer to a form that was done: where to go on, a name of `words.DONE` to say there, and the page that it was
    done on, where that is another one than the form's."""

    address: str
    done: str = ""
    page: str = ""

    @property
    def whole(self) -> str:
        """The address with what is said there."""
        return self.address + (f"?{urlencode({'done': self.done})}" if self.done else "")


class Shows(NamedTuple):
    """The answer to a form that asks to be shown something: it makes the values of the form's page, each time that the
    page is read. What the form did was done before, and is not done again."""

    make: Callable[[Visit], dict[str, Any]]


WRITTEN = ("text", "words", "note", "proposed")
"""Fields in which somebody writes sentences of her own."""
SECRETS = frozenset({"coming_back", "guarding", "join", "keys", "sign_in"})
"""Pages whose words open something; they are not shown again."""


def written(page: str, form: Mapping[str, str]) -> list[str]:
    """What somebody wrote into a form of a page that failed, so that no sentence is lost."""
    return [] if page in SECRETS else [form[name] for name in WRITTEN if form.get(name, "").strip()]


class File(NamedTuple):
    """A download: bytes, media type and file name; whether it tells of looks, and on a page of the staff at whose
    records (store ids, one for each look)."""

    data: bytes
    media: str
    name: str
    looks: bool = False
    people: Sequence[int | None] = ()


def is_agent(node: "Node") -> bool:
    """Whether the node serves people."""
    return node.agent is not None


def names(node: "Node") -> dict[str, str]:
    """The names of all organisations, by id."""
    with node.engine.view() as view:
        return {organisation.id: organisation.name for organisation in state.organisations(view)}


def paged(visit: Visit, found: Sequence[T], lines: int = PAGE_LINES) -> tuple[Sequence[T], dict[str, Any] | None]:
    """What stands on this page of a list, and the parts of its pager."""
    first = (visit.page - 1) * lines
    return found[first : first + lines], pager(visit, len(found), lines)


def taking_turns(every: Iterable[T], who: Callable[[T], str]) -> list[T]:
    """The first of each who asks, then the second of each, in the order in which they stand: whoever asks much stands
    before nobody else with all of it."""
    asked: dict[str, int] = {}
    found = []
    for one in every:
        asked[who(one)] = asked.get(who(one), 0) + 1
        found.append((asked[who(one)], one))
    return [one for _, one in sorted(found, key=lambda turn: turn[0])]


def pager(visit: Visit, total: int, lines: int = PAGE_LINES) -> dict[str, Any] | None:
    """The parts of "showing a to b of n, older, newer"; None if all fits on one page."""
    first = (visit.page - 1) * lines
    if total <= lines:
        return None
    return {
        "first": min(first + 1, total),
        "last": min(first + lines, total),
        "total": total,
        "newer": visit.page - 1 if visit.page > 1 else None,
        "older": visit.page + 1 if first + lines < total else None,
    }
