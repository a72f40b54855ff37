"""Register a service that HTTP tasks call by name, with a circuit breaker."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.services.save(
        {
            "name": "example_stock",
            "type": "HTTP",
            "serviceURI": "http://stock.example.com/openapi.json",
        }
    )
    print(
        [
            method.method_name
            for method in client.services.discover("example_stock", create=True)
        ]
    )
    print(client.services.get_circuit_breaker("example_stock").current_state)
