"""What can be installed before the sources are copied: from which files, by which command.

A small function for each package manager. None where the install needs the
sources: scripts of the project, dependencies in other directories of it.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ctxsize.advice.contents import Contents
from ctxsize.advice.fetches import Fetch

_MOST_FILES = 40


@dataclass(frozen=True)
class Early:
    """An install that needs but a few files."""

    files: tuple[str, ...]
    """Relative to the directory in which it runs; directories end with a slash."""
    command: str = ""
    """What fetches instead of the install, which stays where it is; `""` for the install itself."""
    options: str = ""
    """What the install is given more than now."""
    stays: bool = False
    """Whether the install as it is now has to come after the copy too."""


_Finder = Callable[[Contents, Fetch], "Early | None"]


def early_install(contents: Contents, fetch: Fetch) -> Early | None:
    """Return how the dependencies of `fetch` can be installed early, None if they cannot."""
    find = _FINDERS.get(fetch.manager.name)
    found = None if find is None else find(contents, fetch)
    if found is None or not 0 < len(found.files) <= _MOST_FILES:
        return None
    return None if any(_overwritten(contents, fetch, found)) else found


def _overwritten(contents: Contents, fetch: Fetch, found: Early) -> Iterator[bool]:
    """Yield whether the context holds what the install makes: copied later, it would win."""
    for made in _MADE.get(fetch.manager.name, ()):
        for directory in {posixpath.dirname(name.rstrip("/")) for name in found.files} | {""}:
            yield contents.has_directory(posixpath.join(directory, made))
    yield from (contents.has(f"{name}/pyvenv.cfg") for name in _ENVIRONMENTS)


_LIFECYCLE = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare")


def _node(*locks: str) -> _Finder:
    """Npm and its like: manifests of all workspaces, lock and configuration."""

    def find(contents: Contents, fetch: Fetch) -> Early | None:
        manifest = _json(contents.text("package.json"))
        runs = not fetch.command.has("--ignore-scripts", "--mode=skip-build")
        scripts = set(_object(manifest.get("scripts"))) if runs else set()
        kinds = ("dependencies", "devDependencies", "optionalDependencies")
        versions = [str(v) for kind in kinds for v in _object(manifest.get(kind)).values()]
        local = any(v.startswith(("file:", "link:", "portal:", ".", "/")) for v in versions)
        if scripts & set(_LIFECYCLE) or local:
            return None
        files = contents.those("package.json", *locks, ".npmrc")
        return Early((*files, *_members(contents, manifest)))

    return find


def _members(contents: Contents, manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the manifests of the workspaces of a project."""
    listed = manifest.get("workspaces")
    listed = listed.get("packages") if isinstance(listed, dict) else listed
    patterns = [str(each) for each in listed] if isinstance(listed, list) else []
    text = contents.text("pnpm-workspace.yaml")
    patterns += re.findall(r"^\s*-\s*[\"']?([^\"'#\s]+)", text, re.M)
    flow = re.search(r"^packages:\s*\[([^\]]*)\]", text, re.M)
    patterns += re.findall(r"[^\s,\"']+", flow[1]) if flow else []
    wanted = [each.strip("/").removeprefix("./") for each in patterns if not each.startswith("!")]
    if wanted:
        for path in contents.matching("package.json"):
            directory = posixpath.dirname(path)
            if directory and any(fnmatchcase(directory, each) for each in wanted):
                yield path


def _json(text: str) -> dict[str, Any]:
    try:
        return _object(json.loads(text))
    except ValueError:
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_REQUIREMENT = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)", re.M)
_LOCAL = re.compile(r"^\s*(?:-e\b|--editable\b|\.|/|file:)|@\s*file:", re.M)


def _pip(contents: Contents, fetch: Fetch) -> Early | None:
    """Return the requirements files of a command, with those that they name."""
    words = fetch.command.words
    named = [
        value
        for at, word in enumerate(words)
        for value in (words[at + 1 : at + 2] if word in ("-r", "--requirement") else ())
    ]
    named += [w.partition("=")[2] for w in words if w.startswith("--requirement=")]
    if fetch.command.operands[:2] == ("pip", "sync"):
        named += fetch.command.operands[2:]
    files = _with_included(contents, named)
    if not named or files is None or fetch.command.has("-c", "--constraint"):
        return None
    own = fetch.command.has("-e", "--editable") or any(w.startswith((".", "/")) for w in words[2:])
    own = own and not all(w in named for w in words[2:] if w.startswith((".", "/")))
    if not own:
        return Early(files)
    command = " ".join(("pip install", *(f"-r {shlex.quote(each)}" for each in named)))
    written = fetch.written.words
    front = shlex.join(written[: written.index("install")]) if "install" in written else "pip"
    return Early(files, command.replace("pip", front, 1), stays=True)


def _with_included(contents: Contents, named: list[str]) -> tuple[str, ...] | None:
    found: dict[str, None] = {}
    waiting = [*named]
    while waiting:
        name = posixpath.normpath(waiting.pop(0))
        text = contents.text(name)
        if not contents.has(name) or _LOCAL.search(text):
            return None
        if name not in found:
            found[name] = None
            here = posixpath.dirname(name)
            waiting += [posixpath.join(here, each) for each in _REQUIREMENT.findall(text)]
    return tuple(found)


def _uv(contents: Contents, fetch: Fetch) -> Early | None:
    if fetch.command.operands[:1] != ("sync",):
        return _pip(contents, fetch)
    text = contents.text("pyproject.toml")
    if re.search(r"\[tool\.uv\.workspace\]|workspace\s*=\s*true|\bpath\s*=", text):
        return None
    files = contents.those("pyproject.toml", "uv.lock", "uv.toml", ".python-version")
    if fetch.command.has("--no-install-project", "--no-install-workspace"):
        return Early(files)
    return Early(files, options=" --no-install-project", stays=True)


def _poetry(contents: Contents, fetch: Fetch) -> Early | None:
    files = contents.those("pyproject.toml", "poetry.lock", "poetry.toml")
    local = re.search(r"\bpath\s*=", contents.text("pyproject.toml"))
    if fetch.command.has("--no-root") and not local:
        return Early(files)
    options = ["--no-root"] * (not fetch.command.has("--no-root")) + ["--no-directory"] * bool(
        local
    )
    return Early(files, options="".join(f" {each}" for each in options), stays=True)


def _listed(*files: str, unless: str, options: str = "") -> _Finder:
    """Return a finder of `files`, if nothing in the first of them matches `unless`."""

    def find(contents: Contents, _: Fetch) -> Early | None:
        if re.search(unless, contents.text(files[0]), re.M):
            return None
        return Early(contents.those(*files), options=options, stays=bool(options))

    return find


def _go(contents: Contents, fetch: Fetch) -> Early | None:
    local = re.search(r"=>\s*\.{1,2}/", contents.text("go.mod"))
    if local or contents.has("go.work") or fetch.command.operands[1:2] in (("tidy",), ("vendor",)):
        return None
    files = contents.those("go.mod", "go.sum")
    if fetch.command.operands[:2] == ("mod", "download"):
        return Early(files)
    return Early(files, "go mod download", stays=True)


_REFERENCE = re.compile(r"<(?:ProjectReference\s+Include|Import\s+Project)=\"([^\"$]+)\"")


def _is_closed(contents: Contents, files: tuple[str, ...]) -> bool:
    """Return whether the projects refer to each other alone."""
    named = (
        posixpath.join(posixpath.dirname(path), name.replace("\\", "/"))
        for path in files
        for name in _REFERENCE.findall(contents.text(path))
    )
    return all(posixpath.normpath(name) in files for name in named)


_PROJECTS = (".csproj", ".fsproj", ".vbproj", ".sln", ".slnx")
_MSBUILD = ("directory.*.props", "directory.*.targets", "global.json", "nuget.config")


def _dotnet(contents: Contents, fetch: Fetch) -> Early | None:
    files = tuple(contents.matching(*(f"*{each}" for each in _PROJECTS), *_MSBUILD))
    # Projects and properties of the directories above may belong to it.
    if contents.below or not _is_closed(contents, files):
        return None
    operands = fetch.command.operands
    if operands[:1] == ("restore",):
        return Early(files)
    named = [w for w in operands[1:] if w.endswith(_PROJECTS) or contents.has_directory(w)]
    words = ["dotnet", "restore", *named[:1]]
    for options in (("-r", "--runtime"), ("-a", "--arch"), ("--os",)):
        value = fetch.command.value(*options)
        words += [options[0], value] if value else []
    return Early(files, shlex.join(words), stays=True)


def _maven(contents: Contents, fetch: Fetch) -> Early | None:
    text = contents.text("pom.xml")
    command = fetch.command
    if "<modules>" in text or "<relativePath>" in text or "<systemPath>" in text:
        return None
    if contents.below and "<parent>" in text and "<relativePath/>" not in text:
        return None
    if command.has("-f", "--file", "-pl", "--projects", "-s", "--settings", "-gs"):
        return None
    program = fetch.written.words[0]
    wrapper = ("mvnw",) if program.endswith("mvnw") else ()
    if wrapper and not contents.has("mvnw"):
        return None
    files = contents.those("pom.xml", *wrapper, ".mvn/")
    profiles = [word for word in command.words if re.match(r"-P.", word)]
    profile = command.value("-P", "--activate-profiles")
    profiles += ["-P", profile] if profile else []
    words = (program, "-B", *profiles, "dependency:go-offline")
    return Early(files, shlex.join(words), stays=True)


_FINDERS: dict[str, _Finder] = {
    "npm": _node("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": _node("yarn.lock", ".yarnrc", ".yarnrc.yml", ".yarn/"),
    "pnpm": _node("pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs", "patches/"),
    "bun": _node("bun.lock", "bun.lockb", "bunfig.toml", "patches/"),
    "pip": _pip,
    "uv": _uv,
    "poetry": _poetry,
    "composer": _listed(
        *("composer.json", "composer.lock", "symfony.lock"),
        unless=r'"type"\s*:\s*"path"',
        options=" --no-scripts --no-autoloader",
    ),
    "bundler": _listed(
        *("Gemfile", "Gemfile.lock", ".ruby-version", ".tool-versions"),
        unless=r"^\s*gemspec\b|\bpath\b|\beval_gemfile\b|\brequire_relative\b",
    ),
    "mix": _listed(*("mix.exs", "mix.lock"), unless=r"\bapps_path:|\bpath:|\bFile\.|\bCode\."),
    "go": _go,
    "dotnet": _dotnet,
    "maven": _maven,
}
"""By the name of the manager; those that are not here compile as they fetch."""
_MADE = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), ("node_modules",)),
    **dict.fromkeys(("uv", "poetry"), (".venv",)),
    "composer": ("vendor",),
    "bundler": ("vendor/bundle", ".bundle"),
    "mix": ("deps", "_build"),
    "dotnet": ("obj",),
}
"""The directories that an install writes beside the manifests, by the name of the manager."""
_ENVIRONMENTS = (".venv", "venv", "env")
