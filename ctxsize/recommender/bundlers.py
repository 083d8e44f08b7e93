"""What reads `.env` and its variants while an image is built: bundlers, and scripts that name them.

Vite, Next, Nuxt, react-scripts and their like read `.env`, `.env.local`, `.env.production` and
`.env.production.local` by themselves, and put values of them into what they build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ctxsize.recommender.facts import Facts
from ctxsize.recommender.knowledge.tools import listed
from ctxsize.recommender.made import taking
from ctxsize.recommender.matches import Match
from ctxsize.recommender.rules import NOT_SOURCES

_ENV_FILE = re.compile(r"\.env(\..+)?")
_OTHER_MODE = re.compile(r"\.(dev|development|test|testing)(\.local)?$")
_OTHER_MODES_RUN = re.compile(r"\b(dev|development|test|testing|serve|start|watch)\b")
_WITH_DOTENV = re.compile(r"\b(webpack|rollup|esbuild|snowpack|browserify|metro)\b")
_LOADS_DOTENV = re.compile(
    r"\bdotenv/config\b|\bdotenv\s+(?:-|[\w./-]+\s)|\bdump-env\b"
    r"|\bartisan\s+(?:config:cache|optimize)\b|\bprisma\s+generate\b"
)
"""Commands that load environment files by themselves: of Node, Symfony, Laravel and Prisma."""
_NAMES_ENV = re.compile(r"\.env\b|--env-file")
_CONFIGURATION = (
    *("vite.config.*", "next.config.*", "nuxt.config.*", "astro.config.*", "svelte.config.*"),
    *("gatsby-config.*", "vue.config.*", "remix.config.*", "rsbuild.config.*", "rspack.config.*"),
    *("quasar.config.*", "craco.config.*", "vite.*.config.*", "react-router.config.*"),
    *("webpack.config.*", "rollup.config.*", ".parcelrc"),
)
_LOOKS_ELSEWHERE = re.compile(r"\benvDir\b|\bloadEnvConfig\b|\bdotenv\b|\benv-cmd\b")


def reader_of(facts: Facts, match: Match) -> str | None:
    """Return what may read an environment file while an image is built, as a clause."""
    directory, _, name = match.path.rpartition("/")
    takers = [*taking(facts, match)] if _ENV_FILE.fullmatch(name) else []
    words = "\n".join(each.words for each in takers)
    if not takers or (_OTHER_MODE.search(name) and not _OTHER_MODES_RUN.search(words)):
        return None
    for build_file in takers:
        tool = _bundler_in(build_file.commands)
        if tool is not None:
            return f"{tool}, which {build_file.path} runs, reads it"
    for at, text in _projects(facts, directory, name):
        tool = _bundler_in(text)
        if tool is not None:
            return f"{tool} of {at} reads it when it builds"
        if _NAMES_ENV.search(text):
            return f"{at} names such files"
    return None


@cache
def _bundler() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w@/.-])(?P<tool>{'|'.join(map(re.escape, listed('reads_env')))})(?![\w/-])"
        # `next` is also a tag of versions.
        r"|\"(?P<next>next)\"\s*:|\bnext\s+(?:build|export|dev|start)\b|\bbun\s+(?:run|build)\b"
    )


def _bundler_in(text: str) -> str | None:
    found = _bundler().search(text)
    if found is not None:
        return found["tool"] or found[0].strip('": \t').split()[0]
    found = _LOADS_DOTENV.search(text)
    if found is not None:
        return f"`{' '.join(found[0].split())}`"
    found = _WITH_DOTENV.search(text)
    return f"{found[0]} with dotenv" if found is not None and "dotenv" in text else None


def _projects(facts: Facts, directory: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield the settings of what is built in a directory, or looks into it from elsewhere."""
    yield from _settings(facts, directory)
    above = directory
    while above:
        above, _, last = above.rpartition("/")
        named = re.compile(rf"(?<![\w-])({re.escape(last)}|{re.escape(name)})(?![\w-])")
        yield from (each for each in _settings(facts, above) if named.search(each[1]))
    for path in facts.packages("package.json"):
        if path.startswith(f"{directory}/" if directory else ""):
            settings = _settings(facts, path)
            yield from (each for each in settings if _LOOKS_ELSEWHERE.search(each[1]))


def _settings(facts: Facts, directory: str) -> Iterator[tuple[str, str]]:
    """Yield the first of a directory's manifest and settings, with the names and texts of all."""
    if not NOT_SOURCES.isdisjoint(directory.split("/")):
        return
    names = ("package.json", *_CONFIGURATION)
    paths = [path for each in names for path in facts.evidence.tree.all(directory, each)]
    if paths:
        texts = (f"{path.rpartition('/')[2]}\n{facts.evidence.small_file(path)}" for path in paths)
        yield paths[0], "\n".join(texts)
