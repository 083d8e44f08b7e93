"""What tells a finding from others over time, for those who track it from run to run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from ctxsize.findings import Finding


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """One for each of `findings`, all different.

    They stay when lines move and when figures change, so they hold neither.
    """
    seen: Counter[str] = Counter()
    found = []
    for each in findings:
        words = re.sub(r"[0-9][0-9,.]*( [kMGT]?B)?", "#", each.message)
        identity = "\0".join((each.code, each.location.path, words))
        digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        found.append(f"{digest}:{seen[digest]}")
    return found
