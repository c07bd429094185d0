"""What a figure depends on besides the code: the machine, its system, the state of the sources."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from systems import ROOT


def describe_machine() -> dict[str, Any]:
    """The processor, memory and system that measure."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def describe_moment() -> dict[str, Any]:
    """When it was measured, on which sources, and how busy the machine was with other things just before."""
    return {
        "date": f"{datetime.date.today():%Y-%m-%d}",
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--", "src", "pyproject.toml")),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    """Its name, and on x86 its family and model: virtual machines call processors of several generations alike."""
    listed = Path("/proc/cpuinfo")
    text = listed.read_text(encoding="utf-8") if listed.is_file() else ""
    first = dict(re.findall(r"^([\w ]+?)\s*: (.+)$", text.partition("\n\n")[0], re.MULTILINE))
    kind = "".join(f", {key.removeprefix('cpu ')} {first[key]}" for key in ("cpu family", "model") if key in first)
    return first.get("model name", platform.processor() or "unknown processor") + kind


def _memory_gb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
