#!/usr/bin/env python3
"""What it costs that every request passes the links in which faults are injected, while none is.

One running stack without traffic of its own, measured in turn in two ways. `through`: as users have it, orders go through
the link to order-service, and its calls through those to its neighbours. `past`: orders go to order-service's own address,
and it is told its neighbours' own addresses over its admin listener, so that no byte passes the relay. Nothing else
differs: same processes, same databases, same warmth. Orders are sent by oha, so that the sender's own cost is that of
neither.

Open loop: a rate that the machine keeps easily; throughput and the 99th percentile. Closed loop: as many orders as eight
connections get answered. There the relay, which runs on the same two cores as all that is measured, takes time from its
neighbours; the throughput is that of the machine, not that of a link.

    python3 bench/relay.py [--rounds 7] [--seconds 15] [--rps 200]

oha is installed into target/bench-tools on the first run.
"""

import argparse
import json
import urllib.request

import oha
from report import median, report
from stack import Stack, build

ORDER = json.dumps({"user_id": 1, "product_id": 1101, "quantity": 1})
POST = ["-m", "POST", "-T", "application/json", "-d", ORDER]


def ask(run, url, body=None):
    """What an operator's listener answers."""
    request = urllib.request.Request(url, method="GET" if body is None else "PUT")
    request.add_header("authorization", f"Bearer {run['admin_token']}")
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, None if body is None else json.dumps(body).encode()) as answer:
        return json.loads(answer.read())


class Ways:
    """The two ways to an order, and switching between them."""

    def __init__(self, run):
        self.run = run
        self.endpoints = run["admin_urls"]["order-service"] + "/endpoints"
        shown = ask(run, self.endpoints)
        self.linked = {name: [{"url": e["url"], "share": e["share"]} for e in list] for name, list in shown.items()}
        self.own = {name: [{"url": run["urls"][name], "share": 1}] for name in shown}
        links = ask(run, run["urls"]["network"] + "/links")["links"]
        entry = next(link for link in links if link["name"] == "loadgen>order-service")
        self.entry = "http://" + entry["listen"]

    def take(self, through):
        """Order-service calls its neighbours this way from now on; returns the address for orders on it."""
        ask(self.run, self.endpoints, self.linked if through else self.own)
        return (self.entry if through else self.run["urls"]["order-service"]) + "/orders"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--seconds", type=int, default=15)
    options.add_argument("--rps", type=int, default=200)
    options = options.parse_args()
    build()
    oha.install()
    measured = {through: {"open": [], "p50": [], "p99": [], "closed": []} for through in (True, False)}
    failed = 0
    with Stack("--no-load") as stack:
        ways = Ways(stack.run)
        for through in (True, False):
            oha.run(ways.take(through), 8, 3, *POST)
        for turn in range(options.rounds):
            # Who begins changes, so that what warms up or fills up favours neither.
            for through in (turn % 2 == 0, turn % 2 == 1):
                url, seen = ways.take(through), measured[through]
                rate = ["-q", str(options.rps), "--latency-correction"]
                opened, bad = oha.run(url, 16, options.seconds, *rate, *POST)
                failed += bad
                seen["open"].append(opened["summary"]["requestsPerSec"])
                seen["p50"].append(opened["latencyPercentiles"]["p50"] * 1000)
                seen["p99"].append(opened["latencyPercentiles"]["p99"] * 1000)
                closed, bad = oha.run(url, 8, options.seconds, *POST)
                failed += bad
                seen["closed"].append(closed["summary"]["requestsPerSec"])
    rows, change = [], {}
    for name, unit in (("open", "orders/s"), ("p50", "ms"), ("p99", "ms"), ("closed", "orders/s")):
        through, past = (measured[way][name] for way in (True, False))
        change[name] = (median([a / b for a, b in zip(through, past)]) - 1) * 100
        spread = f"{min(past):.2f} to {max(past):.2f}"
        rows.append([f"{name}, {unit}", f"{median(through):.2f}", f"{median(past):.2f}", spread, f"{change[name]:+.1f}%"])
    met = {
        f"throughput at {options.rps} orders/s within 2%: {change['open']:+.1f}%": abs(change["open"]) <= 2,
        f"p99 at {options.rps} orders/s within 5%: {change['p99']:+.1f}%": change["p99"] <= 5,
        f"throughput of a closed loop within 2%: {change['closed']:+.1f}%": change["closed"] >= -2,
        f"no order failed: {failed}": failed == 0,
    }
    columns = ["figure", "through the links", "past them", "range past them", "change, median of rounds"]
    report("relay", columns, rows, {"change_percent": change, "failed": failed}, met)


if __name__ == "__main__":
    main()
