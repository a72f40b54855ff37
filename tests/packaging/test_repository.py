"""The files around the package: workflows, templates and hooks parse, and agree with setup.cfg and the locks."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
PYTHONS = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", SETUP["metadata"]["classifiers"], re.MULTILINE)


def load(path):
    """Read YAML with every scalar as a string, so that 3.10 and `on` stay what they are."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def jobs():
    return [(path.name, name, job) for path in WORKFLOWS for name, job in load(path)["jobs"].items()]


def steps():
    return [(file, name, step) for file, name, job in jobs() for step in job["steps"]]


def test_every_yaml_file_of_the_repository_parses():
    folders = (ROOT.glob(".*.yaml"), (ROOT / ".github").rglob("*.yml"))
    files = [path for found in folders for path in found]
    assert len(files) >= 9
    assert [path.name for path in files if not isinstance(load(path), dict)] == []


def test_every_action_is_pinned_to_a_commit_and_names_its_version():
    lines = [
        (path.name, line.strip())
        for path in WORKFLOWS
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(- )?uses:", line)
    ]
    assert len(lines) == sum("uses" in step for _, _, step in steps())
    pinned = re.compile(r"(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+){1,2}")
    assert [line for line in lines if not pinned.fullmatch(line[1])] == []


def test_an_action_has_the_same_commit_everywhere():
    commits = {}
    for _, _, step in steps():
        if "uses" in step:
            action, _, commit = step["uses"].partition("@")
            commits.setdefault("/".join(action.split("/")[:2]), set()).add(commit)
    assert {action: found for action, found in commits.items() if len(found) > 1} == {}


def test_the_matrix_has_the_pythons_of_the_classifiers_on_three_systems():
    matrix = load(ROOT / ".github/workflows/ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert [system.partition("-")[0] for system in matrix["os"]] == ["ubuntu", "macos", "windows"]


def test_the_gate_has_every_python_and_python_requires_is_the_oldest():
    (setup,) = (
        step for file, job, step in steps() if (file, job) == ("ci.yml", "gate") and "python-version" in str(step)
    )
    assert sorted(setup["with"]["python-version"].split(), key=PYTHONS.index) == PYTHONS
    assert SETUP["options"]["python_requires"] == f">={PYTHONS[0]}"


def test_make_targets_of_the_workflows_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    wanted = {
        target for _, _, step in steps() for target in re.findall(r"^make ([\w-]+)", step.get("run", ""), re.MULTILINE)
    }
    assert wanted
    assert {target for target in wanted if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_workflows_have_no_right_and_no_time_that_they_do_not_need():
    for path in WORKFLOWS:
        assert load(path)["permissions"] == {"contents": "read"}, path
    rights = {
        (file, name): {right for right, kind in job["permissions"].items() if kind == "write"}
        for file, name, job in jobs()
        if "permissions" in job
    }
    assert rights == {("codeql.yml", "analyze"): {"security-events"}, ("release.yml", "publish"): {"id-token"}}
    assert [(file, name) for file, name, job in jobs() if "timeout-minutes" not in job] == []
    kept = [step for _, _, step in steps() if "checkout@" in step.get("uses", "")]
    assert [step for step in kept if step["with"]["persist-credentials"] != "false"] == []


def test_a_release_is_published_with_attestations_and_without_a_password():
    publish = load(ROOT / ".github/workflows/release.yml")["jobs"]["publish"]
    assert publish["environment"] == "release"
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["steps"][-1]["with"] == {"attestations": "true"}


def test_the_hooks_use_the_locked_versions():
    lock = (ROOT / "requirements/dev.txt").read_text(encoding="utf-8")
    (repository,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    pins = {pin for hook in repository["hooks"] for pin in hook["additional_dependencies"]}
    assert pins
    assert {pin for pin in pins if not re.search(rf"^{re.escape(pin)}[ ;]", lock, re.MULTILINE)} == set()


def test_the_update_bot_covers_actions_and_locks_only():
    updates = {update["package-ecosystem"]: update for update in load(ROOT / ".github/dependabot.yml")["updates"]}
    assert set(updates) == {"github-actions", "pip"}
    assert "requirements/oldest.txt" in updates["pip"]["exclude-paths"]
    for path in updates["pip"]["exclude-paths"]:
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("template", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda p: p.name)
def test_issue_forms_have_what_the_site_requires(template):
    form = load(template)
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)


def test_links_and_commands_of_the_contributor_pages_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = ["CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", ".github/pull_request_template.md"]
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (ROOT / link).exists(), (page, link)
        for words in re.findall(r"make ((?:[a-z][\w-]*\b ?)+)(?=[`\n])", text):
            for target in words.split():
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page, target)
        for path in re.findall(r"`((?:tests|docs|conductor|requirements|tools)/[\w./-]+)`", text):
            assert (ROOT / path).exists(), (page, path)
