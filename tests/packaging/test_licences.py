"""docs/reference/licences.md lists what installing this package, and each of its extras, brings along."""

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "licences.md"
EXTRAS = {
    *("fast", "yaml", "cli", "migrate", "oss", "hypothesis", "server"),
    *("prometheus", "opentelemetry", "sentry", "django", "flask"),
}
SAID_ELSEWHERE = {"quickjs-ng": "MIT"}  # in its LICENSE file, and not in its metadata


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name, extras=("",), seen=None):
    """What the distribution ``name`` with ``extras`` needs, at any depth, on this machine."""
    seen = set() if seen is None else seen
    for text in distribution(name).requires or []:
        wanted = Requirement(text)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if (key := canonical(wanted.name)) not in seen:
            seen.add(key)
            needed(wanted.name, ("", *wanted.extras), seen)
    return seen


def licence(name):
    metadata = distribution(name).metadata
    classified = [
        line.split("::")[-1].strip() for line in metadata.get_all("Classifier") or [] if line.startswith("License")
    ]
    return (
        metadata.get("License-Expression") or ", ".join(classified) or metadata.get("License") or SAID_ELSEWHERE[name]
    )


def rows():
    return {
        cells[0]: (cells[1], set(cells[2].split(", ")))
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and (cells := [cell.strip() for cell in line.strip("|").split("|")])[0] != "package"
    }


def test_each_installed_package_is_listed_with_its_licence():
    brought = {name: {""} for name in needed("conductor-sdk")}
    for extra in EXTRAS:
        for name in needed("conductor-sdk", ("", extra)):
            if "" not in brought.setdefault(name, set()):
                brought[name].add(extra)
    wanted = {name: (licence(name), {extra or "core" for extra in extras}) for name, extras in brought.items()}

    listed = rows()

    assert {name: row for name, row in listed.items() if name in wanted} == wanted
    assert set(listed) - set(wanted) <= {
        "colorama",
        "exceptiongroup",
        "tzdata",
        "importlib-metadata",
        "zipp",
        "pyyaml-ft",
    }


def test_the_extras_are_those_of_the_package():
    published = set(distribution("conductor-sdk").metadata.get_all("Provides-Extra"))

    assert published - EXTRAS == {"docs", "test", "dev"}
