"""docs/howto/django.md is followed in a new project, block by block."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "django.md"

PLACE = """
import json
from django.test import Client
from shop.models import Order

said = Client().post("/orders/", {"number": "o-1"}).json()
health = Client().get("/conductor/health/").status_code
print(json.dumps({**said, "health": health}))
"""

FIXTURES = """
import os

import django
import pytest
from django.test.utils import setup_databases, setup_test_environment, teardown_databases

os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
django.setup()

from django import test
from django.conf import settings as current


class Settings:
    def __getattr__(self, name):
        return getattr(current, name)

    def __setattr__(self, name, value):
        test.override_settings(**{name: value}).enable()


@pytest.fixture(scope="session")
def databases():
    setup_test_environment()
    made = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(made, verbosity=0)


@pytest.fixture(autouse=True)
def transactions(databases, request):
    assert request.node.get_closest_marker("django_db").kwargs == {"transaction": True}
    case = test.TransactionTestCase("__init__")
    type(case).setUpClass()
    case._pre_setup()
    yield
    case._post_teardown()


@pytest.fixture
def settings():
    return Settings()


@pytest.fixture
def client():
    return test.Client()
"""  # what the page uses of pytest-django, which is not one of this project's requirements


@pytest.fixture
def site(tmp_path):
    """A new project with the page's blocks in their files; those of existing files are added at their end."""

    def admin(*words):
        subprocess.run([sys.executable, "-m", "django", *words], cwd=tmp_path, check=True, timeout=60)

    admin("startproject", "mysite", ".")
    admin("startapp", "shop")
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        before = (tmp_path / name).read_text() if name == "mysite/settings.py" else ""
        (tmp_path / name).write_text(f"{before}\nALLOWED_HOSTS = ['testserver']\n{code}" if before else code)
    return tmp_path


@pytest.fixture
def run(site, server):
    def manage(*words):
        env = {**os.environ, "CONDUCTOR_SERVER_URL": server.url}
        env.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=site, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return manage


def test_the_page_makes_a_project_that_ships_orders_and_reports(run, site, manage, said, define, client, wait_until):
    define("ship", "ship_order", inputs=("order_id",))
    run("makemigrations", "shop")
    run("migrate", "--verbosity", "0")
    run("check")
    answer = json.loads(run("shell", "--verbosity", "0", "-c", PLACE).splitlines()[-1])
    assert answer["health"] == 200
    (run_id,) = client.workflows.list_running_ids("ship")

    worker = manage("conductor_worker", "--no-reload", project=site, DJANGO_SETTINGS_MODULE="mysite.settings")
    said(worker, "Running workers for ")

    ended = wait_until(lambda: (one := client.workflows.get(run_id)).status == "COMPLETED" and one, 20)
    assert ended.correlation_id == answer["reference"]
    assert ended.tasks[0].output_data == {"shipped": "o-1"}
    for _ in range(2):
        run("deploy_workflows")
    report_id = client.schedules.run_now("nightly_report")
    ended = wait_until(lambda: (one := client.workflows.get(report_id)).is_terminal and one, 30)
    assert ended.output["report"]["shipped"] == 1
    assert client.schedules.get("nightly_report").zone_id == "Europe/Oslo"


def test_the_tests_of_the_page_pass(run, site):
    run("makemigrations", "shop")
    (site / "conftest.py").write_text(FIXTURES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "shop/test_orders.py"]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_page_names_every_option():
    from conductor.contrib.django.configuration import _FIELDS

    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in _FIELDS if f"| `{name}` |" not in page] == []
