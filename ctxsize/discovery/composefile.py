"""A Compose project: its files read, interpolated, included, extended and merged.

As Docker Compose does it, as far as builds are concerned: only `build`,
`platform`, `extends`, `include` and `profiles` are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ctxsize.discovery.interpolation import InterpolationError, Interpolator, read_dotenv
from ctxsize.discovery.yaml import Mapping as YamlMapping
from ctxsize.discovery.yaml import TaggedScalar, Text, YamlError, as_mapping, load, written
from ctxsize.findings import Location

_KEPT = ("build", "platform", "extends", "profiles", "image", "develop")
_PATHS = ("./", "../", "/", "~")
_DEEPEST, _MOST_INCLUDED = 50, 10_000


@dataclass(frozen=True)
class Service:
    """A service with its build as Compose would see it; paths are relative to the root."""

    name: str
    build: Mapping[str, Any] | None
    """Long form, its `context` resolved, its variables replaced."""
    platform: str
    where: Location
    profiles: tuple[str, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    """The values of all variables that the project uses, each with how it is written."""


@dataclass(frozen=True)
class _Scope:
    """Where something stands: its file, and the directory and variables of its project."""

    path: str
    directory: str
    variables: Mapping[str, str]


Reader = Callable[[str], str | None]
"""Gives the text of a file by its path relative to the root; None if it cannot be read."""
Complain = Callable[[str, str, str, int | None], None]


@dataclass
class Loader:
    """Reads Compose projects below one root."""

    read: Reader
    exists: Callable[[str], bool]
    shown: Callable[[str], str]
    complain: Complain
    environment: Mapping[str, str]
    _documents: dict[str, YamlMapping | None] = field(default_factory=dict)
    _included_files: dict[tuple[object, ...], dict[str, Any] | None] = field(default_factory=dict)
    """By their paths and variables; None while they are being read."""
    _resolved_services: dict[tuple[str, str, str, int], Any] = field(default_factory=dict)
    _variables: dict[object, dict[str, str]] = field(default_factory=dict)
    """Equal variables, of which one is used: their identity is part of keys."""
    _interpolator: Interpolator = field(default_factory=Interpolator)

    def services(self, paths: Iterable[str], *, directory: str | None = None) -> dict[str, Service]:
        """Return the services of a project made of `paths`, later files over earlier ones."""
        paths = list(paths)
        directory = os.path.dirname(paths[0]) if directory is None else directory
        variables = self._same(self.variables(directory, None))
        raw = self._project(paths, directory, variables, 0)
        return {name: self._service(name, each) for name, each in raw.items()}

    def variables(self, directory: str, env_files: Iterable[str] | None) -> dict[str, str]:
        """Return the environment on top of what the `.env` files of a project set."""
        found: dict[str, str] = {}
        default = _join(directory, ".env")
        for path in [default] if env_files is None else env_files:
            if self.exists(path) and (text := self.read(path)) is not None:
                found |= read_dotenv(text, self.environment)
        return {**found, **self.environment}

    def _project(
        self, paths: list[str], directory: str, variables: Mapping[str, str], depth: int
    ) -> dict[str, Any]:
        """Return the raw services of some files, with `build.context` made relative to the root."""
        merged: dict[str, Any] = {}
        for path in paths:
            document = self._document(path)
            if document is None:
                continue
            scope = _Scope(path, directory, variables)
            services = self._included(document, scope, depth)
            for name, service in self._own(document, scope).items():
                services[name] = _merge_service(services.get(name), service)
            for name, service in services.items():
                merged[name] = _merge_service(merged.get(name), service)
        return merged

    def _same(self, variables: dict[str, str]) -> dict[str, str]:
        return self._variables.setdefault(frozenset(variables.items()), variables)

    def _document(self, path: str) -> YamlMapping | None:
        if path not in self._documents:
            self._documents[path] = self._loaded(path)
        return self._documents[path]

    def _loaded(self, path: str) -> YamlMapping | None:
        text = self.read(path)
        if text is None:
            return None
        try:
            document = load(text)
        except YamlError as error:
            self.complain("yaml", f"not read: {error.message}", path, error.line)
            return None
        if document is not None and not isinstance(document, YamlMapping):
            self.complain("yaml", "not read: it is no mapping", path, None)
            return None
        return document

    def _included(self, document: YamlMapping, scope: _Scope, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        included = self._interpolated(document.get("include"), scope, document.line)
        for each in included if isinstance(included, list) else []:
            at = (scope.path, document.line_of("include"))
            inner = self._include(each, scope, depth, at)
            if isinstance(inner, str):
                self.complain("include", inner, *at)
            else:
                found |= inner
        return found

    def _is_there(self, path: str, named: object, at: tuple[str, int]) -> bool:
        """Return whether the file is there that is named so at a place in another one."""
        if not (found := self.exists(path)):
            self.complain("include", f"there is no file {written(named)}", *at)
        return found

    def _include(
        self, each: Any, scope: _Scope, depth: int, at: tuple[str, int]
    ) -> dict[str, Any] | str:
        """Return the services of included files, each file once; or why there are none."""
        entry = each if isinstance(each, dict) else {"path": each}
        names = entry.get("path")
        names = names if isinstance(names, list) else [names]
        named = {_join(scope.directory, str(name)): name for name in names if name}
        paths = [
            path
            for path in named
            if not _is_remote(str(named[path])) and self._is_there(path, named[path], at)
        ]
        if not paths:
            return {}
        inner = entry.get("project_directory")
        inner_directory = _join(scope.directory, str(inner)) if inner else os.path.dirname(paths[0])
        env_files = entry.get("env_file")
        listed = env_files if isinstance(env_files, list) or env_files is None else [env_files]
        files = None if listed is None else [_join(scope.directory, str(name)) for name in listed]
        own = self.variables(inner_directory, files)
        inner_variables = self._same({**own, **scope.variables})
        key = (*paths, inner_directory, id(inner_variables))
        if key not in self._included_files:
            if depth >= _DEEPEST:
                return f"includes itself, or files more than {_DEEPEST} deep"
            if len(self._included_files) >= _MOST_INCLUDED:
                return f"includes more than {_MOST_INCLUDED:,} files"
            self._included_files[key] = None
            read = self._project(paths, inner_directory, inner_variables, depth + 1)
            self._included_files[key] = read
        found = self._included_files[key]
        return "includes itself" if found is None else found

    def _own(self, document: YamlMapping, scope: _Scope) -> dict[str, Any]:
        services = document.get("services")
        if not isinstance(services, YamlMapping):
            return {}
        return {name: self._resolved(services, name, scope) for name in services}

    def _resolved(
        self, services: YamlMapping, name: str, scope: _Scope
    ) -> dict[str, Any] | TaggedScalar | None:
        """Return a service of a file, with what it extends: each is looked at once."""
        chain: list[tuple[tuple[str, str, str, int], Any]] = []
        extended: set[tuple[str, str]] = set()
        found: Any = None
        while True:
            key = (scope.path, name, scope.directory, id(scope.variables))
            if key in self._resolved_services:
                found = self._resolved_services[key]
                break
            service = self._alone(services, name, scope)
            chain.append((key, service))
            extends = service.pop("extends", None) if isinstance(service, dict) else None
            at = scope.path, services.line_of(name)
            base = None if extends is None else self._base(extends, name, at, scope)
            if base is None:
                break
            services, name, scope = base
            if (scope.path, name) in extended:
                self.complain("extends", f"{chain[-1][0][1]} extends itself", *at)
                break
            extended.add((scope.path, name))
        for key, service in reversed(chain):
            found = service if found is None else _merge_service(found, service)
            self._resolved_services[key] = found
        return found  # type: ignore[no-any-return]

    def _alone(
        self, services: YamlMapping, name: str, scope: _Scope
    ) -> dict[str, Any] | TaggedScalar | None:
        """Return a service of a file, without what it extends."""
        line = services.line_of(name)
        value = services[name]
        if isinstance(value, TaggedScalar):
            return value
        if not isinstance(value, dict):
            return None
        raw = {key: value[key] for key in _KEPT if key in value}
        service = self._interpolated(raw, scope, line)
        service = service if isinstance(service, dict) else {}
        at = value.line_of("build") if isinstance(value, YamlMapping) else line
        service["where"] = Location(self.shown(scope.path), at)
        if "build" in service:
            build = _long_form(service["build"], scope.directory)
            service["build"] = _with_values(build, scope.variables)
        return service

    def _base(
        self, extends: Any, name: str, at: tuple[str, int], scope: _Scope
    ) -> tuple[YamlMapping, str, _Scope] | None:
        """Return what a service extends: the services of its file, its name, its scope."""
        entry = extends if isinstance(extends, dict) else {"service": extends}
        service = str(entry.get("service") or name)
        path, directory = scope.path, scope.directory
        if entry.get("file"):
            path = _join(directory, str(entry["file"]))
            if path != scope.path and not self._is_there(path, entry["file"], at):
                return None
            directory = os.path.dirname(path)
        document = self._document(path)
        services = None if document is None else document.get("services")
        if not isinstance(services, YamlMapping) or service not in services:
            shown = written(entry.get("service") or name)
            self.complain("extends", f"{name} extends {shown}, which is not there", *at)
            return None
        return services, service, _Scope(path, directory, scope.variables)

    def _interpolated(self, value: Any, scope: _Scope, line: int) -> Any:
        try:
            return self._interpolator.replaced(value, scope.variables)
        except InterpolationError as error:
            self.complain("variable", f"not understood: {error}", scope.path, line)
            return None

    def _service(self, name: str, raw: Any) -> Service:
        service = raw if isinstance(raw, dict) else {}
        build = service.get("build")
        profiles = service.get("profiles")
        return Service(
            name,
            build if isinstance(build, dict) else None,
            str(service.get("platform") or ""),
            service.get("where") or Location(""),
            tuple(map(str, profiles)) if isinstance(profiles, list) else (),
            tuple(self._interpolator.used.items()),
        )


def _long_form(build: Any, directory: str) -> Any:
    """Return a build as a mapping, its local paths relative to the root."""
    if isinstance(build, TaggedScalar):
        return TaggedScalar(build.tag, _long_form(build.value, directory))
    if isinstance(build, str):
        build = {"context": build}
    if not isinstance(build, dict):
        return build
    made = dict(build)
    if isinstance(context := made.get("context"), str):
        made["context"] = resolved(context, directory)
    if "additional_contexts" in made:
        named = as_mapping(made["additional_contexts"]).items()
        pairs = {name: each if isinstance(each, Text) else str(each) for name, each in named}
        made["additional_contexts"] = {
            name: value if value.startswith("service:") else resolved(value, directory)
            for name, value in pairs.items()
        }
    for key in ("args", "labels"):
        if key in made and not isinstance(made[key], TaggedScalar):
            made[key] = as_mapping(made[key])
    made.setdefault("directory", directory)
    return made


def _with_values(build: Any, variables: Mapping[str, str]) -> Any:
    """Return a build whose arguments without a value have that of the variable of their name."""
    if isinstance(build, dict) and isinstance(args := build.get("args"), dict):
        build["args"] = {
            name: variables.get(name) if value is None else value for name, value in args.items()
        }
    return build


def resolved(path: str, directory: str) -> str:
    """Return a local path relative to the root; a remote one as it is."""
    if _is_remote(path):
        return path
    made = Text(_join(directory, os.path.expanduser(path)))
    made.written = _join(directory, written(path))
    return made


def _is_remote(path: str) -> bool:
    return "://" in path or path.startswith(("git@", "github.com/"))


def _join(directory: str, path: str) -> str:
    return os.path.normpath(os.path.join(directory, path))


def _merge_service(base: Any, over: Any) -> Any:
    if isinstance(over, TaggedScalar):
        return over.value if over.tag == "!override" else None
    if not isinstance(base, dict) or not isinstance(over, dict):
        return base if over is None else over
    merged = {**base, **over}
    if "build" in over:
        merged["build"] = _merge(base.get("build"), over["build"])
    elif "build" in base:
        merged["where"] = base.get("where")
    return merged


def _merge(base: Any, over: Any) -> Any:
    """Two values of one key: mappings key by key, else the later one."""
    if isinstance(over, TaggedScalar):
        return over.value if over.tag == "!override" else None
    if isinstance(base, dict) and isinstance(over, dict):
        merged = {**base, **{key: _merge(base.get(key), value) for key, value in over.items()}}
        return {key: value for key, value in merged.items() if not _is_reset(over.get(key))}
    return over


def _is_reset(value: Any) -> bool:
    return isinstance(value, TaggedScalar) and value.tag == "!reset"
