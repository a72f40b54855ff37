import os
import threading

from django.db import connection
from django.db.models import F

from conductor import worker_task
from shop.models import Order


@worker_task("shop_pay")
def pay(number: str) -> dict:
    Order.objects.filter(number=number).update(paid_by=os.getpid(), payments=F("payments") + 1)
    return {"pid": os.getpid(), "thread": threading.current_thread().name, "order": number}


@worker_task("shop_break_connection", thread_count=1)
def break_connection() -> dict:
    """Break the thread's connection, as a restart of the database does."""
    Order.objects.count()
    connection.connection.close()
    try:
        Order.objects.count()
    except Exception as error:
        return {"then": type(error).__name__}
    return {"then": "it worked"}


@worker_task("shop_count_connections", thread_count=1)
def count() -> dict:
    """Whether the task before left its connection open, and whether this one works."""
    was_open = connection.connection is not None
    return {"was_open": was_open, "orders": Order.objects.count(), "thread": threading.get_ident()}
