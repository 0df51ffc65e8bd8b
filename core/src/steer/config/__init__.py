"""Settings: what is chosen for a run of steer, and where each choice was made."""

from __future__ import annotations

from steer.config._masking import masked
from steer.config._settings import Setting, Settings, load_settings

__all__ = ["Setting", "Settings", "load_settings", "masked"]
