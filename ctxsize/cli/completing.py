"""Complete codes, stages, rules and paths in a shell; a broken file completes to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list["CompletionItem"]]
Found = Iterable[tuple[str, str]]
"""Values, each with a description that zsh and fish show."""

files = click.Path().shell_complete
directories = click.Path(file_okay=False).shell_complete


def _offering(find: Callable[[click.Context, str], Found]) -> Complete:
    """Return a completion with the values of `find` that begin with what was typed."""

    def complete(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            found = [each for each in find(ctx, typed) if each[0].startswith(typed)]
        except Exception:  # an error would be printed into the line that the user types
            return []
        return [CompletionItem(value, help=text or None) for value, text in found]

    return complete


def words(*values: str) -> Complete:
    """Return a completion with fixed values."""
    return _offering(lambda ctx, typed: ((each, "") for each in values))


def codes(start: str) -> Complete:
    """Return a completion with the codes of this prefix, also behind a comma."""

    def find(ctx: click.Context, typed: str) -> Found:
        from ctxsize.codes import code_of, names

        lead = typed[: typed.rfind(",") + 1]
        return [(lead + each, code_of(each).summary) for each in names(start)]

    return _offering(find)


def _code_or_slug(ctx: click.Context, typed: str) -> Found:
    from ctxsize.codes import all_codes

    codes, is_slug = all_codes(), typed.islower()
    return [(each.slug if is_slug else each.name, each.summary) for each in codes]


def _stages(ctx: click.Context, typed: str) -> Found:
    from ctxsize.build import Build
    from ctxsize.engine.builders import BUILDKIT
    from ctxsize.engine.dockerfiles import STDIN
    from ctxsize.engine.request import request_of

    build = Build(ctx.params.get("context") or ".", ctx.params.get("dockerfile"))
    if build.dockerfile == STDIN:  # what the terminal holds is not the Dockerfile
        return []
    stages = request_of(build, BUILDKIT, patterns=False).plan.dockerfile.stages
    return [(each.name, f"FROM {each.base}") for each in stages if each.name and each.base]


def _rules(ctx: click.Context, typed: str) -> Found:
    from ctxsize.recommender.rules import all_rules

    return [(each.name, each.why) for each in all_rules().values()]


def _named(ctx: click.Context, typed: str) -> Found:
    given = ctx.params.get("build_contexts") or ()
    return [(each.partition("=")[0], each.partition("=")[2]) for each in given]


def _commands(ctx: click.Context, typed: str) -> Found:
    from ctxsize.cli.app import COMMANDS

    return [(name, summary) for name, (_, summary) in COMMANDS.items()]


commands = _offering(_commands)
code_or_slug = _offering(_code_or_slug)
stages = _offering(_stages)
rules = _offering(_rules)
named = _offering(_named)


def rules_or_files(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete a rule, or else a path."""
    return rules(ctx, param, typed) or files(ctx, param, typed)
