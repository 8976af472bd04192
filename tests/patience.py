"""How long tests wait for what is sure to come."""

from __future__ import annotations

from typing import Final

from timbred_indexer.model import Seconds

PATIENCE: Final = Seconds(120.0)
"""Bounds every wait, and is reached only by what fails: no machine is so busy."""
