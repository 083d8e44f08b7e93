"""Builds of Bake files: the files that are read together, and the builds of their targets."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from ctxsize.build import Build, inline_of, is_named_reference, is_reference, placed
from ctxsize.hidden import made_of
from ctxsize.reader import holds
from ctxsize.repository import bakefile, compose
from ctxsize.repository.bakefile import BakeFile, Body
from ctxsize.repository.search import Place, Search, by_directory, shortened

WANTED = re.compile(
    r"(?s:.*/)?(?=[\w.\-]*\.(?:hcl|json)\Z)(?:.*[.\-_])?bake(?:[.\-_].+)?\.(?:hcl|json)", re.I
).fullmatch
"""Matches the path of a file with definitions of Bake; the end of the name is looked at once."""
"""The paths of Bake files, by their names."""
_MOST_BYTES = 100_000  # of the largest HCL file: python-hcl2 needs 40 s for a megabyte
_MOST_NAMED = 5
_FILE_RELATIVE = "BUILDX_BAKE_FILE_RELATIVE_PATHS"  # a variable of buildx 0.36 and later
_WORKING = "cwd://"  # begins a path that is relative to the directory where Bake runs
_TRUE = ("1", "t", "T", "TRUE", "true", "True")  # the words of `strconv.ParseBool`
_SAVE = "save the output of `docker buildx bake --print` as bake.json beside this file"


def collect(search: Search, paths: list[str]) -> None:
    """Add the builds of every Bake file."""
    known = {*search.paths}
    for directory, names in by_directory(paths):
        usual = [name for name in bakefile.DEFAULTS if name in names]
        projects: list[tuple[BakeFile, list[str], bool]] = []
        saved: set[str] = set()  # targets and groups in files that `bake --print` may have made
        others = ([name] for name in names if name not in bakefile.DEFAULTS)
        for each in filter(None, (usual, *others)):
            bake = BakeFile(search.environment)
            is_saved = False
            files = [os.path.join(directory, name) for name in each]
            # Bake reads Compose files too if it gets no `-f`; its `defaultFilenames` has the four
            # usual names, and no overrides.
            usual_names = (os.path.join(directory, name) for name in compose.NAMES)
            beside = [path for path in usual_names if each is usual and path in known]
            with search.reading(files[0]):
                # `compose.collect` reports the problems of these files and adds other services.
                reader = compose.ComposeReader(replace(search, problems={}))
                if beside:
                    services = reader.builds(beside)
                else:
                    services = {}
                for service, (where, build, baked) in services.items():
                    name = service.replace(".", "_")
                    bake.targets[name] = _target_of(baked or build, directory)
                    if baked:
                        bake.places |= {name: where}
                    else:
                        bake.places |= {}
            for path in files:
                with search.reading(path):
                    is_saved = _added(bake, search, path)
            if is_saved:
                saved |= {*bake.targets, *bake.groups}
            else:
                saved |= set()
            projects.append((bake, [*beside, *files], is_saved))
        for bake, files, is_saved in projects:
            with search.reading(files[-1]):
                _add_targets(bake, search, files, set() if is_saved else saved)


def _target_of(build: Build, directory: str) -> Body:
    """Return the target that Bake makes of a service in a Compose file in `directory`."""
    args: Body = {**build.build_arguments}

    def local(path: str) -> str:
        return made_of(lambda text: os.path.relpath(text, directory or "."), path)

    contexts: Body = {}
    for name, value in build.build_contexts.items():
        if is_named_reference(value):
            contexts[name] = value
        else:
            contexts[name] = local(value)
    body: Body = {
        "context": build.context if is_reference(build.context) else local(build.context),
        "dockerfile": made_of(os.path.relpath, build.dockerfile or "", build.context),
        "dockerfile-inline": inline_of(build),
        "target": build.target,
        "args": args,
        "contexts": contexts,
        "platforms": [*build.platforms],
    }
    return {key: bakefile.literal(each) for key, each in body.items() if each}


def _added(bake: BakeFile, search: Search, path: str) -> bool:
    """Add a file, and return whether it may be saved output of `bake --print`."""
    is_hcl = path.lower().endswith(".hcl")
    if is_hcl:
        text = search.read(path, _MOST_BYTES)
    else:
        text = search.read(path)
    if text is None:
        return False
    if is_hcl:
        document = bakefile.read_hcl(text)
    else:
        document = bakefile.read_json(text)
    is_usual = is_hcl or os.path.basename(path) in bakefile.DEFAULTS
    if is_printed := not is_usual and document.keys() <= {"group", "target"}:
        document = {key: bakefile.literal(each) for key, each in document.items()}
    bake.add(document, search.shown(path), text)
    return is_printed


def _add_targets(bake: BakeFile, search: Search, files: list[str], known: set[str]) -> None:
    """Add the builds of targets, and report those that need more, except `known` ones."""
    directory = os.path.dirname(files[0])
    builds = bake.builds()
    unknown = [name for name in bake.unknown if name not in known]
    found = [(name, each) for name, each in builds.items() if name not in bake.unknown]
    if unknown:
        found += [(name, each) for name, each in builds.items() if name in unknown]
        names = ", ".join(shortened(unknown, _MOST_NAMED))
        what = f"target{'s' * (len(unknown) > 1)}"
        text = f"ctxsize cannot evaluate the {what} {names}: {_SAVE}"
        search.complain("bake", text, bake.places[unknown[0]])
        # A target without a build may build a Dockerfile whose context ctxsize guesses.
        search.is_open |= not builds.keys() >= {*unknown}
    possible = {name: _placed(search, directory, build) for name, build in found}
    for name, (build, *_) in possible.items():
        search.add(Place("bake", name, bake.places[name]), build)
    if doubtful := [name for name, builds in possible.items() if len(builds) > 1]:
        other = search.shown(possible[doubtful[0]][1].context)
        text = (
            f"ctxsize assumes that Bake runs in {search.shown(directory)}. In {search.shown('')} "
            f"it would build other contexts ({other} for {', '.join(shortened(doubtful, 1))}): "
            f"set {_FILE_RELATIVE}=1 to rule that out"
        )
        search.complain("bake", text, bake.places[doubtful[0]])


def _placed(search: Search, directory: str, build: Build) -> list[Build]:
    """Return what Bake may build, with paths relative to the root, the assumed one first."""
    # Bake runs in the directory of the file, where it finds that without `-f`, or in the root.
    starts = [directory, ""]
    if is_relative := search.environment.get(_FILE_RELATIVE, "").strip() in _TRUE:
        if build.context.startswith(_WORKING):
            starts = starts[::-1]
        else:
            starts = [directory]
    found = {each.context: each for each in (_from(start, build) for start in starts)}
    there = [each for each in found.values() if _is_there(search, each)] or [*found.values()][:1]
    if is_relative or build.dockerfile_inline is not None:
        return there[:1]
    return there


def _from(start: str, build: Build) -> Build:
    """Return a build with its paths, which are relative to `start`, relative to the root."""
    context = made_of(_local, build.context) or "."
    if is_reference(context):
        return build
    context = made_of(os.path.join, start, context)
    file = made_of(os.path.join, context, build.dockerfile or "Dockerfile")
    if build.dockerfile_inline is None:
        file = file
    else:
        file = "-"
    named = {name: made_of(_local, each) for name, each in build.build_contexts.items()}
    return replace(build, context=context, dockerfile=file, build_contexts=placed(named, start))


def _local(path: str) -> str:
    return path.removeprefix(_WORKING)


def _is_there(search: Search, build: Build) -> bool:
    context = search.shown(build.context)
    is_inline = build.dockerfile_inline is not None
    if is_inline:
        dockerfile = context
    else:
        dockerfile = search.shown(build.dockerfile or "")
    return os.path.isdir(context) and os.path.exists(dockerfile) and holds(search.border, context)
