"""What other SDKs call things, and the errors that name the successors. Nothing old works: it only explains itself."""

from conductor._renamed.refusal import explains, missing_attribute, missing_name, refuse_keywords

__all__ = ["explains", "missing_attribute", "missing_name", "refuse_keywords"]
