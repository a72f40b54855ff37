"""The locks have what setup.cfg asks for: a requirement that is not locked would be missing in the gate."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def requirements(*extras):
    """Those of the package, and those of its extras, where they hold here."""
    lines = SETUP["options"]["install_requires"].splitlines()
    for extra in extras:
        lines += SETUP["options.extras_require"][extra].splitlines()
    read = [Requirement(line) for line in lines if line.strip()]
    return [one for one in read if one.marker is None or one.marker.evaluate()]


def locked(name):
    """By package, the versions that a lock has, for one interpreter or another."""
    found = {}
    for package, version in re.findall(
        r"^([\w.-]+)(?:\[\S+\])?==([^\s;]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE
    ):
        found.setdefault(canonical(package), []).append(version)
    return found


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def missing(wanted, lock):
    there = locked(lock)
    return [
        str(one) for one in wanted if not any(one.specifier.contains(v) for v in there.get(canonical(one.name), []))
    ]


def test_each_requirement_of_the_extra_dev_is_in_the_lock():
    assert missing(requirements("dev"), "dev.txt") == []


def test_each_requirement_of_an_extra_that_runs_is_in_the_oldest_versions():
    runtime = re.search(r"^RUNTIME := (.+)$", MAKEFILE, re.MULTILINE)[1].split()
    assert missing(requirements(*runtime), "oldest.txt") == []


def test_the_lock_of_the_unit_tests_has_the_versions_of_the_full_lock():
    extras = re.search(r"^UNIT := (.+)$", MAKEFILE, re.MULTILINE)[1].split()
    others = (ROOT / "requirements" / "unit.in").read_text().splitlines()
    wanted = requirements(*extras) + [Requirement(line) for line in others if not line.startswith("#")]
    assert missing(wanted, "unit.txt") == []
    full = locked("dev.txt")
    assert {
        name: versions for name, versions in locked("unit.txt").items() if not set(versions) <= set(full[name])
    } == {}


@pytest.mark.parametrize("one", requirements("fast", "yaml", "cli", "server", "django", "flask"), ids=str)
def test_the_oldest_allowed_version_is_the_tested_one(one):
    [lowest] = [part.version for part in one.specifier if part.operator == ">="]
    assert any(version.startswith(lowest) for version in locked("oldest.txt")[canonical(one.name)])
