"""Builds of Compose files: the files of each project, and the builds of its services.

Files are read, interpolated, included, extended and merged as by Docker Compose. Only the keys
`build` (Bake reads its `x-bake`, too), `platform`, `extends` and `include` are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ctxsize.build import Build, is_reference, with_inline
from ctxsize.findings import Location
from ctxsize.hidden import Hidden, hidden_as, made_of, shown
from ctxsize.repository import bakefile, yaml
from ctxsize.repository.search import NotReadError, Place, Search, by_directory
from ctxsize.repository.yaml import Interpolator, Yaml, YamlMapping, listed, mapping_of

# The order of `DefaultFileNames` and `DefaultOverrideFileNames` of compose-go.
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Default names of Compose files, first choice first."""
_ENDS = ("override.yml", "override.yaml")
OVERRIDES = tuple(f"{name}.{end}" for name in ("compose", "docker-compose") for end in _ENDS)
WANTED = re.compile(
    r"(?s:.*/)?(?:(?:docker-)?compose(?:[.\-_][\w.\-]+)?|[\w\-]+[.\-]compose)\.ya?ml", re.I
).fullmatch
"""Matches the path of a file of Compose."""
_TEXTS = ("context", "dockerfile", "dockerfile_inline", "target")  # refused if no strings
_KEPT = ("build", "platform", "extends")
_SERVICE = "service:"  # begins a context that is what another service builds: nothing is sent
_MOST_JOINED = 100  # number of items of a list to which a later file adds others
_MOST_INCLUDED = 10_000  # number of included files of the largest project


def collect(search: Search, paths: list[str]) -> None:
    """Add the builds of every Compose project, whatever its profiles."""
    known = {*search.paths}
    for directory, names in by_directory(paths):
        # `bake.collect` adds the targets that a Bake file makes of these services.
        is_baked = any(os.path.join(directory, name) in known for name in bakefile.DEFAULTS)
        # Read together: the default set, then each other file with the base.
        base = [name for name in NAMES if name in names][:1]
        usual = base + [name for name in OVERRIDES if name in names][:1]
        others = ([*base, name] for name in names if name not in (*NAMES, *OVERRIDES))
        for project in filter(None, (usual, *others)):
            with search.reading(os.path.join(directory, project[0])):
                reader = ComposeReader(search)
                found = reader.builds([os.path.join(directory, name) for name in project])
                for name, (where, build, baked) in found.items():
                    search.add(Place("compose", name, where), build)
                    if baked and not is_baked:
                        search.add(Place("bake", name.replace(".", "_"), where), baked)


class _File(NamedTuple):
    """A Compose file with the directory and the variables of the project that it is part of."""

    path: str
    directory: str
    variables: Mapping[str, str]
    document: YamlMapping

    @property
    def services(self) -> YamlMapping:
        return mapping_of(self.document.get("services"))


class ComposeReader:
    """Reads a Compose project, each file and each service of it once."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._documents: dict[str, YamlMapping] = {}
        self._read: dict[object, YamlMapping | None] = {}  # None while it is being read
        self._included = 0
        self._variables: dict[object, dict[str, str]] = {}  # each set once: keys are identities
        self._interpolator = Interpolator()

    def builds(self, paths: list[str]) -> dict[str, tuple[Location, Build, Build | None]]:
        """Return the builds by service, and what Bake makes of them if other; later files win."""
        directory = os.path.dirname(paths[0])
        variables = self._variables_of([os.path.join(directory, ".env")], {})
        services = self._project(paths, directory, variables)
        found: dict[str, tuple[Location, Build, Build | None]] = {}
        for name, service in services.items():
            if build := mapping_of(mapping_of(service).get("build")):
                path = str(build["path"])
                line = int(str(build["line"]))
                wrong = [key for key in _TEXTS if isinstance(build.get(key), list | dict)]
                if wrong:
                    fault = f"{wrong[0]} must be a string"
                else:
                    fault = _fault(build, services)
                if fault:
                    self._complain("no-context", f"{name}: {fault}", path, line)
                if wrong:
                    continue
                where = Location(self._search.shown(path), line)
                baked = None
                extension = mapping_of(build.get("x-bake"))
                if {"contexts", "platforms"} & extension.keys():
                    baked = _build_of(_extended(build, extension, directory))
                build.setdefault("platforms", mapping_of(service).get("platform"))
                found[name] = where, _build_of(build), baked
        return found

    def _variables_of(self, paths: Iterable[str], outer: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that files set; `outer` and the environment win over them."""
        environment = self._search.environment
        found: dict[str, str] = {}
        for path in paths:
            if os.path.isfile(self._search.shown(path)):
                found |= yaml.read_dotenv(self._search.read(path) or "", environment)
        found = {**found, **environment, **outer}
        return self._variables.setdefault(frozenset(found.items()), found)

    def _once(self, key: object, read: Callable[[], YamlMapping]) -> YamlMapping | None:
        """Return what `read` returns, read once for each key; None if it needs itself."""
        if key not in self._read:
            self._read[key] = None
            self._read[key] = read()
        return self._read[key]

    def _project(
        self, paths: Iterable[str], directory: str, variables: Mapping[str, str]
    ) -> YamlMapping:
        found = YamlMapping()
        for path in paths:
            file = _File(path, directory, variables, self._document(path))
            include = self._interpolated(file.document.get("include"), file, file.document.line)
            included = YamlMapping()
            for each in listed(include):
                entry = each if isinstance(each, dict) else {"path": each}
                included.update(self._include(entry, file))
            own = {name: self._service(file, name) for name in file.services}
            found = _merged(_merged(found, included), file.services.with_pairs(own))
        return found

    def _document(self, path: str) -> YamlMapping:
        """Return a file, parsed once for all projects; an empty one if it cannot be read."""
        if path not in self._documents:
            self._documents[path] = YamlMapping()
            with self._search.reading(path):
                document = yaml.load(self._search.read(path) or "")
                if not isinstance(document, YamlMapping | None):
                    raise NotReadError("yaml", "it is not a mapping")
                self._documents[path] = mapping_of(document)
        return self._documents[path]

    def _include(self, entry: Mapping[str, Yaml], file: _File) -> YamlMapping:
        """Return the services of included files, each set of files once."""
        line = file.document.line_of("include")
        named = [_join(file.directory, each) for each in _texts(entry.get("path"))]
        if not (paths := tuple(each for each in named if self._is_there(each, file, line))):
            return YamlMapping()
        inner = _texts(entry.get("project_directory"))
        if inner:
            directory = _join(file.directory, inner[0])
        else:
            directory = os.path.dirname(paths[0])
        files = [_join(file.directory, each) for each in _texts(entry.get("env_file"))]
        variables = self._variables_of(files or [_join(directory, ".env")], file.variables)

        def read() -> YamlMapping:
            self._included += 1
            if self._included > _MOST_INCLUDED:
                text = f"this file includes more than {_MOST_INCLUDED:,} files"
                self._complain("include", text, file.path, line)
                return YamlMapping()
            return self._project(paths, directory, variables)

        if (found := self._once((paths, directory, id(variables)), read)) is None:
            self._complain("include", "this file includes itself", file.path, line)
        return found or YamlMapping()

    def _service(self, file: _File, name: str) -> YamlMapping:
        """Return a service of a file, merged with those that it extends."""
        key = (*file[:2], id(file.variables), name)
        if (found := self._once(key, lambda: self._extended(file, name))) is None:
            line = file.services.line_of(name)
            self._complain("extends", f"the service {name} extends itself", file.path, line)
        return found or YamlMapping()

    def _extended(self, file: _File, name: str) -> YamlMapping:
        written = mapping_of(file.services[name])
        line = file.services.line_of(name)
        kept = written.with_pairs({key: written[key] for key in _KEPT if key in written})
        service = mapping_of(self._interpolated(kept, file, line))
        if service.get("build") is not None:
            service["build"] = _long_form(service["build"], file, written.line_of("build"))
        if not (extends := service.pop("extends", None)):
            return service
        entry = extends if isinstance(extends, YamlMapping) else {"service": extends}
        base = file
        named = _first(entry.get("service")) or name
        path = _first(entry.get("file"))
        path = path and _join(file.directory, path)
        if path not in ("", file.path):
            if not self._is_there(path, file, line):
                return service
            base = _File(path, os.path.dirname(path), file.variables, self._document(path))
        if named in base.services:
            return _merged(self._service(base, named), service)
        text = f"the service {name} extends {shown(named)}, which does not exist"
        self._complain("extends", text, file.path, line)
        return service

    def _interpolated(self, value: Yaml, file: _File, line: int) -> Yaml:
        try:
            return self._interpolator.replaced(value, file.variables)
        except NotReadError as error:
            where = Location(self._search.shown(file.path), line)
            text = f"a value was skipped: {error}"
            self._search.complain(error.code, text, where, skipped=True)
            return None

    def _is_there(self, path: str, file: _File, line: int) -> bool:
        """Return whether a file exists that a line of another file names."""
        if _is_kept(path):
            return False
        if not (found := os.path.isfile(self._search.shown(path))):
            self._complain("include", f"the file {shown(path)} does not exist", file.path, line)
        return found

    def _complain(self, code: str, message: str, path: str, line: int | None) -> None:
        self._search.complain(code, message, Location(self._search.shown(path), line))


def _long_form(build: Yaml, file: _File, line: int) -> Yaml:
    """Return a build as a mapping, its local paths relative to the root, with its location."""
    if isinstance(build, list):
        return None
    made = mapping_of(build)
    if isinstance(build, str):
        made["context"] = build
    made |= {"directory": file.directory or ".", "path": file.path, "line": str(line)}
    if isinstance(context := made.get("context"), str):
        made["context"] = _join(file.directory, _at_home(context))
    for key in {"args", "additional_contexts"} & made.keys():
        named = made[key] = _pairs(made[key])
        for name, value in named.items():
            if key == "args":  # one without a value has that of its variable
                if value is None:
                    named[name] = file.variables.get(name)
                else:
                    named[name] = value
            elif value:
                named[name] = _join(file.directory, _at_home(_first(value)))
    return made


def _fault(build: YamlMapping, services: YamlMapping) -> str:
    """Return why Compose refuses a service as a context, as a clause; `""` if it does not."""
    for name, value in _pairs(build.get("additional_contexts")).items():
        context = _first(value)
        service = context.removeprefix(_SERVICE)
        if service != context and not mapping_of(services.get(service)).get("build"):
            if service in services:
                fault = "has no build"
            else:
                fault = "does not exist"
            service = shown(hidden_as(context, service))
            return f"its context {shown(name)} is the service {service}, which {fault}"
    return ""


def _extended(build: YamlMapping, extension: YamlMapping, directory: str) -> YamlMapping:
    """Return a build with its `x-bake`, as `composeExtTarget` of buildx adds it."""
    contexts = _pairs(extension.get("contexts"))
    for name, path in contexts.items():
        contexts[name] = _join(directory, _first(path))
    contexts.update(_pairs(build.get("additional_contexts")))
    platforms = dict[str, None]()
    for text in _texts(build.get("platforms")) + _texts(extension.get("platforms")):
        # They may be in one text.
        platforms.update(dict.fromkeys(hidden_as(text, word) for word in text.split()))
    words: list[Yaml] = [*platforms]
    return build.with_pairs({**build, "platforms": words, "additional_contexts": contexts})


def _build_of(build: YamlMapping) -> Build:
    """Return a merged build, its paths relative to the root."""
    texts = {key: each for key, each in build.items() if isinstance(each, str)}
    context = texts.get("context") or texts["directory"]
    dockerfile = made_of(os.path.join, context, texts.get("dockerfile") or "Dockerfile")
    inline = texts.get("dockerfile_inline", "")
    args, contexts = (
        {name: each for name, each in _pairs(build.get(key)).items() if isinstance(each, str)}
        for key in ("args", "additional_contexts")
    )
    # Compose builds with Bake, where a service is a target (`sanitizeTargetName` of buildx).
    for name, each in contexts.items():
        if each.startswith(_SERVICE):
            contexts[name] = made_of(_target_of, each)
    if inline:
        file = "-"
    else:
        file = dockerfile
    target = texts.get("target", "")
    named = (context, file, target, args, contexts, tuple(_texts(build.get("platforms"))))
    return with_inline(Build(*named), inline)


def _target_of(service: str) -> str:
    """Return the context that Bake makes of the context `service:NAME`."""
    return f"target:{service.removeprefix(_SERVICE).replace('.', '_')}"


def _pairs(value: Yaml) -> YamlMapping:
    """Return a mapping of texts for a list of `NAME=value` or a mapping; None for no value."""
    found = YamlMapping()
    if isinstance(value, YamlMapping):
        found.dropped = value.dropped
        found.update((name, each) for name, each in value.items() if isinstance(each, str | None))
    for each in listed(value):
        if isinstance(each, str):
            name, given, text = each.partition("=")
            if isinstance(each, Hidden):
                name, text = _hidden_pair(each)
            if given:
                found[name] = text
            else:
                found[name] = None
    return found


def _hidden_pair(pair: Hidden) -> tuple[str, str]:
    """Return the name and the value of `NAME=value`; the name is hidden only if it has a value."""
    name, _, text = pair.partition("=")
    name_written, equals, text_written = pair.written.partition("=")
    if not equals:
        text_written = pair.written
    if name != name_written:
        name = Hidden(name, name_written)
    return name, Hidden(text, text_written)


def _texts(value: Yaml) -> list[str]:
    """Return the texts in a list, or a single text as a list."""
    return [*filter(None, yaml.texts_in(value))]


def _first(value: Yaml) -> str:
    """Return the first text in a list, or a single text; `""` without one."""
    return next(iter(_texts(value)), "")


def _at_home(path: str) -> str:
    """Return a path with the home directory in place of `~`, which is printed."""
    expanded = os.path.expanduser(path)
    if expanded == path:
        return path
    return Hidden(expanded, shown(path))


def _join(directory: str, path: str) -> str:
    """Return a local path relative to the root; a remote one as it is."""
    if _is_kept(path):
        return path
    return made_of(lambda *parts: os.path.normpath(os.path.join(*parts)), directory, path)


def _is_kept(path: str) -> bool:
    """Return whether Compose leaves a path as it is: any scheme makes it no path of the file."""
    return "://" in path or is_reference(path)


def _merged(base: YamlMapping, over: YamlMapping) -> YamlMapping:
    """Merge two mappings key by key, as `override.Merge` of compose-go does."""
    # A value with a tag in the later file replaces the earlier one (`ResetProcessor`).
    found = over.with_pairs({key: each for key, each in base.items() if key not in over.dropped})
    for key, each in over.items():
        below = found.get(key)
        if isinstance(below, YamlMapping) and isinstance(each, YamlMapping):
            each = _merged(below, each)
        elif isinstance(below, list) and isinstance(each, list) and len(below) < _MOST_JOINED:
            each = below + each
        if each is None:
            found[key] = below
        else:
            found[key] = each
    return found
