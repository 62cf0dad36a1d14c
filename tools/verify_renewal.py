#!/usr/bin/env python3
"""Verify a MedRec receipt after an algorithm was broken, with the standard library and verify_receipt.py beside it.

    python3 verify_renewal.py --root ROOT [--record RECORD] --retired ed25519=2035-01-31 [--renewal FILE]
                              [--quorum K] [--json] RECEIPT

--retired (ed25519, mldsa44; more than once if need be) says since which day signatures of an algorithm prove nothing;
--renewal is what `medrec renew` made of the receipt while the algorithm still held. Everything else is as in
verify_receipt.py, and so are the exit codes: 0 genuine, 1 not genuine, 2 unreadable, so nothing is known.
The rules: docs/spec/receipt.md, section "Retired algorithms and renewals".
"""

from __future__ import annotations

import calendar
import getopt
import json
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import verify_receipt as tool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LENGTHS = {"ed25519": 76, "mldsa44": 2432}  # of a signature line's bytes: key id, timestamp, signature
RENEWAL = {"medrec": str, "note": str, "links": [{"index": int, "path": [str], "head": str}]}
LINKS_MAX = 16
HEAD = re.compile(
    rb"(?P<body>(?P<origin>medrec/[0-9a-f]{64}/renewal)\n(?P<size>[1-9][0-9]{0,18})\n(?P<root>[^\n]+)\n)\n"
    rb"(?P<lines>(?:[^\n]+\n)+)"
)
UNREADABLE = {"renewal", "retired", "fault"}


def read_lines(data: bytes) -> list[tuple[str, bytes]]:
    """Signature lines as (name, bytes); ValueError for a malformed one."""
    marks = [re.fullmatch(r"— ([^\s+]+) (\S+)", line) for line in data.decode().split("\n")[:-1]]
    lines = [(mark[1], tool.unbase64(mark[2])) for mark in marks if mark]
    if not len(lines) == len(marks) <= 256 or min([len(line) for _, line in lines], default=0) < 5:
        raise ValueError("a signature line is malformed")
    return lines


def read_renewal(data: bytes, network: str, body: bytes) -> tuple[Any, list[tuple[Any, Any]]]:
    """Step 14: the lines under the receipt's own head, and (head, lines) of each link, the oldest first."""
    with tool.reading("renewal"):
        renewal = tool.read_json(data)
        tool.must_fit(renewal, RENEWAL, "medrec", "renewal/1")
        leaf, heads = renewal["note"].encode(), []
        own = leaf[len(body) + 1 :]
        if not leaf.startswith(body + b"\n") or not 1 <= len(renewal["links"]) <= LINKS_MAX:
            raise ValueError("it is of another head than the receipt's, or has no link or too many")
        for link in renewal["links"]:
            found = HEAD.fullmatch(link["head"].encode())
            if found is None or found["origin"].decode() != f"medrec/{network}/renewal":
                raise ValueError("a head of it is malformed, or of another network")
            size, root = int(found["size"]), tool.unbase64(found["root"].decode(), 32)
            path = [tool.unbase64(step, 32) for step in link["path"]]
            if size >= 1 << 63 or not tool.leads_to(root, leaf, link["index"], size, path):
                raise ValueError("it does not lead to the head that was signed")
            head = {"body": found["body"], "origin": found["origin"], "size": size, "root": root}
            heads.append((head, read_lines(found["lines"])))
            leaf = link["head"].encode()
        return read_lines(own), heads


def verify(
    root: bytes,
    receipt: bytes,
    record: bytes | None,
    renewal: bytes | None,
    retired: dict[str, int],
    quorum: int | None = None,
) -> dict[str, Any]:
    """What the receipt still proves; `retired` is algorithm -> ms. Raises RefusedError if nothing."""
    network, title, sets = tool.read_root(root, {LENGTHS[name] for name in retired})
    fields = tool.read_receipt(receipt)
    most = max(len(known) for _, known in sets)
    tool.demand(0 < (most if quorum is None else quorum) <= most, "quorum", "The quorum makes no sense here.")
    tool.demand(fields["network"] == network, "network", "The receipt is of another network than the root file.")
    tool.demand(fields["since"] <= sets[-1][0], "newer-root", tool.OLD)
    everybody = {who for _, known in sets for who in known}
    manifest = tool.check_manifest(fields["manifest"], network, everybody, record)
    who = manifest["organisation"]
    line, key = tool.check_batch(fields, network, who, [known[who]["ed25519"] for _, known in sets if who in known])
    log, lines = tool.check_log(fields, network)
    then, at_the_time = [next(known for start, known in reversed(sets) if start <= log[at]) for at in ("index", "size")]
    said = "Its maker was no member then, or had another key."
    tool.demand(who in then and then[who]["ed25519"] == key, "member", said)
    # Whoever renews is a member then: of the set of the checkpoint, or of a later one.
    later = [known for start, known in reversed(sets) if start > log["size"]]
    heads: list[tuple[Any, Any]] = []
    if renewal is not None:
        lines, heads = read_renewal(renewal, network, log["body"])
    # From the newest head back: each shows by when the one before it was there.
    proven = renewed = None
    for head, under in [*reversed(heads), (log, lines)]:
        fallen = {LENGTHS[name] for name, day in retired.items() if proven is None or proven >= day}
        standing = [(name, data) for name, data in under if len(data) not in fallen]
        for known in [*(later if head is not log else ()), at_the_time]:
            needed = len(known) * 2 // 3 + 1 if quorum is None else quorum
            counted, classical = tool.count_cosigners(known, head, standing, needed, False)
            if len(counted) >= needed:
                break
        said = (
            f"Only {len(counted)} of {len(known)} organisations vouch for a head by signatures that still prove "
            f"something, and {needed} must."
        )
        tool.demand(len(counted) >= needed, "retired" if fallen else "cosignatures", said)
        renewed, proven = proven, sorted(counted.values())[needed - 1] * 1000
    said = "The block is dated after the day from which its author's signature proves nothing."
    tool.demand(fields["time"] < retired.get("ed25519", 1 << 63), "retired", said)
    vouched = {"height": log["height"], "time": log["time"]} if classical else None
    facts = {"network": network, "network_name": title, "organisation": who, "name": then[who]["name"], "line": line}
    facts.update(manifest=manifest, height=fields["height"], time=fields["time"], size=log["size"], checkpoint=vouched)
    facts.update(cosigners=counted, needed=needed, of=len(known), existed_by=proven, renewed_by=renewed)
    return facts


def result(
    root: bytes,
    receipt: bytes,
    record: bytes | None,
    renewal: bytes | None,
    retired: dict[str, int],
    quorum: int | None = None,
) -> Any:
    """{"verdict", "code", "sentence", "facts"}; never raises, whatever the bytes are."""
    facts = None
    try:
        for what, data in {"root": root, "receipt": receipt, "record": record, "renewal": renewal}.items():
            most = tool.FILE_MAX if what == "record" else 1 << 20
            tool.demand(data is None or len(data) <= most, what, f"The {what} file is larger than {most} bytes.")
        facts = verify(root, receipt, record, renewal, retired, quorum)
        code, sentence = "genuine", tool.explain(facts)
        if facts["renewed_by"] is not None:
            day = time.strftime("%Y-%m-%d", time.gmtime(facts["renewed_by"] // 1000))
            sentence += f" The signatures were themselves signed again by {day}, while they still held."
    except tool.RefusedError as refused:
        code, sentence = refused.args
    except Exception as fault:  # a fault of this program must not look like a verdict
        code, sentence = "fault", f"This verifier failed ({type(fault).__name__}), so nothing is known."
    unreadable = code in tool.UNREADABLE | UNREADABLE
    verdict = code if code == "genuine" else "unreadable" if unreadable else "not-genuine"
    sentence = "".join(c if c.isprintable() else "?" for c in sentence)
    return {"verdict": verdict, "code": code, "sentence": sentence, "facts": facts}


def main(arguments: list[str] | None = None) -> int:
    """See the head of this file."""
    options = ["root=", "record=", "renewal=", "retired=", "quorum=", "json"]
    try:
        pairs, rest = getopt.gnu_getopt(sys.argv[1:] if arguments is None else arguments, "", options)
        given, retired = dict(pairs), {}
        for name, day in [value.partition("=")[::2] for option, value in pairs if option == "--retired"]:
            if name not in LENGTHS:
                raise ValueError(f"no algorithm is called {name}")
            retired[name] = calendar.timegm(time.strptime(day, "%Y-%m-%d")) * 1000
        if "--root" not in given or len(rest) != 1:
            raise ValueError("--root and one receipt are needed")
        quorum = int(given["--quorum"]) if "--quorum" in given else None
        paths = (given["--root"], rest[0], given.get("--record"), given.get("--renewal"))
        root, receipt, record, renewal = (path and Path(path).read_bytes() for path in paths)
    except (getopt.GetoptError, OSError, ValueError) as error:
        print(f"UNREADABLE. The call is wrong, or a file cannot be opened: {error}\n{__doc__}", file=sys.stderr)
        return 2
    found = result(root, receipt, record, renewal, retired, quorum)
    words = f"{found['verdict'].upper()} ({found['code']}). {found['sentence']}"
    print(json.dumps(found) if "--json" in given else words)
    return {"genuine": 0, "not-genuine": 1}.get(found["verdict"], 2)


if __name__ == "__main__":
    sys.exit(main())
