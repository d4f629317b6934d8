"""How long the embedded backend takes to evaluate rules: a thousand of them on ten thousand series.

Ten thousand counters of two minutes, one sample every five seconds, are written into the backend by remote write; a group
of a thousand rules (rates, ratios and sums by route, one alert in ten) is then evaluated once a second. The backend runs on
one core, this script on another. The figure is the time that the group takes for one evaluation, as
`prometheus_rule_group_last_duration_seconds` tells it, the median over the rounds.

Usage: python3 bench/rules.py [ROUNDS]    (default 20; needs target/release/firedrill)
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from remote_write import body, connect, labels, post, sample, series
from report import median, report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SERVICES, ROUTES, INSTANCES, STATUSES = 10, 20, 10, ("200", "404", "500", "503", "201")
SPAN, STEP = 120, 5


def rules():
    """A hundred rules for each service, in one group, which is evaluated from its first to its last: what the service is
    asked for, how much of that fails, and who should know."""
    all_rules = []
    for service in range(SERVICES):
        own, found = f'service="s{service}"', []
        for route in range(ROUTES):
            at = f'{own},route="/r{route}"'
            name = f"s{service}:r{route}"
            found += [
                {"record": f"{name}:rate1m", "expr": f"sum(rate(requests_total{{{at}}}[1m]))"},
                {"record": f"{name}:errors1m", "expr": f'sum(rate(requests_total{{{at},status=~"5.."}}[1m]))'},
                {"record": f"{name}:ratio1m", "expr": f"{name}:errors1m / {name}:rate1m"},
                {"record": f"{name}:by_instance", "expr": f"sum by (instance) (rate(requests_total{{{at}}}[1m]))"},
                {"record": f"{name}:high", "expr": f"{name}:ratio1m > 0.5"} if route % 2 else
                {"alert": f"High{route}", "expr": f"{name}:ratio1m > 0.3", "for": "10s",
                 "annotations": {"summary": "{{ $value | humanizePercentage }} fail"}},
            ]
        all_rules += found
    assert len(all_rules) == 1000
    return json.dumps({"groups": [{"name": "bench", "interval": "1s", "rules": all_rules}]})


def write(address, end):
    """All samples, a thousand series a request."""
    rng, rows, connection = random.Random(5), [], connect(address)
    for service in range(SERVICES):
        for route in range(ROUTES):
            for instance in range(INSTANCES):
                for status in STATUSES:
                    value, points = 0.0, []
                    for i in range(SPAN // STEP):
                        value += rng.randrange(30)
                        points.append(sample((end - (SPAN // STEP - 1 - i) * STEP) * 1000, value))
                    own = labels({"__name__": "requests_total", "service": f"s{service}", "route": f"/r{route}",
                                  "instance": f"i{instance}", "status": status})
                    rows.append(series(own, b"".join(points)))
    for at in range(0, len(rows), 1000):
        post(connection, body(rows[at : at + 1000]))
    return len(rows)


def main():
    home = tempfile.mkdtemp()
    try:
        file = os.path.join(home, "rules.yaml")
        with open(file, "w") as out:
            out.write(rules())
        program = [os.path.join(ROOT, "target/release/firedrill"), "--home", home, "backend", "--ports", "auto", "--rules", file]
        running = subprocess.Popen(["taskset", "-c", "0", *program], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(os.path.join(home, "run.json")):
                time.sleep(0.05)
            with open(os.path.join(home, "run.json")) as described:
                address = json.load(described)["urls"]["prometheus"]
            written = write(address, int(time.time()))
            took = []
            while len(took) < ROUNDS:
                time.sleep(1)
                page = urllib.request.urlopen(f"{address}/metrics").read().decode()
                of_group = re.findall(r"prometheus_rule_group_last_duration_seconds\{.*\} (\S+)", page)
                took.append(float(of_group[0]))
            # The first rounds come before the samples are there.
            took = took[2:]
            rows = [[1000, written, f"{median(took):.3f}", f"{max(took):.3f}"]]
            figures = {"rules": 1000, "series": written, "seconds": median(took), "worst": max(took)}
            report("rules", ["rules", "series", "seconds", "worst"], rows, figures, {"below 1 s": median(took) < 1})
        finally:
            running.terminate()
            running.wait()
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
