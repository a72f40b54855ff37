from conductor import worker_task


@worker_task("shop_ship")
def ship(number: str) -> dict:
    return {"shipped": number}
