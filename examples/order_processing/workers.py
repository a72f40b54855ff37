"""The workers: plain functions, one per task type. Annotations convert their inputs."""

from dataclasses import dataclass, field
from decimal import Decimal

from conductor import NonRetryableError, get_task_context, worker_task

STOCK = {"TEAPOT": 5, "CUP": 100, "SAUCER": 40, "SAMOVAR": 1}
SHIPS_TO = {"GB", "US", "DE"}


@dataclass
class Item:
    sku: str
    quantity: int
    price: Decimal


@dataclass
class Card:
    number: str
    declines: int = 0  # number of times that the bank declines this sample card before it accepts


@dataclass
class Address:
    street: str
    city: str
    country: str


@dataclass
class Order:
    id: str
    email: str
    card: Card
    address: Address
    items: list[Item] = field(default_factory=list)


@worker_task("validate_order", thread_count=2)
def validate_order(order: Order) -> dict:
    if not order.items:
        raise NonRetryableError(f"order {order.id} is empty")
    return {"items": order.items, "total": sum(item.quantity * item.price for item in order.items)}


@worker_task("check_inventory", thread_count=2)
def check_inventory(items: list[Item]) -> dict:
    missing = [item.sku for item in items if STOCK.get(item.sku, 0) < item.quantity]
    return {"available": not missing, "missing": missing}


@worker_task("charge_payment", thread_count=2)
def charge_payment(order_id: str, amount: Decimal, card: Card) -> dict:
    context = get_task_context()
    context.log("charging %s to card ...%s, attempt %d", amount, card.number[-4:], context.retry_count + 1)
    if context.retry_count < card.declines:
        raise ConnectionError("the payment gateway did not answer")  # retried according to the task definition
    return {"transaction_id": f"tx-{order_id}", "charged": amount}


@worker_task("create_shipping_label", thread_count=2)
def create_shipping_label(order_id: str, address: Address) -> dict:
    if address.country not in SHIPS_TO:
        raise NonRetryableError(f"no carrier ships to {address.city}, {address.country}")  # a retry would not help
    return {"tracking_number": f"{address.country}-{order_id}"}


@worker_task("send_email", thread_count=2)
def send_email(to: str, subject: str) -> None:
    get_task_context().log("to %s: %s", to, subject)


@worker_task("refund_payment", hand_back=True)
def refund_payment(order_id: str, reason: str) -> dict:
    get_task_context().log("refunding order %s, because: %s", order_id, reason)
    return {"refunded": f"tx-{order_id}"}
