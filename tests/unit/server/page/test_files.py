import re

import pytest

from conductor.server.ui import HEADERS, page_file
from conductor.server.ui.files import _files


def text(name):
    return _files()[name].content.decode()


def test_the_page_is_at_the_root():
    assert page_file("/").media_type == "text/html; charset=utf-8"
    assert b"<!doctype html>" in page_file("/").content


def test_every_referenced_file_exists():
    named = set(re.findall(r'(?:href|src)="page/([^"]+)"', text("index.html")))
    for name, file in _files().items():
        if name.endswith(".js"):
            named |= set(re.findall(r'from "\./([^"]+)"', file.content.decode()))

    assert {"main.js", "style.css", "drawing.js"} <= named
    assert all(page_file(f"/page/{name}") for name in named)


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/nope.js", "/page/../files.py", "/page/%2e%2e/files.py", "/files.py", "/main.js", "", "/page"],
)
def test_other_files_are_not_served(path):
    assert page_file(path) is None


@pytest.mark.parametrize("name", sorted(_files()))
def test_no_file_refers_to_another_host(name):
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", text(name)))

    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address


@pytest.mark.parametrize("name", [name for name in sorted(_files()) if name.endswith(".js")])
def test_scripts_never_parse_content_as_markup(name):
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", text(name)
    )


def test_the_headers_forbid_inline_code_and_other_hosts():
    policy = HEADERS["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.search(r"<script>|<style>|\son\w+=|style=", text("index.html"))
