"""Save the form of a human task."""

from conductor import ConductorClient

with ConductorClient() as client:
    saved = client.human_templates.save(
        {
            "name": "example_loan_form",
            "version": 1,
            "jsonSchema": {
                "type": "object",
                "properties": {"approved": {"type": "boolean"}},
            },
            "templateUI": {"type": "VerticalLayout", "elements": []},
        }
    )
    print(
        client.human_templates.get(saved.name, saved.version).json_schema[
            "properties"
        ]
    )
