"""Which commands of package managers fetch packages, and which of them read a manifest."""

from __future__ import annotations

from collections.abc import Callable

from ctxsize.shell import Command


def sub(*names: str) -> Callable[[Command], bool]:
    """Whether the first operand is one of `names`, and no help is asked for."""
    return lambda command: next(iter(command.operands), "") in names and not asks(command)


def asks(command: Command) -> bool:
    """Whether it only asks for help or a version."""
    return command.has("--help", "--version", "-h")


def npm(command: Command) -> bool:
    """Whether npm installs packages."""
    installs = next(iter(plain(command)), "") in ("ci", "clean-install", "install", "i", "add")
    return installs and not asks(command)


def npm_manifest(command: Command) -> bool:
    """`npm ci`, or an install that names no package."""
    is_global = command.has("-g", "--global")
    return npm(command) and len(plain(command)) == 1 and not is_global


def plain(command: Command) -> tuple[str, ...]:
    """The operands without the values of options that take one."""
    taking: tuple[str, ...] = (
        "--prefix",
        "--workspace",
        "-w",
        "--filter",
        "-F",
        "--registry",
        "--cache",
        "-C",
    )
    taking += ("--network-timeout", "--store-dir", "--omit", "--include", "--loglevel", "--only")
    taking += ("--cwd", "--modules-folder", "--network-concurrency", "--cache-folder", "--dir")
    found: list[str] = []
    words = iter(command.arguments)
    for word in words:
        if word in taking:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    return tuple(found)


def yarn(command: Command) -> bool:
    """Whether yarn installs packages."""
    operands = plain(command)
    return not asks(command) and (not operands or operands[0] in ("install", "add", "workspaces"))


def yarn_manifest(command: Command) -> bool:
    """Whether it installs what `package.json` lists."""
    return yarn(command) and plain(command) in ((), ("install",), ("workspaces", "focus"))


def pnpm(command: Command) -> bool:
    """Whether pnpm installs or fetches packages."""
    installs = ("install", "i", "ci", "add", "fetch")
    return next(iter(plain(command)), "") in installs and not asks(command)


def pnpm_manifest(command: Command) -> bool:
    """Whether it installs what the manifest or the lock file lists."""
    alone = len(plain(command)) == 1 and not command.has("-g", "--global")
    return pnpm(command) and plain(command)[0] != "add" and alone


def pip_manifest(command: Command) -> bool:
    """An install from a requirements file or a directory of the context."""
    operands = [word for word in command.operands if word not in ("install", "pip", "sync")]
    if command.has("-r", "--requirement", "-e", "--editable"):
        return True
    return any(word == "." or word.startswith((".[", "./", "/")) for word in operands)


def pip(command: Command) -> bool:
    """Whether pip installs or fetches packages."""
    return next(iter(command.operands), "") in ("install", "wheel", "download") and not asks(
        command
    )


def uv(command: Command) -> bool:
    """Whether uv installs packages."""
    operands = command.operands
    return operands[:1] == ("sync",) or operands[:2] in (("pip", "install"), ("pip", "sync"))


def uv_manifest(command: Command) -> bool:
    """Whether it installs what a file of the context lists."""
    return command.operands[:1] == ("sync",) or pip_manifest(command)


def go(command: Command) -> bool:
    """Whether go builds or fetches what `go.mod` lists."""
    operands = command.operands
    if operands[:1] in (("build",), ("install",), ("generate",), ("test",)):
        return not any("@" in word for word in operands)
    return operands[:2] in (("mod", "download"), ("mod", "tidy"), ("mod", "vendor"))


def cargo(command: Command) -> bool:
    """Whether cargo compiles or fetches crates."""
    operands = [word for word in command.operands if not word.startswith("+")]
    if operands[:1] in (["build"], ["b"], ["rustc"], ["test"], ["fetch"]):
        return True
    return operands[:2] == ["chef", "cook"] or operands[:1] == ["install"]


def cargo_manifest(command: Command) -> bool:
    """Whether it compiles what `Cargo.toml` lists, and not a tool of another."""
    operands = [word for word in command.operands if not word.startswith("+")]
    return cargo(command) and (operands[0] != "install" or command.has("--path"))


def mvn(command: Command) -> bool:
    """Whether Maven builds, and so fetches."""
    goals = ("package", "install", "verify", "compile", "deploy", "test", "dependency:")
    return any(word.startswith(goals) for word in command.operands) and not asks(command)


def gradle(command: Command) -> bool:
    """Whether Gradle builds, and so fetches."""
    names = (
        "build",
        "assemble",
        "bootJar",
        "shadowJar",
        "installDist",
        "jar",
        "war",
        "dependencies",
    )
    last = [word.rpartition(":")[2] for word in command.operands]
    return any(word in names for word in last) and not asks(command)


def bundle(command: Command) -> bool:
    """Whether Bundler installs, which it does if it is told nothing."""
    return command.operands[:1] in ((), ("install",)) and not asks(command)


def always(command: Command) -> bool:
    """Always."""
    return True


def empties(command: Command) -> bool:
    """Whether it throws away what a package manager keeps in its cache."""
    words = command.words
    if command.program == "go":
        return "clean" in words and "-modcache" in words
    return (command.program, *command.operands[:2]) in _EMPTYING or (
        (command.program, *command.operands[:1]) in _EMPTYING
    )


_EMPTYING = frozenset(
    (
        ("npm", "cache", "clean"),
        ("yarn", "cache", "clean"),
        ("pip", "cache", "purge"),
        ("pip3", "cache", "purge"),
        ("uv", "cache", "clean"),
        ("pnpm", "store", "prune"),
        ("composer", "clear-cache"),
        ("composer", "clearcache"),
    )
)


def moved_cache(command: Command) -> str | None:
    """The directory in which a command of configuration puts the cache of its manager."""
    words = command.operands
    if words[:1] == ("config",):
        rest = words[2:] if words[1:2] == ("set",) else words[1:]
        name, _, value = rest[0].partition("=") if rest else ("", "", "")
        if name in _PLACES:
            return value or next(iter(rest[1:2]), None)
    return None


_PLACES = ("store-dir", "storeDir", "cache", "cache-dir", "cache-folder", "cacheFolder", "home")
CACHE_OPTIONS = ("--store-dir", "--cache-dir", "--cache-folder", "--cache", "--packages")
"""Options that say where the cache is, for one command."""
