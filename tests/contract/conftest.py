"""The contract: what the clients send and read, held against both OpenAPI documents."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from surface.coverage import by_tag, failing, missing_operations


def pytest_terminal_summary(terminalreporter):
    """What is covered of the documents, by tag; an operation of which a test fails is not."""
    if not any("tests/contract" in report.nodeid for report in terminalreporter.getreports("passed")):
        return
    failed = failing(report.longreprtext for report in terminalreporter.getreports("failed"))
    missing = set(missing_operations())
    terminalreporter.section("contract: covered / in scope")
    terminalreporter.write_line(f"{'tag':32}{'operations':>14}{'properties':>14}")
    for part in by_tag(missing | failed):
        operations = f"{part.operations_covered}/{part.operations}"
        properties = f"{part.properties_covered}/{part.properties}"
        terminalreporter.write_line(f"{part.tag:32}{operations:>14}{properties:>14}")
    for key in sorted(missing | failed):
        terminalreporter.write_line(f"{'missing' if key in missing else 'failing'}: {key}")
