"""Report exactly what `docker build` will send, and keep it small.

The public names are those of `ctxsize.public`, which the first use of one imports: so
`import ctxsize` and `ctxsize --version` cost next to nothing, and `python -m ctxsize`
imports no `inspect.py` of a stranger's context before `__main__` prevents that.

>>> import ctxsize
>>> spec = ctxsize.DockerIgnoreSpec.from_lines(["*", "!src"])
>>> spec.match_file("README"), spec.match_file("src/main.c")
(True, False)
"""

from __future__ import annotations

import os

from ctxsize.version import __version__ as __version__
from ctxsize.version import refuse_windows as _refuse_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        if name == "__all__":
            return __dir__()
        # `from ctxsize import api` looks for an attribute before it imports the module.
        places = (os.path.join(__path__[0], each) for each in (name, f"{name}.py"))
        if name.startswith("_") or any(map(os.path.exists, places)) or name not in __dir__():
            raise AttributeError(f"module 'ctxsize' has no attribute {name!r}")
        from ctxsize import public

        return getattr(public, name)


def __dir__() -> list[str]:
    _refuse_windows()
    from ctxsize import public

    names = (each for each in vars(public) if not each.startswith("_"))
    return ["__version__", *(each for each in names if each != "annotations")]
