"""Reads Dockerfiles: text in, values out; nothing is executed and no file is opened.

`parse_dockerfile` splits the text into instructions and stages, `context_need` says what a
build of one target takes from its contexts.
"""

from ctxsize.dockerfile.images import Platform, familiar_name, machine_platform, parse_platform
from ctxsize.dockerfile.instructions import Directive, Dockerfile, Heredoc, Instruction, Stage
from ctxsize.dockerfile.parse import find_syntax, parse_dockerfile
from ctxsize.dockerfile.sources import Source, Unknown, path_from_root
from ctxsize.dockerfile.state import what_decides
from ctxsize.dockerfile.taken import Asked, ContextNeed, Paths, context_need, other_frontend
from ctxsize.dockerfile.words import Expansion, expand

__all__ = [
    "Asked",
    "ContextNeed",
    "Directive",
    "Dockerfile",
    "Expansion",
    "Heredoc",
    "Instruction",
    "Paths",
    "Platform",
    "Source",
    "Stage",
    "Unknown",
    "context_need",
    "expand",
    "familiar_name",
    "find_syntax",
    "machine_platform",
    "other_frontend",
    "parse_dockerfile",
    "parse_platform",
    "path_from_root",
    "what_decides",
]
