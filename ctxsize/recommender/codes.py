"""The kinds of findings about what an ignore file lacks, and about secrets."""

from __future__ import annotations

from ctxsize.findings import Code, Severity

CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code(
            "CTX501",
            "missing-pattern",
            Severity.WARNING,
            "Something travels to the builder that no build misses.",
            "Every cold build sends it, and every change of it makes COPY of the context run "
            "again. `ctxsize suggest --write` adds the pattern, which is proved on this context.",
            bad="COPY . .   # and target/ in the context",
            good="**/target",
        ),
        Code(
            "CTX502",
            "unexplained-size",
            Severity.INFO,
            "A large part of the context is explained by no rule.",
            "Nobody but you knows whether the build needs it. If it does not, add its path to the "
            "ignore file.",
        ),
        Code(
            "CTX503",
            "other-form",
            Severity.INFO,
            "A mode of suggest would change the ignore file.",
            "`ctxsize suggest` with --tidy, --allowlist, --from-gitignore or --like compares the "
            "ignore file with what that mode makes of it, and proves the difference on this "
            "context. Add --write to apply it, --diff to see it.",
            bad="node_modules\n**/node_modules",
            good="**/node_modules",
        ),
        Code(
            "CTX510",
            "secret-copied",
            Severity.ERROR,
            "An instruction copies a secret into an image by its name.",
            "Whoever has the image has the secret, even if a later instruction deletes it. An "
            "ignore file cannot help: the build would stop. Mount it for the one command that "
            "needs it, with RUN --mount=type=secret, and docker build --secret.",
            bad="COPY .npmrc .\nRUN npm ci",
            good="RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci",
        ),
        Code(
            "CTX511",
            "secret-in-context",
            Severity.WARNING,
            "A secret is in the context.",
            "It travels to the builder with every build that takes its directory, and with COPY of "
            "the context it ends up in the image.",
            bad="COPY . .   # and .env in the context",
            good="**/.env",
        ),
    )
}
