"""How an install comes in front of the sources: the snippet of CTX202.

What stands between the two has to keep its place, so it must need none of the sources.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator

from ctxsize.advice.contents import by_directory
from ctxsize.advice.fetches import Fetch
from ctxsize.advice.manifests import Early
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.rewrite import quoted
from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.stages import StageStep
from ctxsize.shell import Command, commands

_INDIFFERENT = frozenset(
    ("LABEL", "EXPOSE", "ENV", "ARG", "USER", "SHELL", "STOPSIGNAL", "HEALTHCHECK")
) | {"CMD", "ENTRYPOINT", "WORKDIR"}
_ALONE = frozenset(
    (
        *("cd", "set", "export", "echo", "true", ":", "mkdir", "ls", "pwd", "corepack"),
        *("apt-get", "apt", "apk", "dnf", "yum", "microdnf", "curl", "wget", "tar", "unzip"),
        *("useradd", "groupadd", "adduser", "addgroup", "update-ca-certificates", "rustup"),
        *("docker-php-ext-install", "docker-php-ext-enable", "a2enmod", "pecl", "pipx", "gem"),
        *("virtualenv", "install-php-extensions"),
    )
)
"""Programs that need nothing of the sources."""
_TOOLS = {
    "npm": ("-g", "--global"),
    "pnpm": ("-g", "--global", "setup", "config"),
    "yarn": ("global", "config"),
    "pip": ("install",),
    "pip3": ("install",),
    "poetry": ("config", "self"),
    "bundle": ("config",),
    "mix": ("local.hex", "local.rebar"),
    "go": ("env",),
    "git": ("config",),
    "uv": ("venv", "python"),
}
"""Those that need nothing if one of these words is given."""
_OF_FILES = ("-r", "--requirement", "-e", "--editable", "-c", "--constraint")


def in_front(recipe: Recipe, everything: StageStep, fetch: Fetch, plan: Early, inside: str) -> str:
    """Return what to write: manifests, install, sources; `""` where something is in the way."""
    names = {posixpath.join(inside, name).rstrip("/") for name in plan.files}
    install = _install(recipe, fetch, plan, names)
    whole, between = everything.instruction, _between(recipe, everything, fetch.step)
    if not install or between is None or not _is_free(recipe, everything, between, names):
        return ""
    sources = whole.text
    if any(each.keyword == "WORKDIR" for each in between):
        sources = _in_place(everything)
    if not sources:
        return ""
    early = ", ".join(f"`{each}`" for each in _copies(whole, plan.files, inside))
    line = f"line {fetch.step.line}"
    if plan.stays:
        return f"write {early} here, and `{install}` and `{sources}` above {line}"
    return f"write {early} here, and `{sources}` only below `{install}` ({line})"


def _between(recipe: Recipe, everything: StageStep, step: StageStep) -> list[Instruction] | None:
    """Return what stands between two steps; None where other stages are built on the first."""
    first, last = (next(e for e in recipe.stages if one in e.own) for one in (everything, step))
    children = [each for each in recipe.stages if each.parent is first]
    if step.line < everything.line or (first is not last and len(children) > 1):
        return None
    return [
        each
        for stage in dict.fromkeys((first, last))
        for each in stage.stage.instructions
        if everything.instruction.end_line < each.line < step.line
    ]


def _in_place(everything: StageStep) -> str:
    """Return the COPY of the sources as it works in another directory; `""` if it is not known."""
    copy, base = everything.instruction, everything.destination
    if "$" in base or not (copy.arguments[-1].startswith("/") or everything.workdir != "/"):
        return ""
    return " ".join((copy.keyword, *copy.flags, *copy.arguments[:-1], f"{base.rstrip('/')}/"))


def _install(recipe: Recipe, fetch: Fetch, plan: Early, names: set[str]) -> str:
    """Return the RUN up to the install, `""` if that is no command of its own in it."""
    script, words = recipe.script(fetch.step), fetch.written.words
    head = ("RUN", *script.instruction.flags)
    if script.instruction.arguments == words:
        return " ".join((*head, plan.command or " ".join(map(quoted, words)) + plan.options))
    piece = script.piece_of(fetch.written)
    if piece is None or piece.after not in ("", "&&", ";", "\n"):
        return ""
    front = [script.text(each) for each in script.pieces[: script.pieces.index(piece)]]
    if not all(_is_alone(each, names) for text in front for each in commands(text)):
        return ""
    install = plan.command or script.text(piece) + plan.options
    return " ".join((*head, " && ".join((*front, install))))


def _is_free(
    recipe: Recipe, everything: StageStep, between: list[Instruction], names: set[str]
) -> bool:
    """Return whether what stands between the two steps needs none of the sources."""
    steps = {step.line: step for stage in recipe.stages for step in stage.own}
    for each in between:
        step = steps.get(each.line)
        if step is None or not (step.is_run or step.is_copy):
            free = each.keyword in _INDIFFERENT
        elif step.is_run:
            free = bool(step.commands) and all(_is_alone(one, names) for one in step.commands)
        else:
            free = _comes_from_elsewhere(step, everything)
        if not free:
            return False
    return True


def _comes_from_elsewhere(step: StageStep, everything: StageStep) -> bool:
    """Return whether a COPY is from a stage or image, and to where none of the sources come."""
    base = everything.destination
    destination = step.instruction.arguments[-1] if step.origin else ""
    return destination.startswith("/") and not f"{destination}/".startswith(f"{base.rstrip('/')}/")


def _is_alone(command: Command, names: set[str]) -> bool:
    """Return whether a command needs nothing of the sources but what is copied early."""
    program, operands = command.program, command.operands
    if not command.words or program in _ALONE:
        return True
    if program.startswith("python") and command.words[1:2] == ("-m",):
        return command.words[2] == "venv" or (
            command.words[2] == "pip" and _is_alone(Command(command.words[2:]), names)
        )
    named = not command.has(*_OF_FILES) and not any(w.startswith((".", "/")) for w in operands)
    return named and any(word in _TOOLS.get(program, ()) for word in command.arguments)


def _copies(everything: Instruction, files: tuple[str, ...], inside: str) -> Iterator[str]:
    """Yield the instructions that copy `files` to where they come with everything else."""
    destination = everything.arguments[-1]
    kept = [each for each in everything.flags if each.startswith(("--chown", "--chmod", "--link"))]
    for directory, names in by_directory(posixpath.join(inside, each) for each in files).items():
        where = f"{posixpath.normpath(posixpath.join(destination, directory))}/"
        where = where if where.startswith(("/", "./", "../", "$")) else f"./{where}"
        words = [*(name.rstrip("/") for name in names), "./" if where == "././" else where]
        if any(set(word) & set(" \t[*?") for word in words):
            yield " ".join(("COPY", *kept, json.dumps(words)))
        else:
            yield " ".join(("COPY", *kept, *words))
