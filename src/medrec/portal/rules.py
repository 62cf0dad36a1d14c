"""Who may ask at each address of the site that is no page: pages have their rule in the table of pages.

An address without a rule fails the tests, as one without a probe does: whoever adds one says here who may ask.
"""

from medrec.node.peers.rules import Rule
from medrec.portal import assets, links

RULES: dict[str, Rule] = {
    **{f"GET /{name}": Rule.EVERYBODY for name in assets.NAMES},
    "GET /signing": Rule.EVERYBODY,
    "GET /signing.js": Rule.EVERYBODY,
    "GET /signing.css": Rule.EVERYBODY,
    "POST /signing/act": Rule.HELD,
    "POST /signing/answer": Rule.HELD,
    "POST /sign-in/challenge": Rule.EVERYBODY,
    "POST /sign-in/answer": Rule.HELD,
    "POST /sign-in/register": Rule.HELD,
    "POST /sign-in/demonstration": Rule.INVENTED,
    "POST /sign-out": Rule.EVERYBODY,
    "POST /acting": Rule.SESSION,
    "POST /acting/end": Rule.SESSION,
    "POST /helping": Rule.SESSION,
    "POST /helping/end": Rule.SESSION,
    "POST /list-word": Rule.SESSION,
    "POST /join": Rule.EVERYBODY,
    "POST /coming-back/begin": Rule.EVERYBODY,
    f"POST {links.PATH}": Rule.HELD,
    f"OPTIONS {links.PATH}": Rule.EVERYBODY,
}
"""Who may ask at each address of the site beside its pages, by method and path."""
