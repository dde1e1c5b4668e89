"""The graph as LangGraph Studio and its server load it: compiled without a checkpointer of its own.

`langgraph.json` names `make_graph`. A run is given a question and what it is about, as
`{"question": "How much of it is water?", "inputs": [{"kind": "image", "href": "scene.tif"}]}`;
`history` and what else the state holds come by themselves. Meant for one user on one machine: what
was named in one run stays trusted as a place in the next.
"""

from __future__ import annotations

from eoagent.app.agent import Agent
from eoagent.app.request import Request
from eoagent.app.runs import make_wiring
from eoagent.contracts.answer import AnswerRecord
from eoagent.io.origin import OriginGuard
from eoagent.io.signed import is_marked
from eoagent.planner.graph import Graph, build_graph
from eoagent.planner.state import State

__all__ = ["graph_of", "make_graph"]


def make_graph() -> Graph:
    """Return the graph with the planner, limits and folders of the settings that hold here.

    Raises:
        InputError: if the settings are wrong.
    """
    return graph_of(Agent())


def graph_of(agent: Agent) -> Graph:
    """Return the graph with the planner, tools and home folder of an agent."""
    means = agent.means
    shop = means.shop
    origins = OriginGuard(allow_hosts=shop.settings.allow_hosts, access=shop.access)

    def begin(state: State) -> str:
        for given in state.get("inputs", []):
            if given["kind"] != "index" and not is_marked(given["href"]):
                origins.type_in(given["href"])
        return shop.ledger.start_run(state["question"], means.planner.name)

    def end(answer: AnswerRecord) -> None:
        document = answer.model_dump(mode="json", by_alias=True)
        shop.ledger.finish_run(answer.run, answer.status, document)

    request = Request(question="of Studio")
    return build_graph(make_wiring(means, request, origins=origins, begin=begin, end=end))
