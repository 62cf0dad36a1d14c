"""Receipts across changes of members: who joined, left or has other keys, and changes that are not proven."""

import json
from collections.abc import Callable
from typing import Any

import build
from build import ORGANISATIONS, ROOTS, Signers, digest, ed25519, member, with_changes
from receipt_cases import ED4, ML4, Case, case, put

FOUR = ROOTS["four"]
NAME = FOUR["genesis"]["name"]
NEWCOMER, ROTATED = member("clinic-e", NAME), member("lab-c", NAME, "lab-c/2")
LAB = ("lab-c", 4, "lab-c/2")
NOW: Signers = (ED4[0], ED4[1], LAB, ("clinic-e", 4))
JOIN: Any = (5, (), [NEWCOMER], ED4[:3])
"""From log size 5 on. The receipts below are of a log of 7 leaves, the batch at leaf 4 unless they say otherwise."""
CHAIN: Any = ((2, (), [NEWCOMER], ED4[:3]), (4, (), [ROTATED], (*ED4[:2], ("clinic-e", 4), ED4[3])))
CHAIN = (*CHAIN, (5, ("payer-d",), [], NOW))
ROOTS |= {
    "joined": with_changes(FOUR, JOIN),
    "rotated": with_changes(FOUR, (5, (), [ROTATED], ED4[:3])),
    "left": with_changes(FOUR, (5, ("payer-d",), [], ED4[:3])),
    "chain": with_changes(FOUR, *CHAIN),
    "voted by ML-DSA-44": with_changes(FOUR, (5, (), [NEWCOMER], (*ED4[:2], ML4[2]))),
}


def made(**other: Any) -> dict[str, Any]:
    """A receipt of the network of four."""
    return build.build(**other)


def by(organisation: str, key_of: str, leaf: int, cosigners: Any) -> dict[str, Any]:
    """A receipt whose batch is signed with the keys of a name, and accepted at a leaf of the log."""
    key = digest(bytes(ed25519(key_of, "sign").verify_key))[:16]
    edits = {"body_value": put("key", key), "signer": lambda _: key_of}
    return build.build(organisation=organisation, log_index=leaf, cosigners=cosigners, edits=edits)


class Cosigned:
    """Cosigners of a receipt, some with keys of another name."""

    def __init__(self, *signers: Any) -> None:
        self.plain = tuple((who, kind) for who, kind, *_ in signers)
        self.own = {who: key_of for who, _, *rest in signers for key_of in rest}

    def receipt(self, **other: Any) -> dict[str, Any]:
        def relined(lines: list[str]) -> list[str]:
            return [self._line(line, text) for line in lines]

        plain = build.build(cosigners=self.plain, **other)
        text = plain["proof"].partition("\n\n")[2].partition("\n\n")[0].encode() + b"\n"
        edits = {**other.pop("edits", {}), "lines": relined}
        return build.build(cosigners=self.plain, edits=edits, **other)

    def _line(self, line: str, text: bytes) -> str:
        who = line.split()[1].removeprefix("medrec/")
        if who not in self.own:
            return line
        stamp = int.from_bytes(build.base64.b64decode(line.split()[2])[4:12], "big")
        return build.cosign_line(who, 4, text, stamp, self.own[who])


def hinted(receipt: dict[str, Any], extra: str, encoded: str = "") -> dict[str, Any]:
    """The receipt with extra data in its proof, as it is or already encoded."""
    line = f"\nextra {encoded or build.b64(extra.encode())}\nindex"
    return {**receipt, "proof": receipt["proof"].replace("\nindex", line, 1)}


def genuine() -> list[Case]:
    """Receipts that hold across a change."""
    others = (*ED4[:3], ("clinic-e", 4))
    new_key = {"body_value": put("key", digest(bytes(ed25519("lab-c/2", "sign").verify_key))[:16])}
    new_key["signer"] = lambda _: "lab-c/2"
    return [
        case("from before a member joined", made(log_size=4, log_index=2, cosigners=ED4[:3]), root="joined"),
        case("a batch from before, a log head from after it joined", made(cosigners=others), root="joined"),
        case("a batch of the member that joined", by("clinic-e", "clinic-e", 5, others), root="joined"),
        case("from before a key was rotated", made(log_size=5, cosigners=ED4[:2] + ED4[3:]), root="rotated"),
        case("cosigned with the new key", Cosigned(*ED4[:2], LAB).receipt(), root="rotated"),
        case("a batch of its old key, from before", by("lab-c", "lab-c", 4, ED4[:2] + ED4[3:]), root="rotated"),
        case(
            "a batch of its new key, from after",
            Cosigned(*ED4[:2], LAB).receipt(organisation="lab-c", log_index=5, edits=new_key),
            root="rotated",
        ),
        case("from after a member left", made(cosigners=ED4[:3]), root="left"),
        case("its own batch from before it left", by("payer-d", "payer-d", 4, ED4[:3]), root="left"),
        case("after three changes", Cosigned(*NOW).receipt(), root="chain"),
        case("between the changes", made(log_size=3, log_index=2, cosigners=others), root="chain"),
        case("names the change that it counts on", hinted(made(cosigners=others), "members 5"), root="joined"),
        case("a change signed with ML-DSA-44", made(cosigners=others), root="voted by ML-DSA-44"),
    ]


def forged() -> list[Case]:
    """Receipts that a change makes worthless."""
    others = (*ED4[:3], ("clinic-e", 4))
    late = "cosignatures"
    return [
        case("three of the four before, where five are members", made(cosigners=ED4[:3]), late, root="joined"),
        case("a key that was rotated before the log head", made(cosigners=ED4[:3]), late, root="rotated"),
        case("a member that left before the log head", made(cosigners=ED4[:2] + ED4[3:]), late, root="left"),
        case(
            "a member that is to join later", made(log_size=4, log_index=2, cosigners=others[2:]), late, root="joined"
        ),
        case("extra data not in its one form", hinted(made(), "", encoded="bWVtYmVycyA2Nh=="), "proof", root="joined"),
        case("a batch from before its maker joined", by("clinic-e", "clinic-e", 4, others), "member", root="joined"),
        case("a batch from after its maker left", by("payer-d", "payer-d", 5, ED4[:3]), "member", root="left"),
        case("a batch of a key rotated before", by("lab-c", "lab-c", 5, ED4[:2] + ED4[3:]), "member", root="rotated"),
        case(
            "a batch of a key that came later", by("lab-c", "lab-c/2", 4, ED4[:2] + ED4[3:]), "member", root="rotated"
        ),
    ]


def unreadable() -> list[Case]:
    """Root files whose changes are not proven, or are none."""
    receipt = json.dumps(made(), ensure_ascii=False)

    def root(name: str, content: dict[str, Any], code: str) -> Case:
        return case(name, receipt, code, root_text=json.dumps(content))

    def edited(edit: Callable[[Any], Any], of: str = "joined") -> dict[str, Any]:
        return dict(edit(json.loads(json.dumps(ROOTS[of]))))

    def change(*path_and_value: Any) -> dict[str, Any]:
        return edited(put("changes", 0, *path_and_value))

    others = (*ED4[:3], ("clinic-e", 4))
    newcomer = by("clinic-e", "clinic-e", 5, others)
    outsider = with_changes(ROOTS["other"], JOIN)["changes"]
    earlier = {"size": 4, "gone": [], "set": [], "lines": []}
    two = [*ROOTS["chain"]["changes"][:1], *ROOTS["chain"]["changes"][2:]]
    stolen = member("clinic-e", NAME, "clinic-a")
    return [
        case("counts on a change that the root file lacks", hinted(made(cosigners=others), "members 5"), "newer-root"),
        case("its maker is in a newer root file", hinted(newcomer, "members 5"), "newer-root"),
        case("a change behind all of the root file", hinted(made(), "members 6"), "newer-root", root="joined"),
        case("an unknown organisation", newcomer, "organisation"),
        root("a change signed by two of four", with_changes(FOUR, (5, (), [NEWCOMER], ED4[:2])), "change"),
        root("a change signed by one, twice over", with_changes(FOUR, (5, (), [NEWCOMER], ED4[:1] * 3)), "change"),
        root(
            "a change signed by whom it brings",
            with_changes(FOUR, (5, (), [NEWCOMER], (*ED4[:2], ("clinic-e", 4)))),
            "change",
        ),
        root("a rotation signed with the new key", with_changes(FOUR, (5, (), [ROTATED], (*ED4[:2], LAB))), "change"),
        root("another newcomer than was signed", change("set", [member("clinic-e", NAME, "thief")]), "change"),
        root("one more goes than was signed", change("gone", ["payer-d"]), "change"),
        root("another size than was signed", change("size", 6), "change"),
        root("a change of another network", FOUR | {"changes": outsider}, "change"),
        root("a change left out", FOUR | {"changes": two}, "change"),
        root("the first change left out", FOUR | {"changes": ROOTS["chain"]["changes"][1:]}, "change"),
        root("a change twice", FOUR | {"changes": ROOTS["joined"]["changes"] * 2}, "root"),
        root("changes in another order", FOUR | {"changes": ROOTS["chain"]["changes"][::-1]}, "change"),
        root("changes whose sizes fall", FOUR | {"changes": [*ROOTS["joined"]["changes"], earlier]}, "root"),
        root("a change at size 0", change("size", 0), "root"),
        root("somebody goes who is not there", change("gone", ["clinic-z"]), "root"),
        root("everybody goes", change("gone", list(ORGANISATIONS)), "change"),
        root("nobody is left", with_changes(FOUR, (5, ORGANISATIONS, [], ED4)), "root"),
        root("a newcomer with another's keys", with_changes(FOUR, (5, (), [stolen], ED4)), "root"),
        root("a newcomer twice", change("set", [NEWCOMER, NEWCOMER]), "root"),
        root("a signature that is not base64", change("lines", 0, "line", "?"), "root"),
        root("a change with a field more", change("more", 1), "root"),
        root("a change that is a text", edited(put("changes", ["x"])), "root"),
    ]
