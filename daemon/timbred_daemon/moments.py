"""Whether this is a moment for heavy work: the machine is on mains power, and has a core to spare."""

from __future__ import annotations

import os

POWER_SUPPLIES = "/sys/class/power_supply"  # Linux; elsewhere it is not there, and power is taken to be plenty


def is_good(power_supplies: str = POWER_SUPPLIES) -> bool:
    """Reads a few small files: not for the event loop."""
    return not on_battery(power_supplies) and not is_busy(os.getloadavg()[0], os.cpu_count() or 1)


def is_busy(load: float, cores: int) -> bool:
    """Whether as many programs want to run as there are cores. ``load``: the average of the last minute."""
    return load > max(1.0, cores - 0.5)


def on_battery(power_supplies: str = POWER_SUPPLIES) -> bool:
    """Whether a battery of this machine (not of a mouse) feeds it, as far as the system says."""
    try:
        supplies = [os.path.join(power_supplies, name) for name in os.listdir(power_supplies)]
    except OSError:
        return False
    return any(
        (_said(supply, "type"), _said(supply, "status")) == ("Battery", "Discharging")
        and _said(supply, "scope") != "Device"
        for supply in supplies
    )


def _said(supply: str, what: str) -> str:
    try:
        with open(os.path.join(supply, what), encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
