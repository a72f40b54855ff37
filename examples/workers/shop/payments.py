from conductor import worker_task
from examples.workers.shop import registry


@worker_task("discovered_pay", registry=registry)
def pay(amount: float) -> str:
    return f"{amount:.2f} paid"
