"""Deletes what is proven to be regenerable: `look` plans, and `delete` carries that out."""

from __future__ import annotations
