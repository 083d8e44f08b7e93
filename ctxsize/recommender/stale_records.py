"""Find records of TypeScript whose output is not sent, so that tsc compiles nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from posixpath import dirname, join, normpath
from typing import Any, NamedTuple

from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.knowledge.tools import run_by
from ctxsize.recommender.placed import BuildLook, RunCommand
from ctxsize.syntax import Command
from ctxsize.values import Mutable

RECORD_END = ".tsbuildinfo"
_OUTPUT = r'"(?:outDir|declarationDir)":[ ]?"([^"\\]+)"'
_LEFT_TO_WRITE = '"affectedFilesPendingEmit"'
_NO_OUTPUT = r'"noEmit"\s*:\s*true'
_COMPILES = r"\btsc\b(?!(?:(?!\btsc\b)[^&|;])*--noEmit\b)"
_COMPILER = r"(vue-)?tsc"
_OF_ALL_PACKAGES = (
    r"\b(?:turbo|nx|lerna|wsrun|ultra|rush|moon|wireit)\b|--(?:workspaces|recursive|filter)\b"
    r"|[ ]-(?:ws|r|F)\b|\bworkspaces? (?:foreach|run)\b"
)
_PACKAGES = r"(?m)^packages:[ \t]*\n((?:[ \t]*(?:-[^\n]*|#[^\n]*)?\n)+)"
_ITEM = r"""(?m)^[ \t]*-[ \t]*["']?([^"'\s#]+)"""
_REFERENCE = r'"path"\s*:\s*"([^"\\]+)"'
_CALLED = r"\b(?:npm run|yarn(?: run)?|pnpm(?: run)?|bun run|run-[sp]) ([\w:.-]+)"
_MOST_PACKAGES = 200
_MOST_NESTED = 5  # scripts of a package that call each other


class StaleRecord(NamedTuple):
    """A record that is sent, a directory that it describes and that is not, and who reads it."""

    path: str
    output: str
    reader: RunCommand


class StaleRecords(Mutable):
    """The records of one build that make its compiler skip files."""

    look: BuildLook

    def all(self) -> Iterator[StaleRecord]:
        """Yield each record once, at the first command that reads it."""
        seen = set()
        for run in self.look.runs:
            for place in self._compiled(run):
                for record in self._records(place):
                    output = self._unsent_output(record)
                    if output is not None and record not in seen:
                        seen.add(record)
                        yield StaleRecord(record, output, run)

    def _compiled(self, of: RunCommand) -> Iterator[str]:
        """Yield the directories of the context whose TypeScript a command compiles."""
        place = of.here.origin(of.directory)
        if place is None:
            return
        run = run_by(of.command)
        if re.fullmatch(_COMPILER, run.program):
            if not run.has("--noEmit"):
                yield place
                yield from self._referenced(place)
            return
        script = self._script(place, run)
        if re.search(_COMPILES, script):
            yield place
            yield from self._referenced(place)
        if re.search(_OF_ALL_PACKAGES, " ".join([script, *run.words])):
            for package in islice(self._packages(place), _MOST_PACKAGES):
                scripts = self._package(package).get("scripts")
                if isinstance(scripts, dict) and re.search(
                    _COMPILES, "\n".join(map(str, scripts.values()))
                ):
                    yield package

    def _referenced(self, place: str) -> Iterator[str]:
        """Yield the directories of the projects to which a `tsconfig.json` refers."""
        text = self.look.text(join(place, "tsconfig.json"))
        references = text.partition('"references"')[2]
        for path in re.findall(_REFERENCE, references)[:_MOST_PACKAGES]:
            directory = normpath(join(place, path))
            yield dirname(directory) if directory.endswith(".json") else directory

    def _script(self, place: str, run: Command) -> str:
        """Return the scripts of a package that a command runs, those that they call included."""
        if run.program not in ("npm", "yarn", "pnpm", "bun"):
            return " ".join(run.words)
        scripts = self._package(place).get("scripts")
        if not isinstance(scripts, dict):
            return ""
        texts = []
        pending = [word for word in run.operands if word not in ("run", "run-script")][:1]
        for _ in range(_MOST_NESTED):
            called = []
            for name in pending:
                for key in (f"pre{name}", name, f"post{name}"):
                    text = str(scripts.get(key, ""))
                    texts.append(text)
                    called += re.findall(
                        r"\b(?:npm run|yarn(?: run)?|pnpm(?: run)?|bun run|run-[sp]) ([\w:.-]+)",
                        text,
                    )
            pending = called
        return "\n".join(texts)

    def _package(self, place: str) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            package = json.loads(self.look.text(join(place, "package.json")))
            if isinstance(package, dict):
                return package
        return {}

    def _packages(self, place: str) -> Iterator[str]:
        """Yield the directories of the packages of a workspace."""
        globs = self._package(place).get("workspaces", [])
        if isinstance(globs, dict):
            globs = globs.get("packages", [])
        texts = [text for text in globs if isinstance(text, str)]
        for items in re.findall(_PACKAGES, self.look.text(join(place, "pnpm-workspace.yaml"))):
            texts += re.findall(_ITEM, items)
        for text in texts:
            yield from self._matching(place, normpath(text).split("/"))

    def _matching(self, directory: str, parts: Sequence[str]) -> Iterator[str]:
        if not parts:
            yield directory
            return
        if not has_wildcards(parts[0]):
            yield from self._matching(join(directory, parts[0]), parts[1:])
            return
        for name in self.look.files.names(directory):
            path = join(directory, name)
            if match(parts[0].replace("**", "*"), name) and self.look.files.is_directory(path):
                yield from self._matching(path, parts[1:])

    def _records(self, place: str) -> Iterator[str]:
        for name in self.look.files.names(place):
            path = join(place, name)
            if (
                name.endswith(RECORD_END)
                and self.look.files.is_file(path)
                and self.look.is_sent(path)
            ):
                yield path

    def _unsent_output(self, record: str) -> str | None:
        """Return the directory of the output that a record describes; None if it is sent."""
        text = self.look.text(record)
        if _LEFT_TO_WRITE in text:
            return None
        if re.search(_NO_OUTPUT, self.look.text(join(dirname(record), "tsconfig.json"))):
            return None
        outputs = [normpath(join(dirname(record), path)) for path in re.findall(_OUTPUT, text)]
        if not outputs or any(map(self.look.holds_any, outputs)):
            return None
        return outputs[0]
