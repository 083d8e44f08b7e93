"""The ctxsize command line for the build of an outcome, to copy into a shell."""

from __future__ import annotations

import os
import shlex

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.names import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.model import Report
    from ctxsize.recommender.outcome import Suggested


def command(outcome: Report | Suggested, name: str, *arguments: str) -> str:
    """Return the command `name` with `arguments` for the same build; see `path_argument`."""
    words = ["ctxsize", name, *arguments]
    if outcome.builder != next(iter(BUILDERS)):
        words += ["--builder", outcome.builder]
    dockerfile, names = outcome.dockerfile, BUILDERS[outcome.builder].dockerfile_names
    usual = [os.path.normpath(os.path.join(outcome.context_path, name)) for name in names]
    if dockerfile == "-":
        words += ["-f", "-"]
    elif dockerfile is not None and os.path.normpath(dockerfile) not in usual:
        words += ["-f", path_argument(dockerfile)]
    if name in ("measure", "suggest") or {"--transfer", "--trace"} & set(arguments):
        words += outcome.options
    if outcome.context_path != ".":
        context = path_argument(outcome.context_path)
        words += ["-C", context] if name == "explain" else [context]
    return " ".join(map(_shell, words))


def path_argument(path: str) -> str:
    """Return `path` so that it is not taken for an option."""
    return f"./{path}" if path.startswith("-") else path


def _shell(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + visible(word.replace("\\", r"\\").replace("'", r"\'")) + "'"
