"""Builds of Bake files: which files belong together, and what their targets build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ctxsize.build import Build, is_reference, placed
from ctxsize.discovery import compose
from ctxsize.discovery.bakefile import (
    BakeError,
    BakeFile,
    Block,
    Body,
    Value,
    literal,
    printed,
    read_hcl,
    read_json,
)
from ctxsize.discovery.baketargets import BakeTarget, Resolver
from ctxsize.discovery.compose import ComposeReader
from ctxsize.discovery.search import USUAL_PLATFORM, Place, Search
from ctxsize.engine.border import holds
from ctxsize.findings import Location

_DEFAULTS = (
    *("docker-bake.json", "docker-bake.override.json"),
    *("docker-bake.hcl", "docker-bake.override.hcl"),
)
"""The names that Bake looks for, all of which it reads, in this order."""
_MOST_BYTES = 100_000
"""Number of bytes of the largest HCL file: python-hcl2 takes 40 s for a megabyte."""
_MOST_NAMED = 5
WANTED = re.compile(r"(?s:.*/)?(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.I)
"""The paths of Bake files, by their names."""
_HIDDEN = "…"
"""What is printed in place of a value that Docker evaluated: it may be made of a secret."""


@dataclass
class _Project:
    """Bake files of one directory that are read together."""

    directory: str
    names: list[str]
    is_usual: bool
    """Whether Bake reads them without `-f`, and with them the Compose files beside them."""
    beside: list[str] = field(default_factory=list)
    """These Compose files."""
    hidden: tuple[tuple[str, str], ...] = ()
    """The values of the variables in them."""
    bake: BakeFile = field(default_factory=BakeFile)
    is_whole: bool = True
    """Whether all files could be read."""

    def path(self, name: str) -> str:
        """Return the path of one of the files."""
        return os.path.join(self.directory, name)


def collect(search: Search) -> None:
    """Add the builds of every Bake file."""
    projects = [*_projects(search)]
    for project in projects:
        with search.reading(project.path(project.names[0])):
            _read_compose(project, search)
            for name in project.names:
                _read(project, search, project.path(name))
    for project in projects:
        with search.reading(project.path(project.names[0])):
            _add_targets(project, search, _saved(project, projects))


def _projects(search: Search) -> Iterator[_Project]:
    for directory, names in search.by_directory(WANTED):
        usual = [name for name in _DEFAULTS if name in names]
        if usual:
            yield _Project(directory, usual, is_usual=True)
        for name in names:
            if name not in _DEFAULTS:
                yield _Project(directory, [name], is_usual=False)


def _read_compose(project: _Project, search: Search) -> None:
    """Make the services of the Compose files beside it targets, as Bake does."""
    names = (*compose.NAMES, *compose.OVERRIDES) if project.is_usual else ()
    project.beside = [each for each in names if project.path(each) in search.paths]
    if not project.beside:
        return
    # What is wrong with them is said where they are looked at for themselves.
    reader = ComposeReader(replace(search, problems={}))
    for name, build in reader.builds([*map(project.path, project.beside)]).items():
        body = _body(compose.build_of(build), project.directory)
        # A dot is no letter of a target's name (`sanitizeTargetName` of buildx).
        project.bake.targets[name.replace(".", "_")] = body
    project.hidden = reader.hidden


def _body(build: Build, directory: str) -> Body:
    """Return what stands in a target for this build, whose paths are relative to the root."""
    args: Body = {**build.build_arguments}
    body: Body = {"target": build.target, "args": args, "platforms": [*build.platforms]}
    if not is_reference(build.context):
        body["context"] = os.path.relpath(build.context, directory or ".")
    if build.dockerfile_inline is not None:
        body["dockerfile-inline"] = build.dockerfile_inline.decode()
    else:
        body["dockerfile"] = os.path.relpath(build.dockerfile or "", build.context)
    return {key: literal(each) for key, each in body.items() if each}


def _read(project: _Project, search: Search, path: str) -> None:
    is_hcl = path.lower().endswith(".hcl")
    text = search.read(path, _MOST_BYTES) if is_hcl else search.read(path)
    if text is None:
        project.is_whole = False
        return
    try:
        blocks = read_hcl(text) if is_hcl else read_json(text)
    except BakeError as error:
        where = Location(search.shown(path), error.line)
        search.complain("bake", f"not read: {error.message}", where)
        project.is_whole = False
        return
    if not is_hcl and not project.is_usual and _is_printed(blocks):
        blocks = printed(blocks)
    project.bake.add(blocks, search.shown(path), text)


def _is_printed(blocks: list[Block]) -> bool:
    """Return whether these may be of `docker buildx bake --print`: nothing is to be filled in."""
    return all(
        kind in ("group", "target") and not {"matrix", "inherits"} & {*body}
        for kind, _, body in blocks
    )


def _saved(project: _Project, projects: list[_Project]) -> set[str]:
    """Return the targets and groups of a saved `bake --print`, beside the file that it is of."""
    return {
        name
        for each in projects
        if not each.is_usual and each.names[0].lower().endswith(".json")
        if each is not project and each.directory in (project.directory, "")
        for name in (*each.bake.targets, *each.bake.groups)
    }


def _add_targets(project: _Project, search: Search, saved: set[str]) -> None:
    resolver = Resolver(project.bake, search.environment)
    mask = Build(hidden=resolver.hidden).masked
    lines = project.bake.lines
    targets = [each for each in resolver.targets() if each.declared in lines]
    unknown = {
        name: key for name, key in resolver.unknown.items() if name in lines and name not in saved
    }
    if unknown:
        try:
            asked = _asked(project, search, [*unknown])
            targets = [*(each for each in targets if each.declared not in unknown), *asked]
        except BakeError as error:
            text = f"not evaluated: {_listed(unknown)}. {error.message}"
            search.complain("bake", mask(text), Location(*lines[next(iter(unknown))]))
            # One that is left out may build a Dockerfile whose context is guessed otherwise.
            search.is_open |= not {each.declared for each in targets}.issuperset(unknown)
    for target in targets:
        place = Place("bake", mask(target.name), Location(*lines[target.declared]))
        hidden = (*project.hidden, *resolver.hidden, *target.build.hidden)
        search.add(place, replace(_placed(search, project, target.build), hidden=hidden))


def _listed(unknown: Mapping[str, str]) -> str:
    shown = [f"{name} ({key})" for name, key in unknown.items()]
    if len(shown) > _MOST_NAMED:
        shown[_MOST_NAMED:] = [f"{len(shown) - _MOST_NAMED} more"]
    return ", ".join(shown)


def _asked(project: _Project, search: Search, names: list[str]) -> list[BakeTarget]:
    """Return what Docker says that targets are. Raises `BakeError` if it does not."""
    if search.printer is None:
        raise BakeError(
            "Run `ctxsize scan --ask-docker`, or save what `docker buildx bake --print` prints "
            "as bake.json beside this file"
        )
    files = [*project.beside, *project.names]
    # Docker would follow a link that leads out of the repository.
    inside = all(holds(search.border, search.shown(project.path(each))) for each in files)
    if not (project.is_whole and inside):
        raise BakeError("Docker is not asked, as a file that belongs to it cannot be read here")
    answer = BakeFile()
    answer.add(search.printer.blocks(search.shown(project.directory), files, names))
    printed = {each.name: each for each in Resolver(answer, {}).targets()}
    found = []
    for name in names:
        members = answer.groups.get(name)  # those of a matrix
        for member in members if isinstance(members, list) else [name]:
            if not isinstance(member, str) or member not in printed:
                raise BakeError(f"`docker buildx bake --print` says nothing of {name}")
            build = _hiding(printed[member].build, {*_literals(project.bake.targets[name])})
            found.append(BakeTarget(name, name, build))
    return found


def _hiding(build: Build, literals: set[str]) -> Build:
    """Return a build that prints no value which does not stand in its target as it is."""
    texts = {build.context, build.dockerfile or "", build.target, *build.build_contexts.values()}
    strange = {each for each in build.platforms if not USUAL_PLATFORM.fullmatch(each)}
    values = {*texts, *map(os.path.normpath, texts), *strange} - literals
    return replace(build, hidden=tuple((each, _HIDDEN) for each in sorted(values) if each))


def _literals(value: Value) -> Iterator[str]:
    """Yield the texts in a value that may be printed, as they have no variables."""
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _literals(each)
    elif isinstance(value, str) and not re.search(r"[$%]\{", value):
        yield value
        yield os.path.normpath(value)


def _placed(search: Search, project: _Project, build: Build) -> Build:
    """Return a build with its paths from the root.

    Bake takes them as relative to the working directory, wherever its file lies: that is the
    file's own, or the root if only there it makes sense.
    """
    context, inline = build.context or ".", build.dockerfile_inline is not None
    if is_reference(context):
        return build
    dockerfile = os.path.join(context, build.dockerfile or "Dockerfile")
    start = project.directory
    for each in (project.directory, ""):
        here = search.shown(os.path.join(each, context))
        is_there = inline or os.path.isfile(search.shown(os.path.join(each, dockerfile)))
        if os.path.isdir(here) and is_there and holds(search.border, here):
            start = each
            break
    return replace(
        build,
        context=os.path.join(start, context),
        dockerfile="-" if inline else os.path.join(start, dockerfile),
        build_contexts=placed(build.build_contexts, start),
    )
