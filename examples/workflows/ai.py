"""Workflows with language models: retrieval, tools of an MCP server, a chat, an agent: python -m examples.workflows.ai

They need integrations with keys (a model, a vector database, an MCP server), so they are only validated and drawn
here. If you have the integrations, register and run them like other workflows.
"""

from conductor import ConductorClient, Workflow
from conductor.workflow import (
    call_mcp_tool,
    dynamic,
    human,
    list_mcp_tools,
    llm_chat_complete,
    llm_index_document,
    llm_search_index,
    set_variable,
)

MODEL = ("openai", "gpt-4o-mini")
EMBEDDING = {"embedding_provider": "openai", "embedding_model": "text-embedding-3-small"}
LIBRARY = ("pgvector", "handbook")


def retrieval() -> Workflow:
    """Index a document, and answer a question from the results of a search in it."""
    workflow = Workflow("ai_retrieval", input_parameters=["url", "question"])
    workflow >> llm_index_document(*LIBRARY, workflow.input.url, media_type="application/pdf", **EMBEDDING, ref="index")
    found = workflow.add(llm_search_index(*LIBRARY, workflow.input.question, **EMBEDDING, ref="search"))
    answer = workflow.add(
        llm_chat_complete(
            *MODEL,
            [{"role": "user", "message": workflow.input.question}],
            instructions=f"Answer from this, or say that you do not know: {found.output.result}",
            ref="answer",
        )
    )
    return workflow.returns(answer=answer.output.result)


def tools() -> Workflow:
    """Let the model choose a tool of an MCP server and report the result."""
    workflow = Workflow("ai_tools", input_parameters=["server", "wish"])
    there = workflow.add(list_mcp_tools(workflow.input.server, ref="list"))
    choice = workflow.add(
        llm_chat_complete(
            *MODEL,
            [{"role": "user", "message": workflow.input.wish}],
            instructions=f'Answer {{"tool": ..., "arguments": {{...}}}}, one of these: {there.output.tools}',
            json_output=True,
            ref="choose",
        )
    )
    called = workflow.add(
        call_mcp_tool(workflow.input.server, choice.output.result.tool, choice.output.result.arguments, ref="call")
    )
    return workflow.returns(said=called.output.content)


def chat() -> Workflow:
    """Alternate between a person and a model until the person ends the chat."""
    workflow = Workflow("ai_chat", variables={"said": []})
    with workflow.do_while(condition="$.ask.more == true", ref="turns"):
        asked = workflow.add(human(ref="ask"))
        said = workflow.add(
            llm_chat_complete(
                *MODEL,
                [{"role": "user", "message": f"{asked.output.question}, after {workflow.variables.said}"}],
                ref="say",
            )
        )
        workflow >> set_variable({"said": [asked.output.question, said.output.result]}, ref="remember")
    return workflow.returns(said=workflow.variables.said)


def agent() -> Workflow:
    """Let the model choose the worker task to run."""
    workflow = Workflow("ai_agent", input_parameters=["wish"])
    plan = workflow.add(
        llm_chat_complete(
            *MODEL,
            [{"role": "user", "message": workflow.input.wish}],
            instructions='Answer {"task": "get_weather" or "get_price", "inputs": {...}}',
            json_output=True,
            ref="plan",
        )
    )
    done = workflow.add(dynamic(plan.output.result.task, {"inputs": plan.output.result.inputs}, ref="do"))
    return workflow.returns(result=done.output.result)


ALL = (retrieval(), tools(), chat(), agent())


def main(_: ConductorClient) -> dict[str, str]:
    return {workflow.name: workflow.check().draw().text() for workflow in ALL}


if __name__ == "__main__":
    with ConductorClient() as client:
        for diagram in main(client).values():
            print(diagram)
