"""Everything is covered: each operation in scope by a public method, each property by an attribute of a model."""

from surface.coverage import all_properties, missing_operations
from surface.declared import declared
from surface.documents import in_scope

# Tags whose clients are not written yet.
AWAITED = {row.tag for row in in_scope().values()} - {row.tag for key, row in in_scope().items() if key in declared()}


def test_every_operation_in_scope_is_sent_by_a_public_method():
    assert [key for key in missing_operations() if in_scope()[key].tag not in AWAITED] == []


def test_every_property_of_both_documents_is_an_attribute_of_a_model():
    assert [str(one) for one in all_properties() if not one.is_attribute and not one.tags <= AWAITED] == []
