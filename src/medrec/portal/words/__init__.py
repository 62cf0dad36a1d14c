"""All plain language of the pages. No page and no template carries words of its own.

To add words: write the English into the group of your page (or a new group in a file of its own, named below), run
`make words`, and fill in what it left empty in `portal/catalogues/es.po` and `ar.po`. A test fails while one is
missing or belongs to an English text that has changed since.
"""

from typing import Any

from medrec.portal import language
from medrec.portal.words.back_pages import *  # noqa: F403
from medrec.portal.words.clinic_pages import *  # noqa: F403
from medrec.portal.words.desk_pages import *  # noqa: F403
from medrec.portal.words.explorer_pages import *  # noqa: F403
from medrec.portal.words.general import *  # noqa: F403
from medrec.portal.words.general import RECORD_TYPES
from medrec.portal.words.keys_pages import *  # noqa: F403
from medrec.portal.words.linking_pages import *  # noqa: F403
from medrec.portal.words.list_pages import *  # noqa: F403
from medrec.portal.words.made_sentences import *  # noqa: F403
from medrec.portal.words.mistakes_pages import *  # noqa: F403
from medrec.portal.words.node_pages import *  # noqa: F403
from medrec.portal.words.office_pages import *  # noqa: F403
from medrec.portal.words.own_pages import *  # noqa: F403
from medrec.portal.words.person_pages import *  # noqa: F403
from medrec.portal.words.policies import *  # noqa: F403
from medrec.portal.words.record_lines import *  # noqa: F403
from medrec.portal.words.refusal_pages import *  # noqa: F403
from medrec.portal.words.share_pages import *  # noqa: F403
from medrec.portal.words.sharing_pages import *  # noqa: F403
from medrec.portal.words.signing_pages import *  # noqa: F403
from medrec.portal.words.texts import GROUPS as GROUPS
from medrec.portal.words.texts import Texts

TEMPLATE_WORDS: dict[str, Texts] = {group.lower(): texts for group, texts in GROUPS.items()}
"""What templates call `w`: each group by its name in small letters."""


def record_type(kind: str, count: int = 1) -> str:
    """A FHIR type in plain words, in the form that goes with a count; the type itself where there are none."""
    text: Any = RECORD_TYPES.get(kind)
    if text is None:
        return kind
    return language.chosen(text, count)


def record_types(kind: str) -> str:
    """A FHIR type in plain words for several of it, as headings have it: a language may have a form for two alone."""
    return record_type(kind, 3)
