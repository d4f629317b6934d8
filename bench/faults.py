"""Ways to take a program of the real stack away from a stack that runs, and to give it back.

`up` starts each program through a script of ours: it waits while a file is there, so that a killed program stays down
although `up` starts it again, and on request it gives the program a small disk of its own, seen by nobody else, which
can be filled from outside. Once the program runs, the script is gone: the process is the program itself.
"""

import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading
import time

from stack import ROOT

PROGRAMS = ("alertmanager", "prometheus", "loki", "jaeger", "otelcol")
SMALL_DISK = "96m"

SCRIPT = """#!/bin/sh
case "$1" in --version | version | components) exec {real} "$@" ;; esac
while [ -e {folder}/{name}.down ]; do sleep 0.1; done
if [ -e {folder}/{name}.small ]; then
    exec unshare --mount sh -c 'mkdir -p "$0" && mount -t tmpfs -o size={size} tmpfs "$0" && exec {real} "$@"' \\
        "$FIREDRILL_HOME/data/native/{name}" "$@"
fi
exec {real} "$@"
"""


class Programs:
    """The scripts, in a folder of their own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-programs-"))
        built = ROOT / os.environ.get("FIREDRILL_BACKENDS", ".backends") / "bin"
        (self.folder / "bin").mkdir()
        for name in PROGRAMS:
            real = built / name if (built / name).exists() else shutil.which(name)
            if real is None:
                raise SystemExit(f"{name} is not there: run stack/native/build {name}")
            script = self.folder / "bin" / name
            script.write_text(SCRIPT.format(real=real, folder=self.folder, name=name, size=SMALL_DISK), encoding="utf-8")
            script.chmod(0o755)
        # On PATH, where `up` looks first.
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        self.env = {"PATH": path, "FIREDRILL_BACKENDS": str(self.folder)}

    def down(self, name):
        """The file that keeps a program down."""
        return self.folder / f"{name}.down"

    def small(self, name):
        """The file that gives a program a small disk at its next start."""
        return self.folder / f"{name}.small"

    def remove(self):
        shutil.rmtree(self.folder)


def pid(stack, name):
    """The process id of a program as it is now: a restart changes it."""
    run = json.loads((pathlib.Path(stack.home.name) / "run.json").read_text(encoding="utf-8"))
    return run["pids"][name]


class Down:
    """Killed, and kept down."""

    title = "killed, held down"

    def __init__(self, programs, name):
        self.programs, self.name = programs, name

    def prepare(self):
        pass

    def begin(self, stack):
        self.programs.down(self.name).touch()
        self.old = pid(stack, self.name)
        os.kill(self.old, signal.SIGKILL)

    def end(self, stack):
        self.programs.down(self.name).unlink()
        # `up` tries again every few seconds.
        while pid(stack, self.name) == self.old:
            time.sleep(0.1)


class Hanging(Down):
    """There, and silent."""

    title = "hanging (SIGSTOP)"

    def begin(self, stack):
        os.kill(pid(stack, self.name), signal.SIGSTOP)

    def end(self, stack):
        os.kill(pid(stack, self.name), signal.SIGCONT)


class Slow(Down):
    """Runs a tenth of the time, as under a processor quota of a tenth: 10 ms of each 100 ms."""

    title = "slow (runs 10 ms of each 100 ms)"

    def begin(self, stack):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.slow, args=(pid(stack, self.name),))
        self.thread.start()

    def slow(self, process):
        while not self.over.is_set():
            os.kill(process, signal.SIGSTOP)
            self.over.wait(0.09)
            os.kill(process, signal.SIGCONT)
            time.sleep(0.01)

    def end(self, stack):
        self.over.set()
        self.thread.join()


class FullDisk(Down):
    """Its disk has no byte left."""

    title = "disk full"

    def prepare(self):
        self.programs.small(self.name).touch()

    def ballast(self, stack):
        data = f"{stack.home.name}/data/native/{self.name}"
        return pathlib.Path(f"/proc/{pid(stack, self.name)}/root{data}/ballast")

    def begin(self, stack):
        with open(self.ballast(stack), "wb", buffering=0) as ballast:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError:
                    pass

    def end(self, stack):
        self.ballast(stack).unlink()
        self.programs.small(self.name).unlink()
