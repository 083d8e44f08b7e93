"""A Dockerfile as the advice sees it: its builds, a name, and changes to its text.

What changes is a word or an option, the rest stays as it is, to the byte. The builder's reading
of the instruction, before and after, proves that nothing else does; an instruction for which that
fails is left to a person.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ctxsize.codes import severity_of
from ctxsize.discovery import FoundBuild
from ctxsize.dockerfile.instructions import Dockerfile, Instruction
from ctxsize.dockerfile.sources import ALIASES
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.engine.request import Plan
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import Confidence, Edit, Finding, Fix, Location, Severity
from ctxsize.shell import commands_of
from ctxsize.syntax import Command

_MOST_STEPS = 500_000
"""Number of steps of all stages of a Dockerfile, each with those of the stages it is built on."""
_SUFFIX = re.compile(r"(?i)(?:docker|container)file[.\-_](.+)|(.+)[.\-_](?:docker|container)file")
"""What distinguishes `Dockerfile.web` or `web.Dockerfile`."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """A Dockerfile that can be read, and the builds that read it."""

    path: str
    data: bytes
    dockerfile: Dockerfile
    stages: tuple[BuiltStage, ...]
    builds: tuple[FoundBuild, ...] = ()
    name: str = ""
    """Its service, or more where another Dockerfile builds a service of that name."""
    on_several: frozenset[str] = frozenset()
    """The package managers that run on several systems in the repository."""

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines of the file without their ends."""
        return lines_of(self.data)

    @property
    def runs(self) -> Iterator[tuple[BuiltStage, StageStep]]:
        """Return every RUN with its stage."""
        return ((stage, step) for stage in self.stages for step in stage.own if step.is_run)

    @property
    def inline(self) -> bool:
        """Return whether no file holds it."""
        return bool(self.builds) and self.builds[0].inline is not None

    @cached_property
    def contexts(self) -> tuple[str, ...]:
        """Return the contexts in which it is built, each once."""
        return tuple(dict.fromkeys(each.build.context for each in self.builds))

    def holds(self, path: str) -> bool:
        """Return whether one of its contexts holds a file."""
        return any(os.path.isfile(os.path.join(each, path)) for each in self.contexts)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the platforms that one of its builds is for, if several at once."""
        return max((each.build.platforms for each in self.builds), key=len, default=())

    def runs_at_once(self, stage: BuiltStage) -> bool:
        """Return whether one build runs the steps of a stage for several platforms at once."""
        pinned = "BUILDPLATFORM" in stage.platform or "/" in stage.platform
        return len(self.platforms) > 1 and not pinned

    @property
    def service(self) -> str:
        """Return a name for what it builds, to keep its caches apart from others."""
        for place in (place for each in self.builds for place in each.places):
            if place.how in ("compose", "bake") and place.name:
                return slug(place.name)
        directory, _, name = self.path.rpartition("/")
        above = os.path.basename(os.path.abspath(directory or "."))
        suffix = _SUFFIX.fullmatch(name)
        return slug(suffix[1] or suffix[2] if suffix else above) or "app"

    def text_of(self, instruction: Instruction) -> str:
        """Return an instruction as it stands in the file, its lines joined by line feeds."""
        return "\n".join(self.lines[instruction.line - 1 : instruction.end_line])

    def with_words(self, step: StageStep, words: Mapping[str, str]) -> list[Change]:
        """Return an instruction with other flags and arguments; none if that is not certain."""
        text = self.text_of(step.instruction)
        return _change(step, with_words(text, self.dockerfile.escape, words))

    def without_option(
        self, step: StageStep, option: str, is_meant: Callable[[Command], bool]
    ) -> list[Change]:
        """Return a RUN without an option of the commands meant; none if that is not certain."""
        text = self.text_of(step.instruction)
        return _change(step, without_option(text, self.dockerfile.escape, option, is_meant))

    def with_mounts(self, options: Iterable[tuple[StageStep, str, dict[str, str]]]) -> list[Change]:
        """Return the RUNs with further options for mounts; none if one is not certain."""
        words: dict[StageStep, dict[str, str]] = {}
        for step, written, given in options:
            mount = f"--mount={with_option(written, **given)}"
            words.setdefault(step, {})[f"--mount={written}"] = mount
        made = [self.with_words(step, each) for step, each in words.items()]
        return [change for each in made for change in each] if all(made) else []

    def finding(
        self,
        code: str,
        line: int,
        message: str,
        *,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        evidence: tuple[str, ...] = (),
        help: str = "",  # noqa: A002 - it is called so in Finding
        fix: Fix | None = None,
    ) -> Finding:
        """Return a finding of `code` at a line."""
        where = self.builds[0].where if self.inline else Location(self.path, line)
        severity = severity or severity_of(code)
        return Finding(code, severity, message, where, confidence, evidence, help=help, fix=fix)

    def fix(self, message: str, changes: Iterable[Change], *, certain: bool = False) -> Fix | None:
        """Return the fix that `changes` are; None if they change nothing or no file holds it."""
        after = changed(self.data, changes)
        if self.inline or self.path == "-" or after == self.data:
            return None
        return Fix(message, (Edit(self.path, self.data, after),), certain)


def _change(step: StageStep, text: str | None) -> list[Change]:
    place = step.instruction
    return [] if text is None else [Change(place.line, place.end_line, text)]


def read_recipe(
    path: str, data: bytes, dockerfile: Dockerfile, builds: tuple[FoundBuild, ...] = ()
) -> Recipe:
    """Return the Dockerfile `data` that stands at `path`.

    Raises `UndecidedError` if it would take minutes to look at all that stages are built on.
    """
    stages = built_stages(dockerfile, builds[0].build.build_arguments if builds else {})
    lengths: dict[BuiltStage | None, int] = {None: 0}
    for stage in stages:
        lengths[stage] = len(stage.steps) + lengths[stage.parent]
    if sum(lengths.values()) > _MOST_STEPS:
        message = f"ctxsize advises on no more than {_MOST_STEPS:,} steps of stages and their bases"
        raise UndecidedError(message)
    return Recipe(path, data, dockerfile, stages, builds)


def slug(name: str) -> str:
    """Return `name` as a part of the id of a cache."""
    return re.sub(r"[^\w.-]", "-", name).strip("-.")


class Change(NamedTuple):
    """Lines `first` to `last` (1-based, both included) become `text`."""

    first: int
    last: int
    text: str


def lines_of(data: bytes) -> list[str]:
    """Return the lines of `data` without their ends."""
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")


def changed(data: bytes, changes: Iterable[Change]) -> bytes:
    """Return `data` with `changes`, which do not overlap; line ends stay what they are."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for first, last, text in sorted(changes, reverse=True):
        # An instruction ends in one way: a heredoc ends at a line that is its word to the byte.
        end = "\r" * lines[min(first, len(lines)) - 1].endswith("\r")
        lines[first - 1 : last] = [line + end for line in text.split("\n")]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def declared_above(lines: list[str], line: int) -> Change:
    """Return the declaration of the architecture above an instruction and the comments on it."""
    while lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return Change(line, line - 1, "ARG TARGETARCH")


def with_words(text: str, escape: str, words: Mapping[str, str]) -> str | None:
    """Return an instruction with other flags and arguments; None if that changes anything else."""
    after = text
    for old, new in words.items():
        after = re.sub(rf'(?<![^\s"]){re.escape(old)}(?![^\s"])', new.replace("\\", r"\\"), after)
    before, then = read_alone(text, escape), read_alone(after, escape)
    if before is None or then is None or then.text == before.text:
        return None
    flags, arguments = (
        tuple(words.get(word, word) for word in each) for each in (before.flags, before.arguments)
    )
    wanted = replace(before, flags=flags, arguments=arguments, text=then.text)
    return after if then == wanted else None


def without_option(
    text: str, escape: str, option: str, is_meant: Callable[[Command], bool]
) -> str | None:
    """Return a RUN whose commands lose an option; None if more changes, or one is not meant."""
    blanks = rf"(?<!\s)(?:\s|{re.escape(escape)}\n)+"
    written = re.escape(option)
    after = re.sub(rf',\s*"{written}"|{blanks}{written}(?![^\s;&|)"\'])', "", text)
    before, then = read_alone(text, escape), read_alone(after, escape)
    if before is None or then is None or before.flags != then.flags:
        return None
    commands = [replace(each, line=0) for each in commands_of(before)]
    wanted = [
        replace(each, words=tuple(e for e in each.words if e != option or not is_meant(each)))
        for each in commands
    ]
    return after if [replace(each, line=0) for each in commands_of(then)] == wanted else None


def read_alone(text: str, escape: str) -> Instruction | None:
    """Return the instruction that a text is; None if it is none, or would go on below."""
    data = f"# escape={escape}\nFROM scratch\n{text}\nSTOPSIGNAL 9\n"
    try:
        plan = Plan(lambda: data.encode("utf-8", "surrogateescape"))
        _, found, *below = plan.dockerfile.instructions
    except DockerfileError:
        return None
    return found if [each.text for each in below] == ["STOPSIGNAL 9"] else None


def with_option(mount: str, **options: str) -> str:
    """Return the value of a `--mount` with other or further options; new ones come last.

    >>> with_option("type=cache,dst=/a", target="/b", sharing="locked")
    'type=cache,target=/b,sharing=locked'
    """
    fields = {}
    for field in mount.split(","):
        key = field.partition("=")[0].lower()
        fields[ALIASES.get(key, key)] = field
    given = {name: f"{name}={value}" for name, value in options.items()}
    return ",".join({**fields, **given}.values())


def quoted(word: str) -> str:
    """Return `word` for a shell; variables and commands in it keep their meaning."""
    if "$" not in word:
        return shlex.quote(word)
    return word if "$(" in word else '"' + word.replace('"', '\\"') + '"'
