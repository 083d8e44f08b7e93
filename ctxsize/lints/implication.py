"""Whether one pattern matches all that another one matches, for every tree that can be.

Only what is proved is said: a wildcard of the narrower pattern must fall under
a star of the wider one, as it does if a character that no name holds stands for it.
"""

from __future__ import annotations

import re

from ctxsize.engine.patterns import DockerIgnorePattern

_ANY, _ONE = "\ue000", "\ue001"
_PLAIN_STARS = re.compile(r"[^?\[\]\\|{}^\ue000\ue001]*")


def matches_all_of(wide: DockerIgnorePattern, narrow: str) -> bool:
    """Whether `wide` itself matches every path that the pattern `narrow` matches.

    >>> wide = DockerIgnorePattern("**/*.log")
    >>> [matches_all_of(wide, text) for text in ("*.log", "logs/a*.log", "**/x.log", "x.*")]
    [True, True, True, False]
    """
    if wide.text == narrow:
        return True
    standing = _standing_for(wide.text, narrow)
    return standing is not None and wide.match_file(standing) is not None


def covers_all_of(wide: DockerIgnorePattern, narrow: str) -> bool:
    """Whether each path that `narrow` matches, or a directory above it, is matched by `wide`.

    >>> covers_all_of(DockerIgnorePattern("docs"), "docs/**/*.md")
    True
    """
    above = narrow
    while above:
        if matches_all_of(wide, above):
            return True
        head, _, last = above.rpartition("/")
        if last == "**" and matches_all_of(wide, f"{head}/*"):
            return True
        # What is below `**/x` is not below `**`, but below something that `**/x` matches.
        above = "" if head == "**" else head
    return False


def _standing_for(wide: str, narrow: str) -> str | None:
    """A path that stands for all that `narrow` matches, None where there is no such path."""
    if not _PLAIN_STARS.fullmatch(wide) or _ANY in narrow or _ONE in narrow:
        return None
    any_depth = narrow.startswith("**/")
    rest = narrow[3:] if any_depth else narrow
    if "**" in rest or (any_depth and not wide.startswith("**/")):
        return None
    if re.search(r"[\\|{}^]", rest):
        return None
    rest = re.sub(r"\[\^?[^\[\]/*?]+\]", _ONE, rest)
    if "[" in rest or "]" in rest:
        return None
    return rest.replace("*", _ANY).replace("?", _ONE)
