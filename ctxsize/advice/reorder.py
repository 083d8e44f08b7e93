"""The sources copied behind the install: the rewrite of CTX202.

What stands between the two keeps its place, if it needs none of the sources.
An install in a list of commands divides it; what the commands behind it need
of those in front (`cd`, `export`) is repeated.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterable, Iterator

from ctxsize.advice.contents import by_directory
from ctxsize.advice.fetches import Fetch
from ctxsize.advice.manifests import Early
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.rewrite import Change, fix
from ctxsize.advice.script import Script
from ctxsize.dockerfile import Instruction
from ctxsize.findings import Fix
from ctxsize.shell import Command, Piece, commands

_INDIFFERENT = frozenset(
    ("LABEL", "EXPOSE", "ENV", "ARG", "USER", "SHELL", "STOPSIGNAL", "HEALTHCHECK")
) | {"CMD", "ENTRYPOINT", "WORKDIR"}
_STATE = ("cd", "export", "set", "source", ".")
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


def reordered(
    recipe: Recipe, everything: Step, fetch: Fetch, plan: Early, inside: str
) -> Fix | None:
    """The manifests copied, the install, and then the rest; None where something is in the way."""
    stages = [stage for stage in recipe.stages if everything in stage.steps]
    if not stages or fetch.step.line <= everything.line:
        return None
    parts = _divided(recipe.script(fetch.step), fetch, plan)
    if parts is None:
        return None
    copied = tuple(_copies(everything.instruction, plan.files, inside))
    names = {posixpath.join(inside, name).rstrip("/") for name in plan.files}
    if fetch.step not in stages[0].steps:
        changes = _above(recipe, stages[0], everything, fetch.step, copied, parts)
    elif _is_free(stages[0], everything, fetch.step, names):
        changes = _behind(recipe, stages[0], everything, fetch.step, copied, parts)
    else:
        return None
    message = "copy what the install needs, install, and copy the rest behind it"
    return fix(recipe.path, recipe.data, message, changes or (), certain=False)


def _behind(
    recipe: Recipe,
    stage: StageFacts,
    everything: Step,
    step: Step,
    copied: tuple[str, ...],
    parts: tuple[tuple[str, ...], tuple[str, ...]],
) -> list[Change]:
    """The sources behind the install, and in the same place even if the directory is another."""
    first, second = parts
    script, whole = recipe.script(everything), everything.instruction
    moved = script.raw
    if any(each.keyword == "WORKDIR" for each in _between(stage, everything, step)):
        before, destination, after = moved.rpartition(whole.arguments[-1])
        slash = "/" * destination.endswith("/")
        moved = f"{before}{everything.destination.rstrip('/')}{slash or '/'}{after}"
    return [
        Change(whole.line, whole.end_line, copied),
        Change(step.line, step.instruction.end_line, (*first, *moved.split("\n"), *second)),
    ]


def _between(stage: StageFacts, everything: Step, step: Step) -> Iterator[Instruction]:
    first = everything.instruction.end_line
    return (each for each in stage.stage.instructions if first < each.line < step.line)


def _above(
    recipe: Recipe,
    stage: StageFacts,
    everything: Step,
    step: Step,
    copied: tuple[str, ...],
    parts: tuple[tuple[str, ...], tuple[str, ...]],
) -> list[Change] | None:
    """The install in the stage above, in front of the sources, if no other is built on that."""
    children = [each for each in recipe.stages if each.parent is stage]
    below = [each for each in recipe.stages if step in each.steps]
    between = [
        each
        for one in (stage, *below)
        for each in one.stage.instructions
        if everything.line < each.line < step.line and each.keyword not in ("LABEL", "EXPOSE")
    ]
    if children != below or between:
        return None
    first, second = parts
    return [
        Change(everything.line, everything.line - 1, (*copied, *first)),
        Change(step.line, step.instruction.end_line, second),
    ]


def _is_free(stage: StageFacts, everything: Step, step: Step, names: set[str]) -> bool:
    """Whether what stands between the two steps needs none of the sources."""
    steps = {each.line: each for each in stage.steps}
    for each in _between(stage, everything, step):
        if each.keyword == "WORKDIR" and not _is_known(stage, everything):
            return False
        run = steps.get(each.line)
        if run is not None and _comes_from_elsewhere(run, everything):
            continue
        if run is not None and run.is_run and run.commands:
            if all(_is_alone(command, names) for command in run.commands):
                continue
            return False
        if run is not None or each.keyword not in _INDIFFERENT:
            return False
    return True


def _is_known(stage: StageFacts, everything: Step) -> bool:
    """Whether the Dockerfile itself says where the sources come."""
    if "$" in everything.destination:
        return False
    told = (
        each.keyword == "WORKDIR" and each.arguments[0].startswith("/")
        for each in stage.stage.instructions
        if each.line < everything.line
    )
    return everything.instruction.arguments[-1].startswith("/") or any(told)


def _comes_from_elsewhere(step: Step, everything: Step) -> bool:
    """Whether a COPY is from a stage or image, and to where none of the sources come."""
    base = everything.destination
    destination = step.instruction.arguments[-1] if step.origin else ""
    return destination.startswith("/") and not f"{destination}/".startswith(f"{base.rstrip('/')}/")


def _is_alone(command: Command, names: set[str]) -> bool:
    """Whether a command needs nothing of the sources but what is copied early."""
    program, operands = command.program, command.operands
    if not command.words or program in _ALONE:
        return True
    if program.startswith("python") and command.words[1:2] == ("-m",):
        return command.words[2] == "venv" or (
            command.words[2] == "pip" and _is_alone(Command(command.words[2:]), names)
        )
    named = not command.has(*_OF_FILES) and not any(w.startswith((".", "/")) for w in operands)
    return named and any(word in _TOOLS.get(program, ()) for word in command.arguments)


def _divided(
    script: Script, fetch: Fetch, plan: Early
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The lines of the RUN up to the install, and of what comes behind the copy."""
    if script.form == "json":
        return _divided_words(script, fetch, plan)
    piece = script.piece_of(fetch.written)
    if piece is None:
        return None
    at = script.pieces.index(piece)
    front, rest = script.pieces[:at], script.pieces[at + 1 :]
    joints = {each.after for each in (*front, piece, *rest[:1])}
    names = {name.rstrip("/") for name in plan.files}
    alone = all(_is_alone(one, names) for each in front for one in commands(script.text(each)))
    if any(each.nested for each in front) or not alone or not joints <= {"", "&&", ";", "\n"}:
        return None
    start, end = script.start(piece), script.end(piece)
    install = plan.command or script.raw[start:end] + plan.options
    first = script.raw[:start] + install
    from_here = piece if plan.stays else next(iter(rest), None)
    second = "" if from_here is None else _rest(script, front, from_here)
    if script.form == "heredoc":
        first += script.raw[script.raw.rindex("\n") :]
    return tuple(first.split("\n")), tuple(second.split("\n")) if second else ()


def _rest(script: Script, front: Iterable[Piece], piece: Piece) -> str:
    """The RUN from `piece` on, with what the commands in front change for it."""
    state = [script.text(each) for each in front if each.words[0] in _STATE]
    joint = "\n" if script.form == "heredoc" else " && "
    head = script.raw[: script.places[0]]
    return head + "".join(f"{each}{joint}" for each in state) + script.raw[script.start(piece) :]


def _divided_words(
    script: Script, fetch: Fetch, plan: Early
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The same for a list of words, which is one command."""
    if script.instruction.arguments != fetch.written.words:
        return None
    words = [*script.instruction.arguments, *shlex.split(plan.options)]
    install = plan.command or (json.dumps(words) if plan.options else script.raw[script.command :])
    first = script.raw[: script.command] + install
    return tuple(first.split("\n")), tuple(script.raw.split("\n")) if plan.stays else ()


def _copies(everything: Instruction, files: tuple[str, ...], inside: str) -> Iterator[str]:
    """The instructions that copy `files` to where they come with everything else."""
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
