"""The worker program of the images: `python workers.py`."""

import os

from conductor import TaskHandler, worker_task


@worker_task("charge", thread_count=20)
def charge(order: str, amount: float) -> dict[str, str]:
    """Charge an order. The reference is the same for each attempt, so a retry does not charge twice."""
    return {"reference": f"{order}:{amount}"}


if __name__ == "__main__":
    # Less than stop_grace_period and terminationGracePeriodSeconds.
    TaskHandler(grace_seconds=float(os.environ.get("GRACE_SECONDS", "25"))).run()
