"""Servers of the Orkes edition, and clients with the rights of users and applications."""

from contextlib import ExitStack

import pytest

from conductor import ConductorClient
from conductor.server import start

ADMIN_KEY = {"admin-key": "admin-secret"}


class Access:
    """A secured server, the administrator's client, and clients of new applications."""

    def __init__(self, stack, database=None):
        self._stack = stack
        self.server = stack.enter_context(start(database=database, edition="orkes", keys=ADMIN_KEY))
        self.admin = self.client("admin-key", "admin-secret")

    def client(self, key, secret):
        return self._stack.enter_context(ConductorClient(server_url=self.server.url, auth_key=key, auth_secret=secret))

    def application(self, name, *roles):
        """Return the id of a new application, and its client."""
        application = self.admin.applications.create(name)
        for role in roles:
            self.admin.applications.add_role(application.id, role)
        key = self.admin.applications.create_access_key(application.id)
        return application.id, self.client(key.id, key.secret)


@pytest.fixture
def access():
    with ExitStack() as stack:
        yield Access(stack)


@pytest.fixture(scope="module")
def server():
    """An open server for the tests of a module that do not disturb each other."""
    with start(edition="orkes") as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    """The client of the module's server."""
    with ConductorClient(server_url=server.url) as one:
        yield one


@pytest.fixture(scope="module")
def shared_access():
    """A secured server for the tests of a module that do not disturb each other."""
    with ExitStack() as stack:
        yield Access(stack)


@pytest.fixture
def open_server():
    """A server of the Orkes edition that needs no token."""
    with start(edition="orkes") as server:
        yield server


@pytest.fixture
def orkes(open_server):
    """The client of an open server: it acts for the administrator."""
    with ConductorClient(server_url=open_server.url) as client:
        yield client
