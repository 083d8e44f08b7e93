"""Deletes what is proven to be regenerable, and nothing else.

`look` reads the tree, `plan` decides on what it found, `delete` carries it out.
"""

from __future__ import annotations
