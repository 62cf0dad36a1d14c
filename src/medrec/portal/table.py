"""Every page in one table: address, page file, template, which nodes have it, who may read it, where it stands.

A new page is a page file with a function `show`, a template, its words, and a line here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.portal import (
    cases,
    clinic,
    coming_back,
    confirming,
    desk,
    desk_consent,
    desk_parent,
    desk_vouch,
    front,
    given,
    join,
    ledger,
    letter,
    line,
    lists,
    mending,
    office,
    offline,
    opening,
    people,
    records,
    scan,
    sign_in,
    verify,
    version,
)
from medrec.portal.own import (
    acts,
    aftermath,
    allow,
    asked,
    card,
    choices,
    guardians,
    helping,
    hidden,
    home,
    linking,
    looked,
    mistakes,
    more,
    news,
    record,
    settings,
    share,
    sharing,
    stopping,
    trend,
    writing,
)
from medrec.portal.own import keys as own_keys
from medrec.portal.own import lists as own_lists
from medrec.portal.own import summary as own_summary
from medrec.portal.page import Area, Reader, Role, Visit
from medrec.portal.session import PEOPLE, Who

if TYPE_CHECKING:
    from medrec.node.node import Node


class Page(NamedTuple):
    """One line of the table. `who` says which signed-in roles may read it (nothing: the staff).

    `menu` says whether it stands in the bar of its area, with its `icon`; `up` names the page that its way back leads
    to; `kinds` that it heeds what a helper is limited to. Pages of the area PERSON have `{person}` in their address and
    ask `require_subject`. `at` names the page on which the form stands that is sent here, where it is another one.
    `reads` says that a page shows what is read at her places: while they are being read, it says so (waits.py).
    """

    path: str
    name: str
    show: Callable[["Node", Visit], Any]
    template: str
    role: Role = Role.ANY
    reader: Reader = Reader.SIGNED_IN
    menu: bool = False
    methods: tuple[str, ...] = ("GET",)
    who: tuple[Who, ...] = ()
    area: Area = Area.NODE
    icon: str = ""
    up: str = ""
    kinds: bool = False
    at: str = ""
    reads: bool = False

    @property
    def answers(self) -> tuple[str, ...]:
        """How what a form asked to be shown is read here: at a page that only forms open, too (sent.py)."""
        return ("GET",) if self.template and "GET" not in self.methods else ()


def _own(path: str, name: str, show: Callable[["Node", Visit], Any], template: str, **more: Any) -> Page:
    """A page of a person's own: at an agent, for her and for whoever acts for her."""
    return Page("/people/{person}" + path, name, show, template, Role.AGENT, who=PEOPLE, area=Area.PERSON, **more)


CARE, PRIVACY = (Who.CLINICIAN, Who.PRIVACY_OFFICER), (Who.PRIVACY_OFFICER,)
CONFIRM = (Who.RETURNING, Who.FROZEN, Who.DESK, Who.CLINICIAN)
FORM, BOTH = ("POST",), ("GET", "POST")

PAGES = (
    Page("/", "front", front.show, "front.html", reader=Reader.EVERYBODY, menu=True, icon="home"),
    Page("/sign-in", "sign_in", sign_in.show, "sign_in.html", reader=Reader.EVERYBODY),
    Page("/offline", "offline", offline.show, "offline.html", Role.AGENT, reader=Reader.EVERYBODY),
    Page("/scan", "scan", scan.show, "scan.html", Role.AGENT, reader=Reader.EVERYBODY),
    Page("/join", "join", join.show, "join.html", Role.AGENT, reader=Reader.EVERYBODY, up="sign_in"),
    Page(
        "/records", "records", records.show, "records.html", Role.RECORDS, menu=True, methods=BOTH, who=CARE,
        icon="record",
    ),
    Page(
        "/clinic", "clinic", clinic.show, "clinic.html", Role.RECORDS, menu=True, methods=BOTH, who=(Who.CLINICIAN,),
        icon="find",
    ),
    Page(
        "/clinic/patient", "clinic_patient", clinic.show_patient, "clinic_patient.html", Role.RECORDS, methods=FORM,
        who=(Who.CLINICIAN,), up="clinic", at="clinic",
    ),
    Page(
        "/patient-list", "patient_lists", lists.show, "lists.html", Role.RECORDS, menu=True, methods=BOTH,
        who=(Who.CLINICIAN,), icon="pill",
    ),
    Page("/given", "given", given.show, "given.html", Role.RECORDS, menu=True, who=PRIVACY, icon="share"),
    Page(
        "/office", "office", office.show, "office.html", Role.RECORDS, menu=True, methods=BOTH, who=PRIVACY,
        icon="look",
    ),
    Page(
        "/corrections", "corrections", mending.show, "corrections.html", Role.RECORDS, menu=True, methods=BOTH,
        who=CARE, icon="fix",
    ),
    Page("/desk", "desk", desk.show, "desk.html", Role.RECORDS, menu=True, methods=BOTH, who=(Who.DESK,), icon="door"),
    Page(
        "/desk/consent", "desk_consent", desk_consent.show, "desk_consent.html", Role.RECORDS, methods=BOTH,
        who=(Who.DESK,), up="desk",
    ),
    Page(
        "/desk/parent", "desk_parent", desk_parent.show, "desk_parent.html", Role.RECORDS, methods=BOTH,
        who=(Who.DESK,), up="desk",
    ),
    Page(
        "/desk/vouch", "desk_vouch", desk_vouch.show, "desk_vouch.html", Role.RECORDS, methods=BOTH,
        who=(Who.DESK, Who.CLINICIAN), up="desk",
    ),
    Page(
        "/coming-back", "coming_back", coming_back.show, "coming_back.html", Role.AGENT, reader=Reader.EVERYBODY,
        methods=BOTH, up="sign_in",
    ),
    Page("/frozen", "frozen", coming_back.show_frozen, "frozen.html", Role.AGENT, methods=BOTH, who=(Who.FROZEN,)),
    Page("/confirm/{waiting}", "confirm", confirming.show, "", who=CONFIRM),
    Page(
        "/desk/consent/letter/{consent}", "letter", letter.show, "letter.html", Role.RECORDS, methods=BOTH,
        who=(Who.DESK,), up="desk_consent",
    ),
    Page("/versions/{manifest}", "version", version.show, "version.html", Role.RECORDS, who=CARE, up="records"),
    Page("/cases", "cases", cases.show, "cases.html", Role.AGENT, menu=True, who=(Who.HELPER,), icon="people"),
    Page("/people", "people", people.show, "people.html", Role.AGENT, menu=True, who=PRIVACY, icon="people"),
    Page("/ledger", "ledger", ledger.show, "ledger.html", reader=Reader.EVERYBODY, menu=True, icon="seal"),
    Page("/verify", "verify", verify.show, "verify.html", reader=Reader.EVERYBODY, up="ledger"),
    Page("/shared", "open_shared", opening.show, "opening.html", Role.AGENT, reader=Reader.EVERYBODY),
    _own("", "person", home.show, "own/home.html", menu=True, icon="home", kinds=True, reads=True),
    _own("/news", "news", news.show, "own/news.html", up="person"),
    _own("/record", "record", record.show, "own/record.html", menu=True, icon="record", kinds=True, reads=True),
    _own("/list", "lists", own_lists.show, "own/lists.html", up="person", icon="pill", kinds=True, reads=True),
    _own("/record/kinds/{kind}", "kind", record.show_kind, "own/kind.html", up="record", kinds=True, reads=True),
    _own("/record/series/{series}", "trend", trend.show, "own/trend.html", up="record", kinds=True, reads=True),
    _own(
        "/timeline", "timeline", record.show_timeline, "own/timeline.html", up="record", icon="clock", kinds=True,
        reads=True,
    ),
    _own("/record/fetch", "fetch", record.fetch, "", methods=FORM, kinds=True, at="record"),
    _own("/looks", "looked", looked.show, "own/looked.html", menu=True, icon="look"),
    _own("/looks/{pair}", "one_look", looked.show_one, "own/one_look.html", up="looked"),
    _own("/looks/{pair}/answer", "answer_look", looked.answer, "", methods=FORM, at="one_look"),
    _own("/looks/{pair}/dispute", "dispute", looked.dispute, "", methods=FORM, at="one_look"),
    _own(
        "/corrections", "mistakes", mistakes.show, "own/corrections.html", methods=BOTH, up="more", icon="fix",
        kinds=True,
    ),
    _own("/writing", "writing", writing.show, "own/writing.html", methods=BOTH, up="more", icon="fix", kinds=True),
    _own("/sharing", "sharing", sharing.show, "own/sharing.html", menu=True, methods=BOTH, icon="key"),
    _own("/share", "share", share.show, "own/share.html", methods=BOTH, up="more", icon="share"),
    _own("/sharing/stop/{mark}", "stop", stopping.stop, "", methods=FORM, at="sharing"),
    _own("/allow", "allow", allow.show, "own/allow.html", methods=BOTH, up="sharing"),
    _own("/sign/{act}", "sign", acts.show, "own/sign.html", up="sharing", kinds=True),
    _own("/sign/{act}/signed", "signed", acts.signed, "", methods=FORM),
    _own("/requests", "requests", asked.show, "own/requests.html", up="more", icon="ask"),
    _own("/requests/{request}", "request", asked.show_one, "own/request.html", methods=BOTH, up="requests"),
    _own("/linking", "linking", linking.show, "own/linking.html", methods=BOTH, up="more", icon="place"),
    _own("/choices", "choices", choices.show, "own/choices.html", methods=BOTH, up="more", icon="choice"),
    _own("/settings", "settings", settings.show, "own/settings.html", methods=BOTH, up="more", icon="bell"),
    _own("/hidden", "hidden", hidden.show, "own/hidden.html", methods=BOTH, up="more", icon="hide"),
    _own("/card", "card", card.show, "own/card.html", up="more", icon="card", reads=True),
    _own("/summary", "summary", own_summary.show, "own/summary.html", up="more", icon="record", kinds=True, reads=True),
    _own("/keys", "keys", own_keys.show, "own/keys.html", methods=BOTH, up="more", icon="key"),
    _own("/keys/paper", "paper", own_keys.show_paper, "own/paper.html", up="keys"),
    _own("/keys/record", "record_paper", own_keys.show_record_paper, "own/paper.html", up="keys"),
    _own("/after", "aftermath", aftermath.show, "own/aftermath.html", methods=BOTH, up="keys"),
    _own("/guardians", "guardians", guardians.show, "own/guardians.html", methods=BOTH, up="keys"),
    _own("/guarding", "guarding", guardians.show_guarding, "own/guarding.html", methods=BOTH, up="more", icon="people"),
    _own("/guarding/{ward}", "ward", guardians.show_ward, "own/ward.html", methods=BOTH, up="guarding"),
    _own("/helping", "helping", helping.show, "own/helping.html", methods=BOTH, up="more", icon="people"),
    _own("/more", "more", more.show, "own/more.html", menu=True, icon="more", kinds=True),
    _own("/lines/{tag}", "line", line.show, "version.html", up="person", kinds=True),
)  # fmt: skip

FILES = (
    Page("/office/looks.csv", "looks_export", office.export, "", Role.RECORDS, who=PRIVACY),
    Page("/proof/{manifest}.receipt.json", "receipt", version.receipt, "", Role.RECORDS, who=CARE),
    Page("/proof/{manifest}.record.json", "record_file", version.content, "", Role.RECORDS, who=CARE),
    Page("/medrec-root.json", "root", version.root, "", reader=Reader.EVERYBODY),
    _own("/lines/{tag}/receipt.json", "line_receipt", line.receipt, "", kinds=True),
    _own("/lines/{tag}/record.json", "line_record", line.content, "", kinds=True),
    _own("/summary.fhir.json", "summary_file", own_summary.download, "", kinds=True),
    _own("/guardians/card.txt", "guardian_card", guardians.card_file, ""),
)
