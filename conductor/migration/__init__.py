"""What other SDKs call things, and the errors that name the successors. Nothing old works: it only explains itself."""

from conductor.migration.refusal import explains, missing_attribute, missing_name, refuse_keywords

__all__ = ["explains", "missing_attribute", "missing_name", "refuse_keywords"]
