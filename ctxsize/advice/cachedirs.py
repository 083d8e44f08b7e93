"""The directories in which package managers keep what they fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Places = Callable[[Mapping[str, str], str], tuple[str, ...]]
"""The caches for an environment and a home directory, the usual one first."""


def home(*below: str) -> Places:
    """Return directories below the home."""
    return lambda environment, home: tuple(f"{home}/{path}" for path in below)


def named(*variables: str, default: Places) -> Places:
    """Return the value of the first of `variables` that is set, else the default."""

    def places(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
        given = next((environment[name] for name in variables if environment.get(name)), None)
        return default(environment, home) if given is None else (given.rstrip("/") or "/",)

    return places


def xdg(below: str) -> Places:
    """Return a directory of the user's cache."""
    return lambda environment, home: (
        f"{environment.get('XDG_CACHE_HOME', f'{home}/.cache').rstrip('/')}/{below}",
    )


def yarn_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return those of Yarn 1, and where later ones may be."""
    given = environment.get("YARN_CACHE_FOLDER")
    if given:
        return (given,)
    classic = "/usr/local/share/.cache/yarn" if home == "/root" else f"{home}/.cache/yarn"
    return classic, "/usr/local/share/.cache", f"{home}/.yarn", f"{home}/.cache/yarn"


def pnpm_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return pnpm's stores."""
    if tool := environment.get("PNPM_HOME"):
        return f"{tool}/store", f"{home}/.local/share/pnpm", f"{home}/.pnpm-store"
    return f"{home}/.local/share/pnpm/store", f"{home}/.pnpm-store"


def go_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return the modules and what is compiled."""
    paths = (environment.get("GOPATH") or "/go", f"{home}/go")
    modules = environment.get("GOMODCACHE")
    build = environment.get("GOCACHE") or f"{home}/.cache/go-build"
    found = (modules,) if modules else tuple(f"{path}/pkg/mod" for path in paths)
    return (*found[:1], build, *found[1:])


def cargo_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return where cargo keeps what it fetched: the registry and git, below its home.

    An image that is not known may set CARGO_HOME as the official one does.
    """
    given = environment.get("CARGO_HOME")
    homes = (given.rstrip("/"),) if given else (f"{home}/.cargo", "/usr/local/cargo")
    return tuple(f"{each}/{part}" for each in homes for part in ("registry", "git"))


def composer_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return Composer's."""
    if tool := environment.get("COMPOSER_HOME"):
        return (f"{tool.rstrip('/')}/cache",)
    return f"{home}/.composer/cache", f"{home}/.cache/composer", "/tmp/cache"


def bundler_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return Bundler's; none where it has a path of its own."""
    # Below a path of its own there is a directory of Ruby's version in between.
    if environment.get("BUNDLE_PATH") or environment.get("BUNDLE_DEPLOYMENT"):
        return ()
    return "/usr/local/bundle/cache", "/usr/local/bundle", f"{home}/.bundle", f"{home}/.gem"


def hex_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return Hex's and rebar3's."""
    return environment.get("HEX_HOME") or f"{home}/.hex", f"{home}/.cache/rebar3"


def gradle_caches(_: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return Gradle's home."""
    return f"{home}/.gradle", "/home/gradle/.gradle"
