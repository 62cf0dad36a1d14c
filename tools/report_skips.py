"""Say which tests were skipped and why; on CI, end with 1 if one was skipped that CI must be able to run.

usage: python tools/report_skips.py out/tests.xml
"""

import os
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

# What may be missing on CI too: data that is not part of the repository, rights that a test machine need not give,
# a foreign server that needs Java. A browser, an engine or a database may not.
MAY_BE_MISSING = ("published vectors", "shared test data", "by root only", "Java")


def skipped(report: Path) -> Counter[str]:
    """Reasons of skipped tests and how often each was given, from a JUnit file that pytest wrote itself."""
    elements = ElementTree.parse(report).iter("skipped")  # noqa: S314
    return Counter(element.get("message") or "no reason given" for element in elements)


def main(report: Path) -> int:
    """Print the reasons, most frequent first; 1 if CI must not accept one of them."""
    if not report.is_file():
        print("No test report was written; the tests did not run.")
        return 1
    reasons = skipped(report)
    print(f"{sum(reasons.values())} tests were skipped{':' if reasons else '.'}")
    refused = 0
    for reason, count in reasons.most_common():
        bad = os.environ.get("CI") == "true" and not any(words in reason for words in MAY_BE_MISSING)
        refused += bad
        print(f"  {count:5}  {reason}{'   <- CI must have this' if bad else ''}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
