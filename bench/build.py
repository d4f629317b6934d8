#!/usr/bin/env python3
"""How long a clean build takes: `cargo build --release`, and the build of all tests.

Each into a target folder of its own that is removed afterwards. The crates' sources are fetched before the clock starts.
"""

import shutil
import subprocess
import tempfile
import time

from report import report
from stack import ROOT


def timed(*command):
    """Seconds that a cargo command takes in an empty target folder."""
    target = tempfile.mkdtemp(prefix="bench-target-")
    try:
        began = time.monotonic()
        subprocess.run(["cargo", *command, "--locked", "--target-dir", target], cwd=ROOT, check=True)
        return time.monotonic() - began
    finally:
        shutil.rmtree(target)


subprocess.run(["cargo", "fetch", "--locked"], cwd=ROOT, check=True)
release = timed("build", "--release")
tests = timed("test", "--workspace", "--no-run")
report(
    "build",
    ["build", "minutes"],
    [["cargo build --release", f"{release / 60:.1f}"], ["cargo test --workspace --no-run", f"{tests / 60:.1f}"]],
    {"release_s": release, "tests_s": tests},
    {"release build in at most 7 minutes": release <= 420, "test build in at most 8 minutes": tests <= 480},
)
