"""What workflows are given from outside: secrets, environment variables, schemas, tags."""

from conductor.models import Tag
from surface.calls import Call, Send

TAGS = {"team": "payments"}
TAG = Tag(key="team", value="payments")
SCHEMA = {"name": "s", "version": 1, "type": "JSON", "data": {"type": "object"}}

CALLS: dict[str, Send | Call] = {
    "POST /api/secrets": lambda c: c.secrets.list_names(),
    "GET /api/secrets": lambda c: c.secrets.list_grantable(),
    "GET /api/secrets/v2": lambda c: c.secrets.list_with_metadata(),
    "GET /api/secrets-v2": lambda c: c.secrets.list_with_tags(),
    "GET /api/secrets/{key}": lambda c: c.secrets.get("KEY"),
    "PUT /api/secrets/{key}": lambda c: c.secrets.save("KEY", "value"),
    "DELETE /api/secrets/{key}": lambda c: c.secrets.delete("KEY"),
    "GET /api/secrets/{key}/exists": lambda c: c.secrets.exists("KEY"),
    "GET /api/secrets/clearLocalCache": lambda c: c.secrets.clear_local_cache(),
    "GET /api/secrets/clearRedisCache": lambda c: c.secrets.clear_redis_cache(),
    "GET /api/secrets/{key}/tags": lambda c: c.secrets.list_tags("KEY"),
    "PUT /api/secrets/{key}/tags": lambda c: c.secrets.set_tags("KEY", TAGS),
    "DELETE /api/secrets/{key}/tags": lambda c: c.secrets.delete_tags("KEY", TAGS),
    # environment
    "GET /api/environment": lambda c: c.environment.list(),
    "GET /api/environment/{key}": lambda c: c.environment.get("KEY"),
    "PUT /api/environment/{key}": lambda c: c.environment.save("KEY", "value"),
    "DELETE /api/environment/{key}": lambda c: c.environment.delete("KEY"),
    "GET /api/environment/{name}/tags": lambda c: c.environment.list_tags("KEY"),
    "PUT /api/environment/{name}/tags": lambda c: c.environment.set_tags("KEY", TAGS),
    "DELETE /api/environment/{name}/tags": lambda c: c.environment.delete_tags("KEY", TAGS),
    # schemas
    "POST /api/schema": lambda c: c.schemas.save(SCHEMA, new_version=True),
    "GET /api/schema": lambda c: c.schemas.list(short=True),
    "GET /api/schema/{name}/{version}": lambda c: c.schemas.get("s", 1),
    "GET /api/schema/{name}": lambda c: c.schemas.get("s"),
    "DELETE /api/schema/{name}/{version}": lambda c: c.schemas.delete("s", 1),
    "DELETE /api/schema/{name}": lambda c: c.schemas.delete_all_versions("s"),
    "POST /api/global_schema": lambda c: c.schemas.save_global([SCHEMA], new_version=True),
    "GET /api/global_schema/{name}": lambda c: c.schemas.get_global("s"),
    # tags of definitions
    "GET /api/metadata/tags": lambda c: c.tags.list(),
    "POST /api/metadata/workflow/{name}/tags": lambda c: c.tags.add_workflow_tag("order", TAG),
    "PUT /api/metadata/workflow/{name}/tags": lambda c: c.tags.set_workflow_tags("order", TAGS),
    "GET /api/metadata/workflow/{name}/tags": lambda c: c.tags.list_workflow_tags("order"),
    "DELETE /api/metadata/workflow/{name}/tags": lambda c: c.tags.delete_workflow_tag("order", TAG),
    "POST /api/metadata/task/{taskName}/tags": lambda c: c.tags.add_task_tag("charge", TAG),
    "PUT /api/metadata/task/{taskName}/tags": lambda c: c.tags.set_task_tags("charge", TAGS),
    "GET /api/metadata/task/{taskName}/tags": lambda c: c.tags.list_task_tags("charge"),
    "DELETE /api/metadata/task/{taskName}/tags": lambda c: c.tags.delete_task_tag("charge", TAG),
}
