"""Every block of every page runs on an embedded server and prints what the page shows, or says why it does not run."""

import re

import attrs
import pytest
from blocks import DOCS, FENCE, OUTPUTS, ROOT, blocks_of, run_block, run_page
from markdown_it import MarkdownIt

import conductor.errors
from conductor import ConductorClient
from conductor.worker.options import WorkerOptions

NAMED = r"# \S+\n"  # the name of the block's file
ELSEWHERE = {  # pages that another test runs: the test, and the beginning of the blocks that it runs
    "howto/testing.md": ("tests/functional/testing/test_howto.py", ""),
    "tutorials/deploy.md": ("tests/functional/test_deploy_tutorial.py", NAMED),
    "tutorials/testing.md": ("tests/functional/testing/test_howto.py", NAMED),
    "howto/oss-server.md": ("tests/e2e/test_readme.py", ""),
    "howto/scripts-cron.md": ("tests/functional/test_scripts.py", NAMED),
    "howto/django.md": ("tests/functional/django/test_howto.py", NAMED),
    "howto/fastapi.md": ("tests/functional/test_fastapi_howto.py", NAMED),
    "howto/flask.md": ("tests/functional/flask/test_howto.py", NAMED),
}
NO_VARIABLES = {"CONDUCTOR_API", "CONDUCTOR_EVENTS", "CONDUCTOR_USER", "CONDUCTOR_GROUP"}  # values of enums
README = [
    block
    for block in blocks_of(ROOT / "README.md")
    if block.kind == "python" and "start_oss_server" not in block.code  # tests/e2e runs that block
]
PAGES = sorted(
    str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if not {"_build", "generated"} & set(path.parts)
)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE and blocks_of(DOCS / page)])
def test_the_blocks_of_a_page_run(page, server, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run_page(DOCS / page, tmp_path)


def test_the_tutorial_of_approvals_runs_on_the_orkes_edition(orkes_server, tmp_path):
    run_page(DOCS / "tutorials" / "human-approval.md", tmp_path)


@pytest.mark.parametrize("block", README, ids=[block.place for block in README])
def test_a_block_of_the_readme_runs_on_the_embedded_server(block, server, tmp_path):
    run_block(block, tmp_path)


def test_links_between_pages_exist():
    for page in PAGES:
        path = DOCS / page
        for link in re.findall(r"\]\((?!http|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{page}: {link}"


def test_pages_that_other_tests_run_exist_with_their_tests():
    for page, (test, _) in ELSEWHERE.items():
        assert (DOCS / page).exists()
        assert (ROOT / test).exists()


@pytest.mark.parametrize("page", ELSEWHERE)
def test_each_block_of_a_tested_page_runs_or_says_why_not(page):
    _, begins = ELSEWHERE[page]
    skipped = [
        block.place
        for block in blocks_of(DOCS / page)
        if block.reason is None and not (block.kind == "python" and re.match(begins, block.code))
    ]
    assert skipped == []


def test_no_block_of_a_page_is_indented_or_inside_a_list():
    for page in PAGES:  # such blocks would not run
        tokens = MarkdownIt().parse((DOCS / page).read_text(encoding="utf-8"))
        assert [token.map[0] + 1 for token in tokens if token.type == "code_block"] == [], page
        assert sum(token.type == "fence" for token in tokens) == len(blocks_of(DOCS / page)), page


def test_code_on_pages_has_at_most_85_columns():
    blocks = [block for page in PAGES for block in blocks_of(DOCS / page) if block.kind not in OUTPUTS]
    wide = [f"{block.place}: {line}" for block in blocks for line in block.code.splitlines() if len(line) > 85]
    assert wide == []


def test_only_one_page_says_how_to_install_the_package():
    named = [page for page in PAGES if "conductor-sdk[" in (DOCS / page).read_text(encoding="utf-8")]
    assert named == ["install.md"]


def test_the_clients_and_methods_that_pages_name_exist():
    made = ConductorClient(server_url="http://localhost:1")
    for page in PAGES:
        text = FENCE.sub(lambda match: "" if match["reason"] else match[0], (DOCS / page).read_text(encoding="utf-8"))
        for client, method in re.findall(r"\bclient\.(\w+)\.(\w+)", text):
            assert hasattr(getattr(made, client), method), f"{page}: client.{client}.{method}"


def test_every_environment_variable_is_documented():
    page = (DOCS / "howto" / "environment.md").read_text(encoding="utf-8")
    code = [path.read_text(encoding="utf-8") for path in (ROOT / "conductor").rglob("*.py")]
    names = {name for text in code for name in re.findall(r"[\"'`](CONDUCTOR_[A-Z0-9_]+)", text)} - NO_VARIABLES
    assert sorted(name for name in names if name not in page) == []


def test_every_variable_of_a_worker_option_is_documented():
    page = (DOCS / "howto" / "environment.md").read_text(encoding="utf-8")
    assert [one.name for one in attrs.fields(WorkerOptions) if f"`{one.name.upper()}`" not in page] == []


def test_troubleshooting_has_a_row_with_a_remedy_for_every_error():
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", troubleshooting(), re.MULTILINE)
    assert [name for name, message, cure in rows if message and cure] == sorted(conductor.errors.__all__)


def test_links_inside_the_troubleshooting_page_exist():
    headings = re.findall(r"^## (.+)$", troubleshooting(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert sorted(set(re.findall(r"\]\(#([^)]+)\)", troubleshooting())) - anchors) == []


def troubleshooting():
    return (DOCS / "troubleshooting.md").read_text(encoding="utf-8")


def test_the_images_are_those_that_the_page_draws(server, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run_page(DOCS / "howto" / "diagrams.md", tmp_path)
    for name in ("order.svg", "order-run.svg"):
        assert (tmp_path / name).read_text() == (DOCS / "images" / name).read_text()


def test_the_image_of_the_fan_out_is_that_of_its_workflow():
    page = (DOCS / "tutorials" / "fan-out.md").read_text(encoding="utf-8")
    names = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:2]:
        exec(code, names)
    assert names["album"].draw().svg() == (DOCS / "images" / "fan-out.svg").read_text(encoding="utf-8")
