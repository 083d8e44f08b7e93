"""One value for each builder, in the order in which help and reports name them."""

from ctxsize.engine.builders.builder import Builder
from ctxsize.engine.builders.buildkit import BUILDKIT
from ctxsize.engine.builders.classic import CLASSIC
from ctxsize.engine.builders.podman import PODMAN

BUILDERS: dict[str, Builder] = {builder.name: builder for builder in (BUILDKIT, CLASSIC, PODMAN)}

__all__ = ["BUILDERS", "BUILDKIT", "CLASSIC", "PODMAN", "Builder"]
