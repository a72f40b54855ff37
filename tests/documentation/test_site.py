"""The site builds without warnings, and the generated pages are complete."""

import re
import subprocess
import sys
from pathlib import Path

import reference_pages
from blocks import DOCS, ROOT

import conductor.server
import conductor.testing
from conductor import ConductorClient, models
from conductor.settings import Settings


def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for old in re.findall(r'^    "(\S+)": "\S+",$', (DOCS / "conf.py").read_text(encoding="utf-8"), re.MULTILINE):
        page = tmp_path / f"{old}.html"
        target = re.search(r"url=(\S+)\"", page.read_text(encoding="utf-8"))[1]
        assert (page.parent / target).exists(), old


def test_every_client_has_a_page_with_the_operations_of_its_methods():
    client = ConductorClient(server_url="http://localhost:1")
    for name, kind in reference_pages.clients().items():
        assert isinstance(getattr(client, name), kind)
        page = reference_pages.client_page(name, kind)
        assert f".. autoclass:: {kind.__module__}.{kind.__name__}\n   :members:" in page
        for method, function in reference_pages.methods(kind):
            assert f"| `{method}` |" in page or not reference_pages.operations(kind, function)


def test_a_row_has_the_operation_the_servers_and_the_repetition():
    page = reference_pages.client_page("bulk", reference_pages.clients()["bulk"])
    assert "| `delete` | `POST /workflow/bulk/delete` | Orkes | no |" in page
    assert "| `delete` | `DELETE /workflow/bulk/remove` | open source | no |" in page
    assert "| `pause` | `PUT /workflow/bulk/pause` | both | yes |" in page


def test_only_two_methods_have_no_operation():
    silent = [
        f"{name}.{method}"
        for name, kind in reference_pages.clients().items()
        for method, function in reference_pages.methods(kind)
        if not reference_pages.operations(kind, function)
    ]
    assert silent == ["workflows.failure", "workflows.wait"]  # they call other methods


def test_every_name_of_testing_and_server_is_on_its_page():
    for package in (conductor.testing, conductor.server):
        page = (DOCS / "reference" / f"{package.__name__.rpartition('.')[2]}.md").read_text(encoding="utf-8")
        assert [name for name in package.__all__ if not re.search(rf"\.{name}$", page, re.MULTILINE)] == []


def test_every_model_setting_and_option_is_on_a_page():
    page = reference_pages.models_page()
    assert [name for name in models.__all__ if name[0].isupper() and f"## {name}\n" not in page] == []
    settings = reference_pages.settings_page()
    assert [name for name in Settings.__attrs_attrs__ if f"| `{name.name}` |" not in settings] == []
    assert "| `thread_count` | `THREAD_COUNT`, `CONCURRENCY` | `1` |" in reference_pages.worker_options_page()


def test_a_bar_in_a_cell_is_escaped():
    assert reference_pages.table(("head",), [("a|b",)]).endswith("| a\\|b |")


def test_an_unchanged_page_keeps_its_modification_time(tmp_path):
    reference_pages.write(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.md")}
    reference_pages.write(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in Path(tmp_path).rglob("*.md")} == before
    assert len(before) == len(reference_pages.clients()) + 3
