"""Integrations with models and systems, their prompts, and the service registry."""

from surface.calls import Call, Send

TAGS = {"team": "payments"}
INTEGRATION = {"name": "ai", "category": "AI_MODEL", "type": "openai", "enabled": True, "configuration": {"a": "b"}}
KIND = {"name": "ai", "category": "AI_MODEL", "type": "openai", "enabled": True, "description": "d"}
PROMPT = {"name": "p", "template": "Say ${x}", "description": "d"}
SERVICE = {
    "name": "shop",
    "type": "HTTP",
    "serviceURI": "http://shop",
    "config": {"circuitBreakerConfig": {"failureRateThreshold": 50}},
}
METHOD = {"operationName": "get", "methodName": "get", "methodType": "GET"}
API = "/api/integrations/provider/{name}/integration/{integration_name}"
PROMPTS = "/api/integrations/provider/{integration_provider}/integration/{integration_name}/prompt"

CALLS: dict[str, Send | Call] = {
    "GET /api/integrations/": lambda c: c.integrations.list("AI_MODEL", active_only=False),
    "POST /api/integrations/": lambda c: c.integrations.save_all([INTEGRATION]),
    "GET /api/integrations/all": lambda c: c.integrations.list_all_names("openai", active_only=False),
    "GET /api/integrations/def": lambda c: c.integrations.list_definitions(),
    "GET /api/integrations/def/{name}": lambda c: c.integrations.get_definition("ai"),
    "POST /api/integrations/def/register": lambda c: c.integrations.register_definitions([KIND]),
    "POST /api/integrations/eventStats/{type}": lambda c: c.integrations.record_event_stats(
        "SEND", [{"event": "x", "createdAt": 5}]
    ),
    "GET /api/integrations/provider": lambda c: c.integrations.list_providers("AI_MODEL", active_only=False),
    "GET /api/integrations/provider/{name}": lambda c: c.integrations.get_provider("ai"),
    "POST /api/integrations/provider/{name}": lambda c: c.integrations.save_provider(
        "ai", {"category": "AI_MODEL", "type": "openai", "enabled": True, "configuration": {"api_key": "k"}}
    ),
    "DELETE /api/integrations/provider/{name}": lambda c: c.integrations.delete_provider("ai"),
    "GET /api/integrations/provider/{name}/tags": lambda c: c.integrations.list_provider_tags("ai"),
    "PUT /api/integrations/provider/{name}/tags": lambda c: c.integrations.set_provider_tags("ai", TAGS),
    "DELETE /api/integrations/provider/{name}/tags": lambda c: c.integrations.delete_provider_tags("ai", TAGS),
    # what a provider offers
    "GET /api/integrations/provider/{name}/integration": lambda c: c.integrations.list_apis("ai", active_only=False),
    "GET /api/integrations/provider/{name}/integration/all": lambda c: c.integrations.list_available_apis("ai"),
    f"GET {API}": lambda c: c.integrations.get_api("ai", "m"),
    f"POST {API}": lambda c: c.integrations.save_api("ai", "m", {"description": "d", "enabled": True}),
    f"DELETE {API}": lambda c: c.integrations.delete_api("ai", "m"),
    f"GET {PROMPTS}": lambda c: c.integrations.list_prompts("ai", "m"),
    f"POST {PROMPTS}/{{prompt_name}}": lambda c: c.integrations.associate_prompt("ai", "m", "p"),
    f"GET {API}/tags": lambda c: c.integrations.list_api_tags("ai", "m"),
    f"PUT {API}/tags": lambda c: c.integrations.set_api_tags("ai", "m", TAGS),
    f"DELETE {API}/tags": lambda c: c.integrations.delete_api_tags("ai", "m", TAGS),
    "GET /api/integrations/llm/{name}/token": lambda c: c.integrations.get_token_limit("ai"),
    "POST /api/integrations/llm/{name}/token": lambda c: c.integrations.save_token_limit("ai", {"limitPeriod": "DAY"}),
    "GET /api/integrations/llm/{name}/token/history": lambda c: c.integrations.list_token_usage(
        "ai", model="m", days=7
    ),
    # prompts
    "GET /api/prompts": lambda c: c.prompts.list(),
    "POST /api/prompts/": lambda c: c.prompts.save_all([PROMPT]),
    "GET /api/prompts/{name}": lambda c: c.prompts.get("p", 2),
    "POST /api/prompts/{name}": lambda c: c.prompts.save(
        "p", "Say ${x}", description="d", models=["ai:m"], version=2, auto_increment=True
    ),
    "PUT /api/prompts/{name}": lambda c: c.prompts.update(
        "p", "Say ${x}", description="d", models=["ai:m", "ai:n"], version=2
    ),
    "DELETE /api/prompts/{name}": lambda c: c.prompts.delete("p"),
    "GET /api/prompts/{name}/versions": lambda c: c.prompts.list_versions("p"),
    "DELETE /api/prompts/{name}/versions/{version}": lambda c: c.prompts.delete_version("p", 2),
    "POST /api/prompts/test": lambda c: c.prompts.test({"prompt": "Say ${x}", "promptVariables": {"x": 1}}),
    "GET /api/prompts/{name}/tags": lambda c: c.prompts.list_tags("p"),
    "PUT /api/prompts/{name}/tags": lambda c: c.prompts.set_tags("p", TAGS),
    "DELETE /api/prompts/{name}/tags": lambda c: c.prompts.delete_tags("p", TAGS),
    # services
    "GET /api/registry/service": lambda c: c.services.list(),
    "POST /api/registry/service": lambda c: c.services.save(SERVICE),
    "GET /api/registry/service/{name}": lambda c: c.services.get("shop"),
    "DELETE /api/registry/service/{name}": lambda c: c.services.delete("shop"),
    "GET /api/registry/service/{name}/discover": lambda c: c.services.discover("shop", create=True),
    "POST /api/registry/service/{registryName}/methods": lambda c: c.services.save_method("shop", METHOD),
    "DELETE /api/registry/service/{registryName}/methods": lambda c: c.services.delete_method(
        "shop", "s", "get", "GET"
    ),
    "POST /api/registry/service/{name}/circuit-breaker/open": lambda c: c.services.open_circuit_breaker("shop"),
    "POST /api/registry/service/{name}/circuit-breaker/close": lambda c: c.services.close_circuit_breaker("shop"),
    "GET /api/registry/service/{name}/circuit-breaker/status": lambda c: c.services.get_circuit_breaker("shop"),
    "GET /api/registry/service/protos/{registryName}": lambda c: c.services.list_protos("shop"),
    "GET /api/registry/service/protos/{registryName}/{filename}": lambda c: c.services.get_proto("shop", "a.bin"),
    "POST /api/registry/service/protos/{registryName}/{filename}": lambda c: c.services.save_proto(
        "shop", "a.bin", b"bytes"
    ),
    "DELETE /api/registry/service/protos/{registryName}/{filename}": lambda c: c.services.delete_proto("shop", "a.bin"),
}
