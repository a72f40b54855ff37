"""Process an order from validation to confirmation: python -m examples.workflows.order

The server calls payment and stock over HTTP. Here they are a small HTTP server in this process.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import http, simple


@worker_task("order_check")
def check(items: list[str]) -> dict[str, int]:
    return {"total": 10 * len(items)}


@worker_task("order_pay_by_hand")
def pay_by_hand(total: int) -> str:
    return f"an invoice over {total}"


@worker_task("order_notify")
def notify(customer: str) -> str:
    return f"{customer} was told"


@worker_task("order_ship")
def ship(items: list[str]) -> dict[str, str]:
    return {"tracking": f"T-{len(items)}"}


@worker_task("order_confirm")
def confirm(customer: str, tracking: str) -> str:
    return f"{customer}: {tracking}"


order = Workflow("order_as_code", input_parameters=["customer", "items", "payment", "services"])
checked = order.add(simple(check, items=order.input["items"]))
order >> http(f"{order.input.services}/stock/check", "POST", body={"items": order.input["items"]}, ref="check_stock")
with order.switch(order.input.payment) as payment:
    for method in ("card", "paypal"):
        with payment.case(method):
            order >> http(f"{order.input.services}/pay/{method}", "POST", body={"total": checked.output.total})
    with payment.default():
        order >> simple(pay_by_hand, total=checked.output.total)
shipped = simple(ship, items=order.input["items"])
order >> [
    http(f"{order.input.services}/stock/take", "POST", body={"items": order.input["items"]}, ref="take_stock"),
    simple(notify, customer=order.input.customer),
    shipped,
]
confirmed = order.add(simple(confirm, customer=order.input.customer, tracking=shipped.output.tracking))
order.returns(confirmation=confirmed.output.result, payment=payment.output.selectedCase)


class Services(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        answer = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


def main(client: ConductorClient) -> dict:
    services = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    threading.Thread(target=services.serve_forever, name="services", daemon=True).start()
    given = {"customer": "ann", "items": ["cup", "pot"], "payment": "card"}
    try:
        with TaskHandler(client, workers=[check, pay_by_hand, notify, ship, confirm]):
            address = f"http://127.0.0.1:{services.server_port}"
            return order.run(client, {**given, "services": address}, timeout=60).output
    finally:
        services.shutdown()
        services.server_close()


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
