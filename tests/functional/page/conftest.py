import os
import subprocess

import pytest
from page_api import Api
from page_axe import AxeUnavailableError, axe_script
from page_browser import Browser, find_browser

from conductor.server.ui.serve import PageServer, Upstream


@pytest.fixture
def api():
    one = Api()
    yield one
    one.stop()


@pytest.fixture
def page(api):
    with PageServer(Upstream(api.url)) as server:
        yield server


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium. Where there is none the tests fail in CI, and are skipped elsewhere."""
    program = find_browser()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no Chromium: install the package chromium")
    one = Browser(program, tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.fixture
def show(browser, page):
    """Open an address of the page; what it may not do is checked at the end."""
    tabs = []

    def open_page(address="", **options):
        tab = browser.open(**options)
        tab.go(page.url + address)
        tabs.append(tab)
        return tab

    yield open_page
    for tab in tabs:
        assert tab.run("window.evil") is None, "text of the server was run as markup"
        assert tab.problems() == []
        assert [address for address in tab.addresses() if not address.startswith(page.url)] == []


@pytest.fixture(scope="session")
def axe(request):
    """The script of axe-core, kept in pytest's cache. Where it is not available the tests fail in CI, and are skipped
    elsewhere."""
    try:
        return axe_script(request.config.cache.mkdir("axe-core"))
    except (AxeUnavailableError, subprocess.TimeoutExpired) as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"axe-core is not available: {error}")
