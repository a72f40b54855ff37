"""What the Orkes edition stores survives a restart, and secrets are not in the database in plain text."""

import sys
from contextlib import ExitStack

import pytest

from conductor import ConductorClient
from conductor.errors import ConfigurationError, PermissionDeniedError
from conductor.models import SubjectRef, TargetRef
from conductor.server import start

SECRET = "tr0ub4dor&3-never-to-be-seen"


@pytest.fixture
def restart(tmp_path):
    """Return a function that starts a server on one database, and returns its client for a key."""
    with ExitStack() as stack:

        def run():
            stack.close()
            server = stack.enter_context(
                start(database=tmp_path / "conductor.db", edition="orkes", keys={"id": "start-up-secret"})
            )

            def client(key="id", secret="start-up-secret"):
                return stack.enter_context(ConductorClient(server_url=server.url, auth_key=key, auth_secret=secret))

            return client

        yield run


def test_everything_survives_a_restart(restart):
    admin = restart()()
    application = admin.applications.create("worker")
    admin.applications.add_role(application.id, "WORKER")
    key = admin.applications.create_access_key(application.id)
    admin.users.save("ann@example.com", "Ann", roles=["USER"])
    admin.groups.save("team", "Team", default_access={"TASK_DEF": ["READ"]})
    admin.groups.add_user("team", "ann@example.com")
    admin.permissions.grant(SubjectRef("team", "GROUP"), TargetRef("charge", "TASK_DEF"), ["EXECUTE"])
    admin.permissions.grant(SubjectRef(f"app:{application.id}", "USER"), TargetRef("charge", "TASK_DEF"), ["EXECUTE"])
    admin.secrets.save("KEY", SECRET)
    admin.secrets.set_tags("KEY", {"team": "billing"})
    admin.environment.save("REGION", "eu")
    admin.roles.create("AUDITOR", ["READ_TASK_DEF"])
    client_of = restart()
    admin, worker = client_of(), client_of(key.id, key.secret)
    assert [one.name for one in admin.applications.list()] == ["worker"]
    assert worker.tasks.poll("charge") is None
    with pytest.raises(PermissionDeniedError):
        worker.tasks.poll("other")
    assert [one.id for one in admin.groups.list_users("team")] == ["ann@example.com"]
    assert admin.users.check_permissions("ann@example.com", "TASK_DEF", "charge")["EXECUTE"]
    assert admin.secrets.get("KEY") == SECRET
    assert [tag.value for tag in admin.secrets.list_tags("KEY")] == ["billing"]
    assert admin.environment.get("REGION") == "eu"
    assert [one.name for one in admin.roles.list_custom()] == ["AUDITOR"]
    admin.secrets.delete("KEY")
    admin.applications.delete_access_key(application.id, key.id)
    client_of = restart()
    assert client_of().secrets.list_names() == []
    assert client_of().applications.list_access_keys(application.id) == []


def test_files_of_the_server_contain_no_secret_in_plain_text(restart, tmp_path):
    admin = restart()()
    key = admin.applications.create_access_key(admin.applications.create("worker").id)
    admin.secrets.save("KEY", SECRET)
    admin.metadata.list_tasks()
    token = str(admin.tokens.create("id", "start-up-secret").token)
    restart()
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(files) >= {"conductor.db", "conductor.db.key"}
    for name, content in files.items():
        for hidden in (SECRET, str(key.secret), "start-up-secret", token):
            assert hidden.encode() not in content, name
    if sys.platform != "win32":
        assert (tmp_path / "conductor.db.key").stat().st_mode & 0o077 == 0


def test_database_without_its_key_file_is_refused(restart, tmp_path):
    restart()().secrets.save("KEY", SECRET)
    restart()
    key = (tmp_path / "conductor.db.key").read_text()  # of another database
    copy = tmp_path / "copy.db"
    with start(database=copy, edition="orkes") as server, ConductorClient(server_url=server.url) as client:
        client.secrets.save("KEY", SECRET)
    for content, words in (
        (None, "is missing"),
        ("00" * 32, "does not match the secrets"),
        ("nonsense", "cannot be read"),
        (key, "does not match the secrets"),
    ):
        file = tmp_path / "copy.db.key"
        if content is None:
            file.rename(tmp_path / "kept")
        else:
            file.write_text(content)
        with pytest.raises(ConfigurationError, match=words) as caught:
            start(database=copy, edition="orkes")
        assert SECRET not in str(caught.value)
        file.unlink(missing_ok=True)
    (tmp_path / "kept").rename(tmp_path / "copy.db.key")
    with start(database=copy, edition="orkes") as server, ConductorClient(server_url=server.url) as client:
        assert client.secrets.get("KEY") == SECRET
