"""Builds of Compose files: the files of each project, and the builds of its services.

Files are read, interpolated, included, extended and merged as by Docker Compose. Only the keys
`build`, `platform`, `extends` and `include` are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ctxsize.build import Build, is_reference
from ctxsize.discovery.search import Place, Search
from ctxsize.discovery.yaml import (
    InterpolationError,
    Interpolator,
    Yaml,
    YamlError,
    YamlMapping,
    load,
    mapping_of,
    read_dotenv,
)
from ctxsize.findings import Location

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Default names of Compose files, first choice first."""
OVERRIDES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)
WANTED = re.compile(
    r"(?s:.*/)?(?:(?:docker-)?compose(?:[.\-_][\w.\-]+)?|[\w\-]+[.\-]compose)\.ya?ml", re.I
)
_TEXTS = ("context", "dockerfile", "dockerfile_inline", "target")
"""Keys of a build that Compose refuses with a list or a mapping."""
_KEPT = ("build", "platform", "extends")
_DEEPEST, _MOST_INCLUDED = 50, 10_000


def collect(search: Search) -> None:
    """Add the builds of every Compose project, whatever its profiles."""
    for directory, names in search.by_directory(WANTED):
        for project in _projects(names):
            paths = [os.path.join(directory, name) for name in project]
            with search.reading(paths[0]):
                reader = ComposeReader(search)
                for name, build in reader.builds(paths).items():
                    where = build.origin or Location("")
                    wrong = [key for key in _TEXTS if isinstance(build.get(key), list | dict)]
                    if wrong:
                        search.complain("no-context", f"{name}: {wrong[0]} must be a text", where)
                        continue
                    found = replace(build_of(build), hidden=reader.hidden)
                    search.add(Place("compose", name, where), found)


def _projects(names: list[str]) -> Iterator[list[str]]:
    """Yield the sets of files that are read together: the default set, then one per other file.

    A file such as `compose.prod.yaml` is read on top of the base file, as Compose does with
    `-f base -f it`.
    """
    base = next((name for name in NAMES if name in names), None)
    override = next((name for name in OVERRIDES if name in names), None)
    if usual := [name for name in (base, override) if name]:
        yield usual
    for name in names:
        if name not in (*NAMES, *OVERRIDES):
            yield [base, name] if base else [name]


def build_of(build: YamlMapping) -> Build:
    """Return a build of a service, its paths relative to the root."""
    texts = {key: each for key, each in build.items() if isinstance(each, str)}
    context = texts.get("context") or texts["directory"]
    dockerfile = os.path.join(context, texts.get("dockerfile") or "Dockerfile")
    inline = texts.get("dockerfile_inline")
    args, contexts = (
        {name: each for name, each in pairs(build.get(key)).items() if isinstance(each, str)}
        for key in ("args", "additional_contexts")
    )
    return Build(
        context,
        "-" if inline else dockerfile,
        texts.get("target", ""),
        args,
        contexts,
        tuple(each for each in build.get("platforms") or () if isinstance(each, str)),
        dockerfile_inline=inline.encode("utf-8", "replace") if inline else None,
    )


@dataclass(eq=False)
class _File:
    """A Compose file with the directory and the variables of the project that it is part of."""

    path: str
    directory: str
    variables: Mapping[str, str]
    document: YamlMapping
    services: YamlMapping
    resolved: dict[str, Yaml] = field(default_factory=dict)
    """The services resolved so far: merged with those that they extend."""


class ComposeReader:
    """Reads a Compose project, each file and each service of it once."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._documents: dict[str, YamlMapping | None] = {}
        self._files: dict[tuple[str, str, int], _File] = {}
        """Files by path, directory and identity of their variables: equal ones are one object."""
        self._included_files: dict[object, YamlMapping | None] = {}
        """Services by paths, directory and variables; None while they are being read."""
        self._variables: dict[object, dict[str, str]] = {}
        self._interpolator = Interpolator()

    @property
    def hidden(self) -> tuple[tuple[str, str], ...]:
        """Return the values of all variables that were used, each with its name in braces."""
        return tuple(self._interpolator.used.items())

    def builds(self, paths: list[str]) -> dict[str, YamlMapping]:
        """Return the builds by service; later files win. Paths are relative to the root."""
        directory = os.path.dirname(paths[0])
        variables = self._variables_of([os.path.join(directory, ".env")], {})
        found: dict[str, YamlMapping] = {}
        for name, service in self._project(paths, directory, variables, 0).items():
            if isinstance(build := mapping_of(service).get("build"), YamlMapping):
                found[name] = build
                if platform := mapping_of(service).get("platform"):
                    build.setdefault("platforms", [platform])
        return found

    def _variables_of(self, paths: Iterable[str], outer: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that files set; `outer` and the environment win over them."""
        environment = self._search.environment
        found: dict[str, str] = {}
        for path in paths:
            if os.path.isfile(self._search.shown(path)):
                found |= read_dotenv(self._search.read(path) or "", environment)
        found = {**found, **environment, **outer}
        return self._variables.setdefault(frozenset(found.items()), found)

    def _project(
        self, paths: list[str], directory: str, variables: Mapping[str, str], depth: int
    ) -> YamlMapping:
        found: Yaml = YamlMapping()
        for path in paths:
            if (file := self._file(path, directory, variables)) is not None:
                found = _merged(found, self._included(file, depth))
                own = {name: self._resolved(file, name) for name in file.services}
                found = _merged(found, file.services.with_pairs(own))
        return mapping_of(found)

    def _file(self, path: str, directory: str, variables: Mapping[str, str]) -> _File | None:
        """Return a file, None if it cannot be read; it is parsed once for all projects."""
        if path not in self._documents:
            text, document = self._search.read(path), None
            try:
                document = None if text is None else load(text)
                if not isinstance(document, YamlMapping | None):
                    raise YamlError("it is not a mapping")
            except YamlError as error:
                self._complain("yaml", f"not read: {error.message}", path, error.line)
            self._documents[path] = document if isinstance(document, YamlMapping) else None
        if (document := self._documents[path]) is None:
            return None
        services = mapping_of(document.get("services"))
        made = _File(path, directory, variables, document, services)
        return self._files.setdefault((path, directory, id(variables)), made)

    def _included(self, file: _File, depth: int) -> YamlMapping:
        found = YamlMapping()
        included = self._interpolated(file.document.get("include"), file, file.document.line)
        for each in included if isinstance(included, list) else ():
            entry = each if isinstance(each, YamlMapping) else {"path": each}
            found.update(self._include(entry, file, depth) or {})
        return found

    def _include(self, entry: Mapping[str, Yaml], file: _File, depth: int) -> YamlMapping | None:
        """Return the services of included files, each file once."""
        line = file.document.line_of("include")
        named = [_join(file.directory, each) for each in _texts(entry.get("path"))]
        paths = [each for each in named if self._is_there(each, file, line)]
        if not paths:
            return None
        inner = _texts(entry.get("project_directory"))
        directory = _join(file.directory, inner[0]) if inner else os.path.dirname(paths[0])
        listed = [_join(file.directory, each) for each in _texts(entry.get("env_file"))]
        variables = self._variables_of(listed or [_join(directory, ".env")], file.variables)
        key = (*paths, directory, id(variables))
        if key not in self._included_files:
            if depth >= _DEEPEST or len(self._included_files) >= _MOST_INCLUDED:
                text = f"includes files more than {_DEEPEST} deep, or more than {_MOST_INCLUDED:,}"
                self._complain("include", text, file.path, line)
                return None
            self._included_files[key] = None
            self._included_files[key] = self._project(paths, directory, variables, depth + 1)
        elif self._included_files[key] is None:
            self._complain("include", "includes itself", file.path, line)
        return self._included_files[key]

    def _resolved(self, file: _File, name: str) -> Yaml:
        """Return a service of a file, merged with those that it extends; resolve each once."""
        chain: dict[tuple[_File, str], Yaml] = {}
        at = file, name
        while at[1] not in at[0].resolved and at not in chain:
            service = chain[at] = self._alone(*at)
            extends = service.pop("extends", None) if isinstance(service, YamlMapping) else None
            base = extends and self._base(extends, *at)
            if not base:
                break
            at = base
            if at in chain:
                line = at[0].services.line_of(at[1])
                self._complain("extends", f"{at[1]} extends itself", at[0].path, line)
        found = at[0].resolved.get(at[1])
        for each, service in reversed(chain.items()):
            found = each[0].resolved[each[1]] = _merged(found, service)
        return found

    def _alone(self, file: _File, name: str) -> Yaml:
        written = file.services[name]
        if not isinstance(written, YamlMapping):
            return None
        kept = written.with_pairs({key: written[key] for key in _KEPT if key in written})
        service = self._interpolated(kept, file, file.services.line_of(name))
        if isinstance(service, YamlMapping) and service.get("build") is not None:
            where = Location(self._search.shown(file.path), written.line_of("build"))
            service["build"] = _long_form(service["build"], file, where)
        return service

    def _base(self, extends: Yaml, file: _File, name: str) -> tuple[_File, str] | None:
        """Return file and name of the service that another one extends."""
        line = file.services.line_of(name)
        entry = extends if isinstance(extends, YamlMapping) else {"service": extends}
        service = "".join(_texts(entry.get("service"))[:1]) or name
        found: _File | None = file
        for named in _texts(entry.get("file"))[:1]:
            path = _join(file.directory, named)
            if path != file.path and not self._is_there(path, file, line):
                return None
            found = self._file(path, os.path.dirname(path), file.variables)
        if found is None or service not in found.services:
            text = f"{name} extends {service}, which is not there"
            self._complain("extends", text, file.path, line)
            return None
        return found, service

    def _interpolated(self, value: Yaml, file: _File, line: int) -> Yaml:
        try:
            return self._interpolator.replaced(value, file.variables)
        except InterpolationError as error:
            self._complain("variable", f"not understood: {error}", file.path, line)
            return None

    def _is_there(self, path: str, file: _File, line: int) -> bool:
        """Return whether a file exists that a line of another file names."""
        if is_reference(path):
            return False
        if not (found := os.path.isfile(self._search.shown(path))):
            self._complain("include", f"there is no file {path}", file.path, line)
        return found

    def _complain(self, code: str, message: str, path: str, line: int | None) -> None:
        text = Build(hidden=self.hidden).masked(message)  # without the values of variables
        self._search.complain(code, text, Location(self._search.shown(path), line))


def _long_form(build: Yaml, file: _File, where: Location) -> Yaml:
    """Return a build as a mapping, its local paths relative to the root."""
    if isinstance(build, list):
        return None
    made = mapping_of(build)
    if isinstance(build, str):
        made["context"] = build
    made.origin = where
    made["directory"] = file.directory or "."
    if isinstance(context := made.get("context"), str):
        made["context"] = _join(file.directory, os.path.expanduser(context))
    if "additional_contexts" in made:
        named = made["additional_contexts"] = pairs(made["additional_contexts"])
        for name, value in named.items():
            named[name] = value and _join(file.directory, os.path.expanduser(str(value)))
    if "args" in made:
        args = made["args"] = pairs(made["args"])
        for name, value in args.items():  # one without a value has that of its variable
            args[name] = file.variables.get(name) if value is None else value
    return made


def pairs(value: Yaml) -> YamlMapping:
    """Return a mapping for a list of `NAME=value` or a mapping; None for a missing value.

    Lists and mappings in it are left out: Compose allows none there.
    """
    found = YamlMapping()
    if isinstance(value, YamlMapping):
        found.dropped = value.dropped
        found.update((name, each) for name, each in value.items() if isinstance(each, str | None))
    for each in value if isinstance(value, list) else ():
        if isinstance(each, str):
            name, given, text = each.partition("=")
            found[name] = text if given else None
    return found


def _texts(value: Yaml) -> list[str]:
    """Return the texts in a list, or a single text as a list."""
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, str) and each]


def _join(directory: str, path: str) -> str:
    """Return a local path relative to the root; a remote one as it is."""
    return path if is_reference(path) else os.path.normpath(os.path.join(directory, path))


def _merged(base: Yaml, over: Yaml, depth: int = 0) -> Yaml:
    """Merge two values of a key, as `override.Merge` of compose-go does.

    Mappings are merged key by key, down to the arguments of the build of a service; None changes
    nothing. A value with a tag in the later file (`!reset`, `!override`) replaces the earlier one
    (`ResetProcessor`).
    """
    if over is None:
        return base
    if not isinstance(base, YamlMapping) or not isinstance(over, YamlMapping) or depth > 3:
        return over
    kept = {key: each for key, each in base.items() if key not in over.dropped}
    found = over.with_pairs(kept)
    found.origin = over.origin or base.origin
    for key, each in over.items():
        found[key] = _merged(found.get(key), each, depth + 1)
    return found
