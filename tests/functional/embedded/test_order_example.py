"""The order example as a new user runs it: no server, no Java, no Docker."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ORDERS = json.loads((ROOT / "examples" / "order_processing" / "orders.json").read_text())


def test_every_order_of_the_example_ends_as_expected():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONDUCTOR_")}

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.order_processing"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = [line.split() for line in ran.stdout.splitlines() if " yes " in line]
    assert [row[0] for row in rows] == [sample["order"]["id"] for sample in ORDERS]
    assert ran.stderr == ""
