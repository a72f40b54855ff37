"""Save a prompt template with a variable."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.prompts.save(
        "example_summary",
        "Summarise in one sentence: ${text}",
        description="for tickets",
    )
    prompt = client.prompts.get("example_summary")
    print(prompt.template, prompt.variables)
