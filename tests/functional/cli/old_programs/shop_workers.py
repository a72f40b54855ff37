from conductor.client.worker.worker_task import worker_task


@worker_task(task_definition_name='shop_price', domain=None)
def price(sku: str) -> int:
    return len(sku)
