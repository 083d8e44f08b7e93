"""Every build of a repository measured, and what they have to do with each other.

`scan` is what `ctxsize scan` says: a row for each build, the most costly first,
and the findings across them.
"""

from ctxsize.scanning.outcome import Row, Scan
from ctxsize.scanning.run import scan

__all__ = ["Row", "Scan", "scan"]
