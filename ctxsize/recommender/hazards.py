"""Find hazards: small files that break or spoil a build, where their size does not matter.

Nothing is walked. The commands of a Dockerfile name the directories and manifests to look at.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from posixpath import basename, dirname, join, normpath
from typing import NamedTuple

from ctxsize.build import path_argument
from ctxsize.codes import severity_of
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.engine.git import GitError, find
from ctxsize.engine.plan import Plan
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.knowledge.rules import expression, listed
from ctxsize.knowledge.tools import Work, run_by, works
from ctxsize.model import Problem, Texts
from ctxsize.recommender.placed import BuildLook, Placed
from ctxsize.recommender.references import References, in_short
from ctxsize.recommender.stale_records import RECORD_END, StaleRecords
from ctxsize.syntax import Command
from ctxsize.units import plural
from ctxsize.values import Mutable, Value

STALE = "CTX140"
OVER = "CTX141"
DIRTY = "CTX142"
NOT_COPIED = "CTX143"
HIDDEN = "CTX131"
HAZARDS = (HIDDEN, STALE, OVER, DIRTY, NOT_COPIED)
"""The codes of hazards; CTX131 only if the file is one that an install needs."""
_MOST_TRACKED = 100_000
_SHOWN = 3
_REMOVERS = ("rm", "rimraf")
_HOST = {"node_modules": "node.modules", ".venv": "python.venv"}
"""The directories that tools install, and the rules that find them."""
_LATER = ("--no-install-project", "--no-root")  # options that leave the project itself out


class Hazard(Value):
    """Something that breaks or spoils a build, with what to do about it."""

    code: str
    message: str
    line: int  # of the Dockerfile
    paths: Texts
    help: str = ""  # what to do if no pattern helps
    pattern: str = ""  # what to add to the ignore file
    number: int = 0  # of the line of the ignore file that causes it

    def remedy(self, plan: Plan) -> str:
        """Return what to do, as an order; a command is about the build of `plan`."""
        if not self.pattern:
            return self.help
        return f"add `{self.pattern}` to the ignore file: {suggest_command(plan, '--write')}"

    def problem(self, plan: Plan) -> Problem:
        """Return it as a problem of the Dockerfile, with what to do."""
        message = f"{self.message}; {self.remedy(plan)}"
        return Problem("hazard", message, plan.dockerfile, line=self.line)

    def finding(self, plan: Plan, *, severity: Severity | None = None) -> Finding:
        """Return it as a finding about the Dockerfile."""
        return Finding(
            self.code,
            severity or severity_of(self.code),
            self.message,
            Location(plan.dockerfile or plan.context, self.line),
            Confidence.LIKELY,
            self.paths[:_SHOWN],
            help=self.remedy(plan),
        )


def suggest_command(plan: Plan, *words: str) -> str:
    """Return a command of `suggest`, for a shell, about the build of `plan`."""
    line = ["ctxsize", "suggest", *words]
    if plan.build.dockerfile is not None:
        line += ["-f", path_argument(plan.build.dockerfile)]
    if plan.build.context != ".":
        line.append(path_argument(plan.build.context))
    return shlex.join(line)


def hazards(plan: Plan) -> list[Hazard]:
    """Return what breaks or spoils a build, in the order of the codes; nothing if it is unknown."""
    if plan.dockerfile is None:
        return []
    with suppress(CtxsizeError, OSError):
        if not expression("runs_installer").search(plan.parsed.data.decode("utf-8", "replace")):
            return []
        found = dict.fromkeys(_Hazards(BuildLook(plan)).all())
        return sorted(found, key=lambda hazard: (hazard.code, hazard.line, hazard.message))
    return []


def warnings_of(plan: Plan) -> Iterator[Finding]:
    """Yield the hazards of a build as warnings: they violate no budget."""
    for hazard in hazards(plan):
        yield hazard.finding(plan, severity=Severity.WARNING)


class _Hazards(Mutable):
    """The hazards of one build."""

    look: BuildLook

    def all(self) -> Iterator[Hazard]:
        """Yield the hazards of all kinds."""
        yield from self.of_references()
        for record in StaleRecords(self.look).all():
            command = in_short(record.reader.command)
            yield Hazard(
                STALE,
                f"{record.path} is sent, but not {record.output}/, which it describes: "
                f"`{command}` takes that for up to date and compiles nothing",
                record.reader.step.line,
                (record.path,),
                pattern=f"**/*{RECORD_END}",
            )
        for step, origin, installed in HostPackages(self.look).all():
            yield Hazard(
                OVER,
                f"{step.keyword} (line {step.line}) puts {origin} of this machine over "
                f"what `{installed.command}` (line {installed.line}) has installed",
                step.line,
                (origin,),
                pattern=f"**/{basename(origin)}",
            )
        yield from self.dirty_versions()

    # Files that an install needs.

    def of_references(self) -> Iterator[Hazard]:
        """Yield the files of manifests that are hidden, and those that no COPY brings in time."""
        finder = References(self.look.files, self.look.is_sent, installing=True)
        for reference in dict.fromkeys(finder.of(self.look.plan, self.look.names)):
            path = reference.files[0]
            number = self.look.deciding_line(path)
            if reference.is_copy or not reference.breaks(self.look.is_sent) or not number:
                continue
            yield Hazard(
                HIDDEN,
                f"{self._line(number)} ignores {path}, which {reference.at} needs, "
                "so the build fails",
                self._line_of_run(reference.by),
                reference.files,
                help=f"add `!{path}` at the end of the ignore file",
                number=number,
            )
        for missing in dict.fromkeys(finder.missing):
            yield Hazard(
                NOT_COPIED,
                f"no COPY brings {missing.file} before `{missing.command}`, but {missing.at} "
                "needs it, so the build fails",
                missing.line,
                (missing.file,),
                help=self._remedy(missing.file, missing.command),
            )

    def _line(self, number: int) -> str:
        file = self.look.plan.ignore_file
        assert file is not None
        return f"{file.path}:{number}"

    def _line_of_run(self, manifest: str) -> int:
        """Return the first line that takes the manifest, else that of the first RUN."""
        for _, step, here, _ in self.look.steps:
            if step.is_run and any(
                here.origin(join(place, basename(manifest))) for place, _ in step.located
            ):
                return step.line
        return 1

    def _remedy(self, file: str, command: str) -> str:
        early = {
            option
            for work in works(Command(tuple(command.split())))
            for option in work.tool.early
            if option in _LATER
        }
        advice = f"add {file} to the COPY before it"
        for option in early:
            advice += f", or install the project later: `{command} {option}`"
        return advice

    # Versions that git tells.

    def dirty_versions(self) -> Iterator[Hazard]:
        """Yield why git in the image sees changes: tracked files that are not sent."""
        if not (self.look.is_sent(".git/HEAD") and self.look.is_sent(".git/index")):
            return
        text = self.look.plan.parsed.data.decode("utf-8", "replace")
        if expression("sets_version").search(text):
            return
        for step, directory, command, here in self.look.runs:
            if here.origin(directory) != "" or here.origin(join(directory, ".git")) != ".git":
                continue
            reader = self._reader_of_version(command, step)
            if reader is None:
                continue
            hidden = [*self._hidden_tracked()]
            if hidden:
                yield self._dirty(step, reader, hidden)
            return

    def _reader_of_version(self, command: Command, step: StageStep) -> str | None:
        """Return what reads a version that depends on the state of the files, as a clause."""
        if command.program == "git":
            if expression("sees_changes").search(" ".join(command.words)):
                return f"line {step.line} asks git for"
            return None
        names: Texts = ()
        if any(work.makes("python.egginfo") for work in works(command)):
            names = ("pyproject.toml", "setup.py", "setup.cfg")
        elif run_by(command).program in listed("make"):
            names = listed("makefiles")
        for name in names:
            if expression("sees_changes").search(self.look.text(name)):
                return f"{name} takes from git"
        return None

    def _hidden_tracked(self) -> Iterator[str]:
        with suppress(GitError):
            repository = find(self.look.plan.root).repository
            if repository is None or len(repository.tracked) > _MOST_TRACKED:
                return
            for path in sorted(repository.tracked):
                if (
                    self.look.files.has(path)
                    and self.look.deciding_line(path)
                    and not self.look.is_sent(path)
                ):
                    yield path

    def _dirty(self, step: StageStep, reader: str, hidden: Sequence[str]) -> Hazard:
        number = self.look.deciding_line(hidden[0])
        count = plural(len(hidden), "tracked file")
        return Hazard(
            DIRTY,
            f"git in the image sees {count} as deleted, as {self._line(number)} hides "
            f"{hidden[0]}: the version that {reader} is marked as dirty",
            step.line,
            tuple(hidden),
            help="send them, or pass the version as a build argument",
            number=number,
        )


class Installed(NamedTuple):
    """A command that installs packages, and the line of its RUN."""

    command: str
    line: int


class Overwritten(NamedTuple):
    """An instruction that copies a directory of the context over installed packages."""

    step: StageStep
    origin: str
    installed: Installed


class HostPackages(Mutable):
    """The installed packages of one build that a COPY overwrites."""

    look: BuildLook

    def all(self) -> Iterator[Overwritten]:
        """Yield what is overwritten and neither installed again nor removed later in its stage."""
        installed = dict[BuiltStage | None, dict[str, Installed]]()
        over = dict[tuple[BuiltStage, str], Overwritten]()
        for stage, step, here, _ in self.look.steps:
            if stage not in installed:
                installed[stage] = {**installed.get(stage.parent, {})}
            own = installed[stage]
            new = dict[str, Installed]()
            if step.is_run:
                new = self._installs(step, here)
                for path in self._removed(step, own):
                    over.pop((stage, path), None)
            elif step.is_copy and step.origin:
                origin = installed.get(stage.origin(step.origin), {})
                for path in step.taken:
                    if path in origin:
                        new[step.destination] = origin[path]
            elif step.is_copy:
                for path, overwritten in self._overwritten(step, here, own):
                    over[stage, path] = overwritten
            for path in new:
                over.pop((stage, path), None)
            own.update(new)
        yield from over.values()

    def _installs(self, step: StageStep, here: Placed) -> dict[str, Installed]:
        """Return the commands of a RUN by the directories that they fill, as absolute paths."""
        filled = {}
        for directory, command in step.located:
            paths = []
            for work in works(command):
                place = work.command.value(*work.tool.elsewhere) or ""
                paths += [join(directory, place, name) for name in _installed_by(work, step)]
            if run_by(command).program == "dotnet" and not command.has("--no-restore"):
                paths += self._restored(here)
            for path in paths:
                filled[normpath(path)] = Installed(in_short(command), step.line)
        return filled

    def _restored(self, here: Placed) -> Iterator[str]:
        """Yield the `obj` beside each project of .NET that COPY has brought by its name."""
        for copy in here.copies:
            for source in copy.sources:
                if source.endswith("proj") and not has_wildcards(source):
                    place = copy.target
                    if place.endswith("proj"):
                        place = dirname(place)
                    yield join(place, "obj")
                elif source.endswith("proj") and any(
                    match(basename(source), name) for name in self.look.files.names(dirname(source))
                ):
                    yield join(copy.target, "obj")

    def _removed(self, step: StageStep, installed: Iterable[str]) -> Iterator[str]:
        """Yield the installed directories that a RUN removes."""
        for command in step.commands:
            if run_by(command).program in _REMOVERS:
                words = re.split(r"[/ ]", " ".join(command.words))
                yield from (path for path in installed if basename(path) in words)

    def _overwritten(
        self, step: StageStep, here: Placed, installed: dict[str, Installed]
    ) -> Iterator[tuple[str, Overwritten]]:
        """Yield the installed directories that a COPY from the context overwrites."""
        after = here.copied(step, self.look.names)
        for copy in after.copies[len(here.copies) :]:
            for path, command in installed.items():
                origin = copy.origin(path, self.look.files)
                if not (origin and self.look.holds_any(origin)):
                    continue
                if basename(path) == "obj" and not self._breaks_restored(origin, step):
                    continue
                yield path, Overwritten(step, origin, command)

    def _breaks_restored(self, origin: str, step: StageStep) -> bool:
        """Return True if the list of packages in an `obj` is used instead of the restored one.

        Only a later command of .NET without a restore of its own does so.
        """
        if not self.look.is_sent(join(origin, "project.assets.json")):
            return False
        return any(
            run.step.line > step.line and run.command.has("--no-restore") for run in self.look.runs
        )


def _installed_by(work: Work, step: StageStep) -> Iterator[str]:
    """Yield the names of the directories that a command of RUN fills where it works."""
    for name in work.tool.directories:
        if not work.makes(_HOST.get(name, "")):
            continue
        if name != ".venv" or _is_in_project(work, step):
            yield name


def _is_in_project(work: Work, step: StageStep) -> bool:
    """Return True if a tool makes its virtual environment beside the manifest."""
    if work.tool.name == "uv":
        is_elsewhere = step.environment.get("UV_PROJECT_ENVIRONMENT")
        return "sync" in work.command.words and not is_elsewhere
    setting = step.environment.get("POETRY_VIRTUALENVS_IN_PROJECT") or ""
    return setting.lower() in ("1", "true")
