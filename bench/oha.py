"""oha, the load generator that is measured beside ours, or asks where no telemetry of ours should be in the figure."""

import json
import os
import subprocess
import sys

from stack import ROOT

VERSION = "1.15.0"
TOOLS = ROOT / "target" / "bench-tools"
PROGRAM = TOOLS / "bin" / "oha"
QUIET = {**os.environ, "OTEL_SDK_DISABLED": "true"}


def install():
    """Installs it into target/bench-tools on the first run (a few minutes: it brings a TLS stack, which is not used)."""
    if PROGRAM.exists():
        return
    print(f"installing oha {VERSION} into {TOOLS}", file=sys.stderr)
    command = ["cargo", "install", "oha", "--version", VERSION, "--locked", "--root", str(TOOLS)]
    # A target folder of its own: its lock file is not the workspace's.
    TOOLS.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, "--target-dir", str(TOOLS / "build")], cwd=TOOLS.parent, check=True)


def run(url, connections, seconds, *options):
    """Its report of one run, and how many requests failed."""
    command = [str(PROGRAM), "--no-tui", "--output-format", "json", "-c", str(connections), "-z", f"{seconds}s"]
    done = subprocess.run([*command, *options, url], env=QUIET, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    errors = result["errorDistribution"]
    # Requests cut off by the end of the time are no failures.
    failed = sum(count for why, count in errors.items() if "deadline" not in why)
    failed += sum(count for status, count in result["statusCodeDistribution"].items() if not status.startswith("2"))
    return result, failed
