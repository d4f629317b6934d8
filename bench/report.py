"""What every benchmark here ends with: a table for people and one line of JSON for programs.

A benchmark is a script in this folder that runs on a fresh machine with nothing but Rust and Python's
standard library. It states how it measures in its own docstring; RESULTS.md holds the figures and the machine.
"""

import json
import os
import platform
import statistics
import subprocess
import sys


def machine():
    """Names the machine: processor, cores, kernel, compiler."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "rustc": rustc}


def median(values):
    """The figure to quote: the median of several runs."""
    return statistics.median(values)


def report(name, columns, rows, figures, met=None):
    """Prints `rows` under `columns`, then one JSON line with `figures`.

    `met` maps each target's text to whether it was met; a missed target makes the exit status 1.
    """
    cells = [columns] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    met = met or {}
    for target, ok in met.items():
        print(f"{'met   ' if ok else 'MISSED'}  {target}")
    print(json.dumps({"bench": name, "machine": machine(), **figures, "met": met}))
    sys.exit(0 if all(met.values()) else 1)
