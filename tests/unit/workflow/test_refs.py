"""References: how they are written, and what cannot be done with them."""

import copy

import pytest

from conductor.validation.tree import expressions, expressions_in
from conductor.workflow import Workflow, http, noop, simple


@pytest.fixture
def workflow():
    return Workflow("order")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda w, s: w.input.customer, "${workflow.input.customer}"),
        (lambda w, s: w.input["customer"], "${workflow.input.customer}"),
        (lambda w, s: w.input["order id"], "${workflow.input['order id']}"),
        (lambda w, s: w.input["it's"], r"${workflow.input['it\'s']}"),
        (lambda w, s: w.input["a.b"].c, "${workflow.input['a.b'].c}"),
        (lambda w, s: w.variables.total, "${workflow.variables.total}"),
        (lambda w, s: w.secrets.api_key, "${workflow.secrets.api_key}"),
        (lambda w, s: w.env.REGION, "${workflow.env.REGION}"),
        (lambda w, s: w.execution.workflowId, "${workflow.workflowId}"),
        (lambda w, s: s.output.total, "${price.output.total}"),
        (lambda w, s: s.output["total"], "${price.output.total}"),
        (lambda w, s: s.output, "${price.output}"),
        (lambda w, s: s.input.sku, "${price.input.sku}"),
        (lambda w, s: s.execution.status, "${price.status}"),
        (lambda w, s: s.output.lines[0].sku, "${price.output.lines[0].sku}"),
        (lambda w, s: s.output.lines[-1], "${price.output.lines[-1]}"),
        (lambda w, s: s.output.lines[1:3], "${price.output.lines[1:3]}"),
        (lambda w, s: s.output.lines["*"].sku, "${price.output.lines[*].sku}"),
        (lambda w, s: s.output.lines["?(@.price > 15)"].sku, "${price.output.lines[?(@.price > 15)].sku}"),
        (lambda w, s: s.output.keys.items.format, "${price.output.keys.items.format}"),
        (lambda w, s: s.output["_links"], "${price.output._links}"),
    ],
)
def test_a_reference_is_written_as_the_server_reads_it(workflow, make, text):
    step = workflow.add(simple("price"))
    ref = make(workflow, step)
    assert str(ref) == text
    assert f"<{ref}>" == f"<{text}>"
    assert ref == text
    assert repr(ref) == f"Ref({text!r})"


def test_references_are_equal_when_they_name_the_same(workflow):
    assert workflow.input.a == workflow.input["a"]
    assert hash(workflow.input.a) == hash(workflow.input["a"])
    assert workflow.input.a != workflow.input.b


@pytest.mark.parametrize(
    "mistake",
    [
        lambda ref: ref == 3,
        lambda ref: ref == "express",
        lambda ref: bool(ref),
        lambda ref: list(ref),
        lambda ref: "a" in ref,
        lambda ref: ref + "x",
        lambda ref: "x" + ref,
        lambda ref: f"{ref:>10}",
        lambda ref: ref > 3,
        lambda ref: ref <= 3,
        lambda ref: sorted([ref, ref.other]),
        lambda ref: ref - 1,
        lambda ref: 2 * ref,
        lambda ref: ref % 2,
        lambda ref: -ref,
        lambda ref: ref | {"a": 1},
        lambda ref: ref >> noop(),
        lambda ref: len(ref),
        lambda ref: int(ref),
        lambda ref: float(ref),
        lambda ref: round(ref),
        lambda ref: range(ref),
    ],
)
def test_a_reference_has_no_value_in_python(workflow, mistake):
    with pytest.raises(
        TypeError, match=r"^The reference \S*workflow\.input\.kind.* has no value while the workflow is built"
    ):
        mistake(workflow.input.kind)


def test_a_reference_is_not_accepted_as_a_step(workflow):
    with pytest.raises(TypeError, match=r"Cannot add Ref\('\$\{workflow\.input\.kind\}'\)"):
        workflow >> workflow.input.kind


def test_a_name_that_begins_with_an_underscore_is_written_with_brackets(workflow):
    with pytest.raises(AttributeError, match=r"\['_links'\]"):
        _ = workflow.input._links


def test_a_reference_is_copied_with_what_holds_it(workflow):
    inputs = {"a": workflow.input.a}
    assert copy.deepcopy(inputs)["a"] is inputs["a"]


def test_a_step_can_be_referred_to_before_it_is_added(workflow):
    first = simple("price", sku="a")
    second = simple("price", sku="b")
    total = http(f"http://shop/{first.output.total}/{second.output.total}", body={"lines": [second.output.lines]})
    assert str(first.output.total).startswith("${price@")
    workflow >> first >> second >> total
    assert workflow.to_dict()["tasks"][2]["inputParameters"]["http_request"] == {
        "uri": "http://shop/${price.output.total}/${price_2.output.total}",
        "method": "GET",
        "body": {"lines": ["${price_2.output.lines}"]},
    }


def test_a_step_given_as_a_value_is_its_output(workflow):
    step = workflow.add(simple("price"))
    workflow >> simple("pay", order=step)
    assert workflow.to_dict()["tasks"][1]["inputParameters"] == {"order": "${price.output}"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", []),
        ("${a.output.b}", [("a", ["output", "b"])]),
        (
            "x ${a.output['b c'].d} y ${workflow.input.e[0].f}",
            [("a", ["output", "b c", "d"]), ("workflow", ["input", "e"])],
        ),
        ("$${a.b}", []),
        ("${}", [("", [])]),
        ("${workflow.input.${a.output.key}}", [("workflow", ["input"]), ("a", ["output", "key"])]),
        ("${CPEWF_TASK_ID}", [("CPEWF_TASK_ID", [])]),
        ("${a..name}", [("a", [])]),
    ],
)
def test_expressions_are_found_in_text(text, found):
    assert [(e.root, e.parts) for e in expressions(text)] == found


def test_an_unclosed_expression_is_found():
    (found,) = expressions("x ${a.output")
    assert not found.is_closed


def test_expressions_are_found_in_nested_values():
    value = {"a": ["${x.output}", {"b": "${y.output}"}], "${key}": 1}
    assert [(path, e.root) for path, e in expressions_in(value)] == [("a[0]", "x"), ("a[1].b", "y")]
