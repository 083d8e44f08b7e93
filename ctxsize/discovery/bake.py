"""Builds of Bake files: which files belong together, and what their targets build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ctxsize.build import Build
from ctxsize.discovery import compose
from ctxsize.discovery.bakefile import (
    BakeError,
    BakeFile,
    Block,
    Value,
    literal,
    printed,
    read_hcl,
    read_json,
)
from ctxsize.discovery.baketargets import BakeTarget, Resolver
from ctxsize.discovery.files import RepositoryFiles, is_reference
from ctxsize.discovery.found import USUAL_PLATFORM, FoundBuild, Haul, Place, concealed, there
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
_NAME = re.compile(r"(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.IGNORECASE)
_HIDDEN = "…"
"""What is printed in place of a value that Docker evaluated: it may be made of a secret."""


def is_wanted(path: str) -> bool:
    """Return whether this is, by its name, a Bake file."""
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


@dataclass
class _Project:
    """Bake files of one directory that are read together."""

    directory: str
    names: list[str]
    is_usual: bool
    """Whether Bake reads them without `-f`, and with them the Compose files beside them."""
    compose: list[str] = field(default_factory=list)
    bake: BakeFile = field(default_factory=BakeFile)
    hidden: tuple[tuple[str, str], ...] = ()
    """The values of variables of Compose files."""
    written: dict[str, str] = field(default_factory=dict)
    """The targets of Compose services as their files have them."""
    is_whole: bool = True
    """Whether all files could be read."""

    @property
    def path(self) -> str:
        """Return the first of the files."""
        return os.path.join(self.directory, self.names[0])


def builds(files: RepositoryFiles, environment: Mapping[str, str]) -> Haul:
    """Return the builds of every Bake file."""
    haul = Haul()
    projects = [*_projects(files)]
    for project in projects:
        with haul.reading(files.shown(project.path)):
            if project.is_usual:
                _add_compose(project, files, environment)
            for name in project.names:
                _add(project, files, os.path.join(project.directory, name), haul)
    for project in projects:
        with haul.reading(files.shown(project.path)):
            haul.builds += _found(project, files, environment, _saved(project, projects), haul)
    return haul


def _projects(files: RepositoryFiles) -> Iterator[_Project]:
    by_directory: dict[str, list[str]] = {}
    for path in filter(is_wanted, files.paths):
        directory, _, name = path.rpartition("/")
        by_directory.setdefault(directory, []).append(name)
    for directory, names in by_directory.items():
        usual = [name for name in _DEFAULTS if name in names]
        if usual:
            yield _Project(directory, usual, is_usual=True)
        for name in names:
            if name not in _DEFAULTS:
                yield _Project(directory, [name], is_usual=False)


def _add_compose(project: _Project, files: RepositoryFiles, environment: Mapping[str, str]) -> None:
    """Make the services of Compose files in the directory targets, as Bake does."""
    paths = [os.path.join(project.directory, name) for name in (*compose.NAMES, *compose.OVERRIDES)]
    present = [path for path in paths if path in files.paths]
    # What is wrong with them is said where they are looked at for themselves.
    services = compose.services_of(files, present, Haul(), environment) if present else {}
    for service in services.values():
        found = None if service.build is None else compose.found_build(files, service, Haul())
        if found is None:
            continue
        build = found.build
        texts = {
            "context": os.path.relpath(build.context, files.shown(project.directory)),
            "dockerfile": os.path.relpath(build.dockerfile or "Dockerfile", build.context),
            "dockerfile-inline": (build.dockerfile_inline or b"").decode(),
            "target": build.target,
        }
        args: dict[str, Value] = {
            name: literal(text) for name, text in build.build_arguments.items()
        }
        platforms: list[Value] = [*map(literal, build.platforms)]
        project.bake.targets[service.name.replace(".", "_")] = {
            **{key: literal(text) for key, text in texts.items() if text},
            "args": args,
            "platforms": platforms,
        }
        project.written[build.target] = build.shown_target
        project.hidden += build.hidden
    project.compose += map(os.path.basename, present)


def _add(project: _Project, files: RepositoryFiles, path: str, haul: Haul) -> None:
    is_hcl = path.lower().endswith(".hcl")
    text = files.read(path, _MOST_BYTES) if is_hcl else files.read(path)
    if text is None:
        project.is_whole = False
        return
    try:
        blocks = read_hcl(text) if is_hcl else read_json(text)
    except BakeError as error:
        haul.complain("bake", f"not read: {error.message}", files.shown(path), error.line)
        project.is_whole = False
        return
    if not is_hcl and not project.is_usual and _is_printed(blocks):
        blocks = printed(blocks)
    project.bake.add(blocks, files.shown(path), text)


def _is_printed(blocks: list[Block]) -> bool:
    """Return whether these may be of `docker buildx bake --print`: nothing is to be filled in."""
    return all(
        kind in ("group", "target") and not {"matrix", "inherits"} & {*body}
        for kind, _, body in blocks
    )


def _saved(project: _Project, projects: list[_Project]) -> set[str]:
    """Return the targets and groups that a file in JSON has which somebody saved for this one."""
    return {
        name
        for each in projects
        if not each.is_usual and each.path.lower().endswith(".json")
        if each is not project and each.directory in (project.directory, "")
        for name in (*each.bake.targets, *each.bake.groups)
    }


def _found(
    project: _Project,
    files: RepositoryFiles,
    environment: Mapping[str, str],
    saved: set[str],
    haul: Haul,
) -> Iterator[FoundBuild]:
    resolver = Resolver(project.bake, environment)
    mask = Build(hidden=resolver.hidden).masked
    lines = project.bake.lines
    targets = [each for each in resolver.targets() if each.declared in lines]
    unknown = {
        name: key for name, key in resolver.unknown.items() if name in lines and name not in saved
    }
    if unknown:
        try:
            asked = _asked(project, files, [*unknown])
            targets = [*(each for each in targets if each.declared not in unknown), *asked]
        except BakeError as error:
            where, line = lines[next(iter(unknown))]
            text = f"not evaluated: {_listed(unknown)}. {error.message}"
            haul.complain("bake", mask(text), where, line)
            # One that is left out may build a Dockerfile whose context is guessed otherwise.
            haul.unresolved |= not {each.declared for each in targets}.issuperset(unknown)
    for target in targets:
        place = Place("bake", mask(target.name), Location(*lines[target.declared]))
        made = _build(files, project, target, place, haul)
        if made is not None:
            hidden = (*made.hidden, *resolver.hidden, *target.hidden)
            yield FoundBuild(concealed(replace(made, hidden=hidden)), (place,))


def _listed(unknown: Mapping[str, str]) -> str:
    shown = [f"{name} ({key})" for name, key in unknown.items()]
    if len(shown) > _MOST_NAMED:
        shown[_MOST_NAMED:] = [f"{len(shown) - _MOST_NAMED} more"]
    return ", ".join(shown)


def _asked(project: _Project, files: RepositoryFiles, names: list[str]) -> list[BakeTarget]:
    """Return what Docker says that targets are. Raises `BakeError` if it does not."""
    if files.printer is None:
        raise BakeError(
            "Run `ctxsize scan --ask-docker`, or save what `docker buildx bake --print` prints "
            "as bake.json beside this file"
        )
    paths = [*project.compose, *project.names]
    # Docker would follow a link that leads out of the repository.
    if not project.is_whole or not all(
        holds(files.border, files.shown(os.path.join(project.directory, path))) for path in paths
    ):
        raise BakeError("Docker is not asked, as a file that belongs to it cannot be read here")
    answer = BakeFile()
    answer.add(files.printer.blocks(files.shown(project.directory), paths, names), "", "")
    told = {each.name: each for each in Resolver(answer, {}).targets()}
    literals = project.bake.literals()
    found = []
    for name in names:
        members = answer.groups.get(name)  # those of a matrix
        for member in members if isinstance(members, list) else [name]:
            if not isinstance(member, str) or member not in told:
                raise BakeError(f"`docker buildx bake --print` says nothing of {name}")
            found.append(_hiding(told[member], name, literals))
    return found


def _hiding(target: BakeTarget, declared: str, literals: set[str]) -> BakeTarget:
    """Return a target that prints no value which does not stand in the file as it is."""
    strange = [each for each in target.platforms if not USUAL_PLATFORM.fullmatch(each)]
    texts = [each for key, each in target.texts.items() if key != "dockerfile-inline"]
    texts += target.contexts.values()
    values = {*strange, *texts, *map(os.path.normpath, texts)} - literals
    return replace(
        target,
        name=declared,
        declared=declared,
        written={key: each if each in literals else _HIDDEN for key, each in target.texts.items()},
        hidden=tuple((each, _HIDDEN) for each in sorted(values)),
    )


def _build(
    files: RepositoryFiles, project: _Project, target: BakeTarget, place: Place, haul: Haul
) -> Build | None:
    """Return the build of a target, None if its context is no directory of this machine."""
    context = target.texts.get("context") or "."
    if is_reference(context):
        return None
    start = _start(files, project.directory, context, target)
    shown = files.shown(os.path.join(start, context))
    if not os.path.isdir(shown):
        where = place.where
        named = files.shown(os.path.join(start, target.written.get("context", ".")))
        text = f"{place.name}: there is no directory {named}"
        haul.complain("no-context", text, where.path, where.line)
        return None
    inline = target.texts.get("dockerfile-inline")
    names = [each.get("dockerfile") or "Dockerfile" for each in (target.texts, target.written)]
    dockerfile = there(*(os.path.join(shown, each) for each in names))
    stage = target.texts.get("target", "")
    return Build(
        shown,
        "-" if inline else os.path.normpath(dockerfile),
        stage,
        target.args,
        files.contexts(target.contexts, start),
        target.platforms,
        dockerfile_inline=inline.encode() if inline else None,
        hidden=project.hidden,
        target_written=(stage, project.written.get(stage, target.written.get("target", ""))),
    )


def _start(files: RepositoryFiles, directory: str, context: str, target: BakeTarget) -> str:
    """Return where Bake is run: beside its file, or at the root if only there it makes sense.

    Bake takes paths as relative to the working directory, wherever its file lies.
    """
    dockerfile = target.texts.get("dockerfile") or "Dockerfile"
    for start in (directory, ""):
        here = os.path.join(files.shown(start), context)
        if start != directory and not holds(files.border, here):
            break
        if os.path.isdir(here) and (
            "dockerfile-inline" in target.texts or os.path.isfile(os.path.join(here, dockerfile))
        ):
            return start
    return directory
