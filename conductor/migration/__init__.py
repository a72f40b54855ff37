"""The names of other SDKs and their successors. No old name works; the error for it names the successor."""

from conductor.migration.lookup import (
    explain_facade,
    missing_attribute,
    missing_name,
    refuse_keywords,
    refusing_keywords,
)

__all__ = ["explain_facade", "missing_attribute", "missing_name", "refuse_keywords", "refusing_keywords"]
