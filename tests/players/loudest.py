"""An example of a player of drills: says that whoever fails most is to blame, and that nothing is wrong when nobody fails.

`firedrill drill bench commons --player 'python3 tests/players/loudest.py'` lets it play. It needs Python's standard library.
"""

import json
import os
import urllib.parse
import urllib.request

URL, TOKEN = os.environ["FIREDRILL_PLAYER_URL"], os.environ["FIREDRILL_PLAYER_TOKEN"]
FAILURES = 'sum by (service, method, route) (rate(http_server_request_duration_seconds_count{status=~"5.."}[30s]))'


def ask(path, body=None):
    """Asks the listener of the drill; a body is sent."""
    request = urllib.request.Request(URL + path, None if body is None else json.dumps(body).encode())
    request.add_header("authorization", f"Bearer {TOKEN}")
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def query(promql):
    """Asks Prometheus for a vector."""
    url = os.environ["PROMETHEUS_URL"] + "/api/v1/query?" + urllib.parse.urlencode({"query": promql})
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)["data"]["result"]


assert ask("/drill")["phase"] == "investigating"
failing = [(float(one["value"][1]), one["metric"]) for one in query(FAILURES) if float(one["value"][1]) > 0.1]
if failing:
    _, worst = max(failing, key=lambda pair: pair[0])
    operation = f"{worst['method']} {worst['route']}"
    ask("/drill/notes", {"text": f"{worst['service']} {operation} fails most"})
    ask("/drill/answers", {"service": worst["service"], "operation": operation, "cause": "bad-configuration"})
else:
    ask("/drill/answers", {"cause": "nothing"})
