"""The contract: what the clients send and read, held against both OpenAPI documents."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from surface.coverage import by_tag, in_all, missing_operations


def pytest_terminal_summary(terminalreporter):
    """What is covered of the documents, by tag, and what is missing."""
    if not any("tests/contract" in report.nodeid for report in terminalreporter.getreports("passed")):
        return
    terminalreporter.section("contract: covered / in scope")
    terminalreporter.write_line(f"{'tag':32}{'operations':>14}{'properties':>14}")
    for part in (*by_tag(), in_all()):
        operations = f"{part.operations_covered}/{part.operations}"
        terminalreporter.write_line(
            f"{part.tag:32}{operations:>14}{f'{part.properties_covered}/{part.properties}':>14}"
        )
    for key in missing_operations():
        terminalreporter.write_line(f"missing: {key}")
