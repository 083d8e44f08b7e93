"""Commands of package managers: which fetch packages, and which fetch what a manifest lists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from ctxsize.shell import Command

Test = Callable[[Command], bool]

_VALUED = (
    *("--prefix", "--workspace", "-w", "--filter", "-F", "--registry", "--cache", "-C", "--dir"),
    *("--network-timeout", "--store-dir", "--omit", "--include", "--loglevel", "--only"),
    *("--cwd", "--modules-folder", "--network-concurrency", "--cache-folder"),
)
"""Options that take the next word."""
_TASKS = ("build", "assemble", "bootJar", "shadowJar", "installDist", "jar", "war", "dependencies")


def _plain(command: Command) -> tuple[str, ...]:
    """Return the operands without the values of options that take one."""
    words = iter(command.arguments)
    found: list[str] = []
    for word in words:
        if word in _VALUED:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    return tuple(found)


def _asks(command: Command) -> bool:
    """Return whether it only asks for help or a version."""
    return command.has("--help", "--version", "-h")


def sub(*names: str) -> Test:
    """Return whether the first operand is one of `names` (`""`: none), and it asks for no help."""
    return lambda command: next(iter(_plain(command)), "") in names and not _asks(command)


def always(_: Command) -> bool:
    """Return true, for a tool of which any command will do."""
    return True


def never(_: Command) -> bool:
    """Return false, for a tool of which none does."""
    return False


def alone(command: Command) -> bool:
    """Return whether no package is named."""
    return len(_plain(command)) == 1 and not command.has("-g", "--global")


def yarn_manifest(command: Command) -> bool:
    """Return whether Yarn installs what its manifest lists."""
    return _plain(command) in ((), ("install",), ("workspaces", "focus"))


def pip_manifest(command: Command) -> bool:
    """Return whether it installs from a requirements file or a directory of the context."""
    if command.has("-r", "--requirement", "-e", "--editable"):
        return True
    operands = [word for word in command.operands if word not in ("install", "pip", "sync")]
    return any(word == "." or word.startswith((".[", "./", "/")) for word in operands)


def uv(command: Command) -> bool:
    """Return whether uv fetches packages."""
    operands = command.operands
    return operands[:1] == ("sync",) or operands[:2] in (("pip", "install"), ("pip", "sync"))


def uv_manifest(command: Command) -> bool:
    """Return whether uv installs what a file of the context lists."""
    return command.operands[:1] == ("sync",) or pip_manifest(command)


def go(command: Command) -> bool:
    """Return whether go builds or fetches what `go.mod` lists."""
    operands = command.operands
    if operands[:1] in (("build",), ("install",), ("generate",), ("test",)):
        return not any("@" in word for word in operands)
    return operands[:2] in (("mod", "download"), ("mod", "tidy"), ("mod", "vendor"))


def go_reads_sources(command: Command) -> bool:
    """Return whether it needs more than `go.mod` and `go.sum`."""
    return command.operands[:2] != ("mod", "download")


def cargo(command: Command) -> bool:
    """Return whether cargo compiles or fetches crates."""
    operands = [word for word in command.operands if not word.startswith("+")]
    first = next(iter(operands), "")
    return operands[:2] == ["chef", "cook"] or first in (
        *("build", "b", "rustc", "test", "fetch", "install"),
    )


def cargo_manifest(command: Command) -> bool:
    """Return whether it compiles what `Cargo.toml` lists, and no tool of its own."""
    first = next(word for word in command.operands if not word.startswith("+"))
    return first != "install" or command.has("--path")


def maven(command: Command) -> bool:
    """Return whether Maven reaches a phase that needs dependencies."""
    goals = ("package", "install", "verify", "compile", "deploy", "test", "dependency:")
    return any(word.startswith(goals) for word in command.operands) and not _asks(command)


def gradle(command: Command) -> bool:
    """Return whether Gradle runs a task that needs dependencies."""
    last = [word.rpartition(":")[2] for word in command.operands]
    return any(word in _TASKS for word in last) and not _asks(command)


_HOOKS = frozenset(("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"))
"""Scripts of a project that npm and its like run when they install."""
_KINDS = ("dependencies", "devDependencies", "optionalDependencies")


def node_needs_more(text: str) -> bool:
    """Return whether scripts, workspaces or packages of the project take part in an install."""
    try:
        manifest = json.loads(text)
        versions = [str(each) for kind in _KINDS for each in manifest.get(kind, {}).values()]
        local = any(each.startswith(_LOCAL_VERSIONS) for each in versions)
        return local or "workspaces" in manifest or bool(_HOOKS & {*manifest.get("scripts", {})})
    except (ValueError, AttributeError):
        return False


_LOCAL_VERSIONS = ("file:", "link:", "portal:", "workspace:", ".", "/", "~/")


def says(expression: str) -> Callable[[str], bool]:
    """Return a test for texts that match `expression` somewhere."""
    return lambda text: re.search(expression, text, re.M) is not None
