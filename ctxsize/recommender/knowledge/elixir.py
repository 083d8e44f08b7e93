"""Elixir and Erlang."""

from __future__ import annotations

from ctxsize.recommender.rules import Category, Content, Form, Kind, Rule, all_of, beside, inside

RULES = (
    Rule(
        "elixir.build",
        ("_build",),
        Category.ARTEFACT,
        0.96,
        beside("mix.exs", "rebar.config"),
        why="what Mix or Rebar compiled",
        again="mix compile",
        cleanable=True,
        built_by=(
            r"mix\b.*(?<![\w.])(compile|release|escript|phx|assets|test|run|ecto|setup)"
            r"|rebar3 (?!deps|get-deps|unlock|tree|upgrade|local)\w"
        ),
    ),
    Rule(
        "elixir.deps",
        ("deps",),
        Category.DEPS,
        0.93,
        beside("mix.exs", "mix.lock"),
        why="packages that Mix fetched",
        again="mix deps.get",
        cleanable=True,
        traps=("no_install_step",),
    ),
    Rule(
        "elixir.cover",
        ("cover",),
        Category.ARTEFACT,
        0.93,
        beside("mix.exs"),
        why="a coverage report",
        again="mix test --cover",
    ),
    Rule(
        "elixir.doc",
        ("doc",),
        Category.ARTEFACT,
        0.6,
        all_of(beside("mix.exs"), inside("index.html", "api-reference.html")),
        why="documentation that ExDoc wrote",
        again="mix docs",
        form=Form.ANCHORED,
    ),
    Rule(
        "elixir.ls",
        (".elixir_ls",),
        Category.CACHE,
        0.96,
        beside("mix.exs"),
        why="the Elixir language server's build",
        again="ElixirLS",
        cleanable=True,
    ),
    Rule(
        "elixir.lexical",
        (".lexical",),
        Category.CACHE,
        0.95,
        beside("mix.exs"),
        why="the Lexical language server's build",
        again="Lexical",
        cleanable=True,
    ),
    Rule(
        "elixir.fetch",
        (".fetch",),
        Category.CACHE,
        0.95,
        beside("mix.exs"),
        why="when Mix fetched last",
        again="mix deps.get",
        cleanable=True,
    ),
    Rule(
        "elixir.archive",
        ("*.ez",),
        Category.ARTEFACT,
        0.9,
        beside("mix.exs"),
        why="a packed Mix archive",
        again="mix archive.build",
        kind=Kind.FILE,
        form=Form.ANCHORED,
    ),
    Rule(
        "erlang.crash",
        ("erl_crash.dump",),
        Category.LOG,
        0.97,
        Content(r"\A=erl_crash_dump"),
        why="the memory of an Erlang machine that crashed",
        kind=Kind.FILE,
        cleanable=True,
    ),
    Rule(
        "elixir.static",
        ("priv/static/assets",),
        Category.ARTEFACT,
        0.85,
        beside("../../mix.exs"),
        why="assets as Phoenix built them",
        again="mix assets.deploy",
        built_by=(
            r"mix\b.*\b(assets\.\w+|setup|phx\.digest)"
            r"|(npm|yarn|pnpm)\b.* (?!-)\S*(build|deploy)"
        ),
    ),
    Rule(
        "erlang.rebar",
        (".rebar3",),
        Category.CACHE,
        0.95,
        beside("rebar.config", "rebar.lock"),
        why="Rebar's cache",
        again="rebar3 compile",
        cleanable=True,
    ),
)
