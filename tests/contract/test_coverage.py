"""Everything is covered: each operation in scope by a public method, each property by an attribute of a model."""

from surface.coverage import all_properties, missing_operations


def test_every_operation_in_scope_is_sent_by_a_public_method():
    assert missing_operations() == []


def test_every_property_of_both_documents_is_an_attribute_of_a_model():
    assert [str(one) for one in all_properties() if not one.is_attribute] == []
