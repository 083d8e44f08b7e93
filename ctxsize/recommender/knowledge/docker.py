"""Docker's own files."""

from __future__ import annotations

from ctxsize.recommender.rules import (
    EXISTS,
    Category,
    Content,
    Form,
    IsDockerfile,
    Kind,
    Rule,
    inside,
)

RULES = (
    Rule(
        "docker.dockerfile",
        ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile*"),
        Category.DOCKER,
        0.85,
        IsDockerfile(),
        why=(
            "the builder reads it by itself; in the context, a change of it only makes COPY "
            "run again"
        ),
        kind=Kind.FILE,
        form=Form.ANCHORED,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
    Rule(
        "docker.ignorefile",
        (".dockerignore", ".containerignore", "*.dockerignore"),
        Category.DOCKER,
        0.85,
        IsDockerfile(),
        why=(
            "the builder reads it by itself; in the context, a change of it only makes COPY "
            "run again"
        ),
        kind=Kind.FILE,
        form=Form.ANCHORED,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
    Rule(
        "docker.compose",
        ("docker-compose*", "compose.y*ml"),
        Category.DOCKER,
        0.6,
        Content(r"(?m)^(services|include|version):"),
        why="it describes how containers run, not what is in them",
        kind=Kind.FILE,
        form=Form.ANCHORED,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
    Rule(
        "docker.bake",
        ("docker-bake.*",),
        Category.DOCKER,
        0.6,
        Content(r"target|group"),
        why="it describes builds, not what is in them",
        kind=Kind.FILE,
        form=Form.ANCHORED,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
    Rule(
        "docker.charts",
        ("charts",),
        Category.DOCKER,
        0.3,
        inside("*/Chart.yaml", "Chart.yaml"),
        why="Helm charts, which some images ship",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
    Rule(
        "docker.tilt",
        ("Tiltfile",),
        Category.DOCKER,
        0.7,
        EXISTS,
        why="it describes a development cluster",
        kind=Kind.FILE,
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
    Rule(
        "docker.skaffold",
        ("skaffold.yaml",),
        Category.DOCKER,
        0.7,
        Content(r"(?m)^kind: Config"),
        why="it describes a development cluster",
        kind=Kind.FILE,
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "mentioned",
            "scm_version_in_build",
        ),
    ),
)
