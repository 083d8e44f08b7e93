"""Builds of Compose files: the services of a project.

Files are read, interpolated, included, extended and merged as by Docker Compose. Only the keys
`build` (Bake reads its `x-bake`, too), `platform`, `volumes`, `extends` and `include` are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from os.path import dirname, expanduser, isfile, join

from ctxsize.build import Build, is_reference, joined, with_inline
from ctxsize.dockerfile.words import Variables
from ctxsize.findings import Location
from ctxsize.hidden import Hidden, hidden_as, made_of, shown
from ctxsize.repository import yaml
from ctxsize.repository.found_builds import ComposeMount
from ctxsize.repository.search import NamedTexts, NotReadError, Search
from ctxsize.repository.yaml import Interpolator, Yaml, YamlMapping, listed, mapping_of
from ctxsize.values import Value

_TEXTS = ("context", "dockerfile", "dockerfile_inline", "target")  # refused if no strings
_READ_KEYS = ("build", "platform", "extends")
_SERVICE = "service:"  # begins a context that is what another service builds: nothing is sent
_MOST_JOINED = 100  # number of items of a list to which a later file adds others
_MOST_INCLUDED = 10_000  # number of included files of the largest project


def bake_name(service: str) -> str:
    """Return the name of the target that Bake makes of a service (`sanitizeTargetName`)."""
    return service.replace(".", "_")


class ServiceBuild(Value):
    """The build of a service, and where it stands."""

    where: Location
    build: Build
    baked: Build | None  # what Bake makes of it, if that differs


class _File(Value):
    """A Compose file with the directory and the variables of the project that it is part of."""

    path: str
    directory: str
    variables: Variables
    document: YamlMapping

    @property
    def services(self) -> YamlMapping:
        return mapping_of(self.document.get("services"))

    def placed(self, path: str) -> str:
        """Return a local path relative to the root; a remote one as it is."""
        return _join(self.directory, path)

    def paths_in(self, value: Yaml) -> list[str]:
        """Return the paths in a list, or a single one."""
        return [*map(self.placed, _texts(value))]


class ComposeReader:
    """Reads a Compose project, each file and each service of it once."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._document = cache(self._read_document)  # parsed once for all projects
        self._read: dict[object, YamlMapping | None] = {}  # None while it is being read
        self._included = 0
        self.paths: set[str] = set()  # the files that were read
        self._variables: dict[object, NamedTexts] = {}  # each set once: keys are identities
        self._interpolator = Interpolator()

    def builds(self, paths: list[str]) -> dict[str, ServiceBuild]:
        """Return the builds by service; later files win."""
        directory = dirname(paths[0])
        variables = self._variables_of([join(directory, ".env")], outer=self._search.environment)
        services = self._project(paths, directory, variables)
        builds = {}
        for name, service in services.items():
            mapping = mapping_of(service)
            mounts = mapping_of(mapping.get("volumes"))
            for target, source in mounts.items():
                mount = ComposeMount(_first(source), target, mounts.where)
                self._search.mounts.append(mount)
            build_mapping = mapping_of(mapping.get("build"))
            if not build_mapping:
                continue
            where = build_mapping.where
            wrong = [key for key in _TEXTS if isinstance(build_mapping.get(key), list | dict)]
            if wrong:
                fault = f"{wrong[0]} must be a string"
            else:
                fault = _fault(build_mapping, services)
            if fault:
                self._search.complain("no-context", f"{name}: {fault}", where)
            if wrong:
                continue
            baked = None
            extension = mapping_of(build_mapping.get("x-bake"))
            if "contexts" in extension or "platforms" in extension:
                baked = _build_of(_with_bake_extension(build_mapping, extension, directory))
            build_mapping.setdefault("platforms", mapping.get("platform"))
            builds[name] = ServiceBuild(
                where,
                build=_build_of(build_mapping),
                baked=baked,
            )
        return builds

    def _variables_of(self, paths: Iterable[str], outer: Variables) -> NamedTexts:
        """Return the variables that files set; `outer` ones win over them."""
        search = self._search
        variables = {}
        for path in paths:
            if isfile(search.shown(path)):
                variables.update(yaml.read_dotenv(search.read(path) or "", search.environment))
        variables.update(outer)
        return self._variables.setdefault(frozenset(variables.items()), variables)

    def _once(
        self, key: object, read: Callable[[], YamlMapping], circle: tuple[str, str], where: Location
    ) -> YamlMapping:
        """Return what `read` returns, read once for each key; report a `circle` if it has one."""
        if key not in self._read:
            self._read[key] = None
            self._read[key] = read()
        mapping = self._read[key]
        if mapping is None:
            self._search.complain(*circle, where)
        return mapping or YamlMapping()

    def _project(self, paths: Iterable[str], directory: str, variables: Variables) -> YamlMapping:
        """Return the merged services of files that are read together."""
        services = YamlMapping()
        for path in paths:
            file = _File(path, directory, variables, self._document(path))
            document = file.document
            where = self._where(file, document.line)
            include = self._interpolate(document.get("include"), file, where)
            included = YamlMapping()
            for inclusion in listed(include):
                included |= self._include(inclusion, file)
            written = file.services
            read = {name: self._service(file, name) for name in written}
            services = _merge(_merge(services, included), written.with_pairs(read))
        return services

    def _read_document(self, path: str) -> YamlMapping:
        """Return a file, parsed; an empty one if it cannot be read."""
        self.paths.add(path)
        with self._search.reading(path):
            document = yaml.load(self._search.read(path) or "")
            if not isinstance(document, YamlMapping | None):
                raise NotReadError("yaml", "it is not a mapping")
            return mapping_of(document)
        return YamlMapping()

    def _include(self, inclusion: Yaml, file: _File) -> YamlMapping:
        """Return the services of included files, each set of files once."""
        where = self._where(file, file.document.line_of("include"))
        settings = mapping_of(inclusion)
        named = file.paths_in(settings.get("path", inclusion))
        paths = [path for path in named if self._is_there(path, where)]
        if not paths:
            return YamlMapping()
        directory = dirname(paths[0])
        inner = file.paths_in(settings.get("project_directory"))
        if inner:
            directory = inner[0]
        variable_files = file.paths_in(settings.get("env_file"))
        variables = self._variables_of(
            variable_files or [_join(directory, ".env")], outer=file.variables
        )

        def read() -> YamlMapping:
            self._included += 1
            if self._included > _MOST_INCLUDED:
                self._search.complain(
                    "include",
                    message=f"this file includes more than {_MOST_INCLUDED:,} files",
                    where=where,
                )
                return YamlMapping()
            return self._project(paths, directory, variables)

        key = (tuple(paths), directory, id(variables))
        return self._once(key, read, ("include", "this file includes itself"), where)

    def _service(self, file: _File, name: str) -> YamlMapping:
        """Return a service of a file, merged with those that it extends."""
        where = self._where(file, file.services.line_of(name))
        key = (
            file.path,
            file.directory,
            id(file.variables),
            name,
        )
        circle = ("extends", f"the service {name} extends itself")
        resolve = partial(self._resolve_extends, file, name, where)
        return self._once(key, resolve, circle, where)

    def _resolve_extends(self, file: _File, name: str, where: Location) -> YamlMapping:
        service = self._service_in(file, name, where)
        extends = service.pop("extends", None)
        if not extends:
            return service
        settings = mapping_of(extends)
        base = file
        path = next(iter(file.paths_in(settings.get("file"))), file.path)
        if path != file.path:
            if not self._is_there(path, where):
                return service
            base = _File(
                path=path,
                directory=dirname(path),
                variables=file.variables,
                document=self._document(path),
            )
        base_name = _first(settings.get("service", extends)) or name
        if base_name in base.services:
            return _merge(self._service(base, base_name), service)
        self._search.complain(
            "extends",
            message=f"the service {name} extends {shown(base_name)}, which does not exist",
            where=where,
        )
        return service

    def _service_in(self, file: _File, name: str, where: Location) -> YamlMapping:
        """Return what a file itself says of a service: the keys that are read, interpolated."""
        written = mapping_of(file.services[name])
        read = {key: written[key] for key in _READ_KEYS if key in written}
        service = mapping_of(self._interpolate(written.with_pairs(read), file, where))
        build = service.get("build")
        if build is not None:
            where = self._where(file, written.line_of("build"))
            service["build"] = _long_form(build, file, where)
        where = self._where(file, written.line_of("volumes"))
        with suppress(NotReadError):  # no build needs it
            volumes = self._interpolator.replaced(written.get("volumes"), file.variables)
            service["volumes"] = _mounts(volumes, file, where)
        return service

    def _interpolate(self, value: Yaml, file: _File, where: Location) -> Yaml:
        try:
            return self._interpolator.replaced(value, file.variables)
        except NotReadError as error:
            self._search.complain(
                error.code,
                message=f"a value was skipped: {error}",
                where=where,
                skipped=True,
            )
            return None

    def _is_there(self, path: str, where: Location) -> bool:
        """Return whether a file exists that a line of another file names."""
        if _is_remote(path):
            return False
        exists = isfile(self._search.shown(path))
        if not exists:
            self._search.complain(
                "include",
                message=f"the file {shown(path)} does not exist",
                where=where,
            )
        return exists

    def _where(self, file: _File, line: int) -> Location:
        return Location(self._search.shown(file.path), line)


def _long_form(build: Yaml, file: _File, where: Location) -> Yaml:
    """Return a build as a mapping, its local paths relative to the root, with its location."""
    if isinstance(build, list):
        return None
    mapping = mapping_of(build)
    if isinstance(build, str):
        mapping["context"] = build
    mapping["directory"] = file.directory or "."
    mapping.where = where
    context = mapping.get("context")
    if isinstance(context, str):
        mapping["context"] = file.placed(_at_home(context))
    if "args" in mapping:
        arguments = mapping["args"] = _pairs(mapping["args"])
        for name, text in arguments.items():
            if text is None:  # it has the value of its variable
                arguments[name] = file.variables.get(name)
    if "additional_contexts" in mapping:
        contexts = mapping["additional_contexts"] = _pairs(mapping["additional_contexts"])
        for name, path in contexts.items():
            if path:
                contexts[name] = file.placed(_at_home(_first(path)))
    return mapping


def _mounts(volumes: Yaml, file: _File, where: Location) -> YamlMapping:
    """Return the local paths that a service mounts, by their targets."""
    mounts = YamlMapping()
    mounts.where = where
    for volume in listed(volumes):
        mapping = mapping_of(volume)
        source = _first(mapping.get("source"))
        target = _first(mapping.get("target"))
        is_path = mapping.get("type") == "bind"
        if isinstance(volume, str):
            source, _, rest = volume.partition(":")
            target = hidden_as(volume, rest.partition(":")[0])
            is_path = source.startswith((".", "/", "~"))
        if source and target and is_path:
            mounts[target] = file.placed(_at_home(source))
    return mounts


def _fault(build_mapping: YamlMapping, services: YamlMapping) -> str:
    """Return why Compose refuses a service as a context, as a clause; `""` if it does not."""
    for name, context in _given_pairs(build_mapping.get("additional_contexts")).items():
        service = context.removeprefix(_SERVICE)
        if service == context or mapping_of(services.get(service)).get("build"):
            continue
        if service in services:
            fault = "has no build"
        else:
            fault = "does not exist"
        service = shown(hidden_as(context, service))
        return f"its context {shown(name)} is the service {service}, which {fault}"
    return ""


def _with_bake_extension(
    build_mapping: YamlMapping, extension: YamlMapping, directory: str
) -> YamlMapping:
    """Return a build with its `x-bake`, as `composeExtTarget` of buildx adds it."""
    contexts = _pairs(extension.get("contexts"))
    for name, path in contexts.items():
        contexts[name] = _join(directory, _first(path))
    contexts.update(_pairs(build_mapping.get("additional_contexts")))
    platforms = dict[str, None]()
    for text in _texts([build_mapping.get("platforms"), extension.get("platforms")]):
        for word in text.split():  # one text may have several
            platforms[hidden_as(text, word)] = None
    return build_mapping.with_pairs(
        {
            **build_mapping,
            "platforms": [*platforms],
            "additional_contexts": contexts,
        }
    )


def _build_of(build_mapping: YamlMapping) -> Build:
    """Return a merged build, its paths relative to the root."""
    texts = _given_pairs(build_mapping)
    context = texts.get("context") or texts["directory"]
    contexts = _given_pairs(build_mapping.get("additional_contexts"))
    # Compose builds with Bake, where a service is a target.
    for name, path in contexts.items():
        if path.startswith(_SERVICE):
            contexts[name] = made_of(_target_of, path)
    docker_build = Build(
        context=context,
        dockerfile=made_of(join, context, texts.get("dockerfile") or "Dockerfile"),
        target=texts.get("target", ""),
        build_arguments=_given_pairs(build_mapping.get("args")),
        build_contexts=contexts,
        platforms=_texts(build_mapping.get("platforms")),
    )
    return with_inline(docker_build, texts.get("dockerfile_inline", ""))


def _target_of(service: str) -> str:
    """Return the context that Bake makes of the context `service:NAME`."""
    return f"target:{bake_name(service.removeprefix(_SERVICE))}"


def _pairs(value: Yaml) -> YamlMapping:
    """Return a mapping of texts for a list of `NAME=value` or a mapping; None for no value."""
    pairs = YamlMapping()
    if isinstance(value, YamlMapping):
        pairs.dropped = value.dropped
        for name, text in value.items():
            if isinstance(text, str | None):
                pairs[name] = text
    for pair in listed(value):
        if not isinstance(pair, str):
            continue
        name, equals, text = pair.partition("=")
        if isinstance(pair, Hidden):
            name, text = _hidden_pair(pair)
        pairs[name] = None
        if equals:
            pairs[name] = text
    return pairs


def _given_pairs(value: Yaml) -> NamedTexts:
    """Return the pairs of `_pairs` that have a value."""
    return {name: text for name, text in _pairs(value).items() if isinstance(text, str)}


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
    expanded = expanduser(path)
    if expanded == path:
        return path
    return Hidden(expanded, shown(path))


def _join(directory: str, path: str) -> str:
    """Return a local path relative to the root; a remote one as it is."""
    if _is_remote(path):
        return path
    return made_of(joined, directory, path)


def _is_remote(path: str) -> bool:
    """Return whether Compose leaves a path as it is: any scheme makes it no path of the file."""
    return "://" in path or is_reference(path)


def _merge(base: YamlMapping, over: YamlMapping) -> YamlMapping:
    """Merge two mappings key by key, as `override.Merge` of compose-go does."""
    # A value with a tag in the later file replaces the earlier one (`ResetProcessor`).
    left = {key: node for key, node in base.items() if key not in over.dropped}
    merged = over.with_pairs(left)
    for key, node in over.items():
        below = merged.get(key)
        if node is None:
            merged[key] = below
        elif isinstance(below, YamlMapping) and isinstance(node, YamlMapping):
            merged[key] = _merge(below, node)
        elif isinstance(below, list) and isinstance(node, list) and len(below) < _MOST_JOINED:
            merged[key] = below + node
        else:
            merged[key] = node
    return merged
