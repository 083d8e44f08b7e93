"""The kinds of findings across the builds of a repository."""

from __future__ import annotations

from ctxsize.findings import Code, Severity

CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code(
            "CTX301",
            "context-without-ignore-file",
            Severity.WARNING,
            "No ignore file governs a build.",
            "Without `.dockerignore` in the context, or `<Dockerfile>.dockerignore` beside the "
            "Dockerfile, everything in the context may be sent: artefacts of local builds, "
            "`.git`, secrets. One service's context grows to gigabytes unnoticed, for instance by "
            "Rust's `target`. `ctxsize suggest --write` writes the file.",
            "aggregator/Dockerfile\naggregator/target/   # 20 GB\n",
            "aggregator/Dockerfile\naggregator/.dockerignore\naggregator/target/\n",
        ),
        Code(
            "CTX302",
            "ignore-file-that-no-build-reads",
            Severity.WARNING,
            "An ignore file is read by no build.",
            "The builder looks in two places: `<Dockerfile>.dockerignore` beside the Dockerfile, "
            "and `.dockerignore` in the root of the context. A `.dockerignore` beside a "
            "Dockerfile whose context is another directory is never read, nor is one that a "
            "Dockerfile-specific file takes precedence over. Move it to where it counts.",
            "# docker build -f docker/Dockerfile .\ndocker/Dockerfile\ndocker/.dockerignore\n",
            "# docker build -f docker/Dockerfile .\n"
            "docker/Dockerfile\ndocker/Dockerfile.dockerignore\n",
        ),
        Code(
            "CTX304",
            "two-files-for-one-dockerfile",
            Severity.INFO,
            "A build has two ignore files, and only the Dockerfile-specific one counts.",
            "`<Dockerfile>.dockerignore` takes the place of the context's `.dockerignore`; they "
            "are not joined. The classic builder knows only `.dockerignore`. What both should "
            "ignore must stand in both.",
            "Dockerfile\nDockerfile.dockerignore   # counts\n.dockerignore             # not\n",
            "Dockerfile\n.dockerignore\n",
        ),
        Code(
            "CTX305",
            "sibling-ignores-more",
            Severity.WARNING,
            "A sibling's ignore file keeps out what this context sends.",
            "Services of one repository grow alike, and what one of them learned to ignore the "
            "next one sends. `ctxsize suggest --like SIBLING` proposes the same coverage, "
            "in the terms of this context and proved not to hide what the build needs.",
            "worker/.dockerignore   # target\naggregator/            # none\n",
            "worker/.dockerignore\naggregator/.dockerignore\n",
        ),
        Code(
            "CTX310",
            "git-context",
            Severity.WARNING,
            "A workflow step builds from git and not from the checked-out directory.",
            "Without `context`, docker/build-push-action gives the builder the URL of the commit. "
            "BuildKit then fetches the repository itself: no ignore file is read, files that "
            "earlier steps made are missing, and the whole tree at that commit is the context. "
            "With `context: .` the checked-out directory is sent, and its ignore file applies.",
            "- uses: docker/build-push-action@v6\n  with:\n    push: true\n",
            "- uses: docker/build-push-action@v6\n  with:\n    context: .\n    push: true\n",
        ),
    )
}
"""By name; a context that is too wide is CTX250, as it takes a Dockerfile to tell."""
