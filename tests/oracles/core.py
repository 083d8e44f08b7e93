"""The tests that ask the running engines at every change: one case for each rule.

All others replay what the engines answered, unless `CTXSIZE_ENGINES=all`.
"""

from __future__ import annotations

ALL = ("",)
_CONTEXTS = (
    *("-16384 bytes", "[32769 bytes", "time: half a second", "130 entries", "empty context"),
    *("hard links", "first name ignored", "symlink loops", "FIFO", "socket, ignored", "devices"),
    *("modes", "extended attributes of", "file capability", "names in byte order, a", "odd names"),
    *("names that are not UTF-8", "parents, two branches", "directories that stay empty"),
    *("arrives empty, deeper", "pruning is not neutral", "exception with a wildcard"),
    *("bad pattern that nothing", "no pattern after !", "control character, and", "long line with"),
    *("do not fit the header", "Dockerfile-specific, empty", "lower case, specific"),
    *("Dockerfile outside]", "Dockerfile is a symlink", "file is a symlink to the outside"),
    *("ignore file is a directory", "BOM, CR and blanks", "random 7]", "random 8]"),
)
_TRANSFERS = (
    *("through a link", "double star", "class", "two paths behind", "hard link and its first"),
    *("a stage that is not", "based on a stage", "target in other", "default in braces"),
    *("global argument not", "env beats arg", "emptied", "for this Dockerfile", "taken away"),
    *("pipe in an", "escaped brackets", "heredoc and file", "two mounts", "mount from a stage"),
    *("link to nowhere", "an exception takes", "bad expression", "control character"),
)
_NAMED = (
    *(
        "two sources",
        "its own ignore file",
        "specific and empty",
        "a base and a stage",
        "by number",
    ),
    *("in place of a base", "image with a tag", "called context]", "two of them", "both names"),
    *("from a stage on it", "a source that is ignored", "overlapping", "architecture"),
)

CORE: dict[str, tuple[str, ...]] = {
    "oracles/test_harness.py": ALL,
    "engine/test_against_engine.py::test_our_answer_is_that_of_buildkit": _CONTEXTS,
    "engine/test_against_engine.py::test_our_answer_is_that_of_the_classic_builder": _CONTEXTS,
    "engine/test_against_engine.py::test_our_answer_is_that_of_buildah": _CONTEXTS,
    "engine/test_quoting.py": ALL,
    "transfer/test_engine.py": _TRANSFERS,
    "transfer/test_engine_named.py": _NAMED,
    "transfer/test_engine_accepted.py": ("parents]", "device", "check]"),
    "transfer/test_dockerfiles.py": ("link out and back", "both cases", "specific and dangling"),
    "cli/test_explain_source.py": ("star through", "unset variable in", "link to itself"),
    "recommender/test_builds.py": ("rust", "node"),
    "advice/test_engine.py": ("ids alike", "relative targets"),
}
"""Parts of the names of parametrised cases, by file or function."""

OLDER_DIFFERS: dict[str, str] = {
    "of_buildkit[older-extended attributes]": "sends no field for an empty value",
    "of_buildkit[older-names that are not UTF-8]": "builds",
    "of_buildkit[older-pattern that is not UTF-8]": "builds",
    "of_buildkit[older-patterns over names that are not UTF-8]": "builds",
    "test_engine.py::test_our_number_is_dockers[older-link to the root]": "fails: not found",
    "test_engine.py::test_builds_that_fail_before_it[older-bad pattern]": "lists no pattern",
    "test_engine.py::test_builds_that_fail_before_it[older-only an exception": "lists no pattern",
    "docker_accepts_is_measured[older-device in a stage": "refuses --device",
}
"""Where the older engine answers otherwise than the newer, and than we do: tests and the reason."""


def is_core(path: str, case: str) -> bool:
    """Return whether the test `path` (file::function) asks the engine in its case `case`."""
    asked = [names for each, names in CORE.items() if path.startswith(each)]
    return any(name in f"[{case}" for names in asked for name in names)


def older_differs(test: str) -> str | None:
    """Return why the older engine fails `test`, or None."""
    return next((why for part, why in OLDER_DIFFERS.items() if part in test), None)
