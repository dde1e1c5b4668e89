"""The graph, wired by hand: repair, plan, gate, approve, run, write, check, answer."""

from __future__ import annotations

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from eoagent.contracts.planner import Limits
from eoagent.planner.nodes import Nodes
from eoagent.planner.state import State, Task
from eoagent.planner.wiring import Wiring

__all__ = ["Graph", "build_graph", "recursion_limit"]

Graph = CompiledStateGraph[State, None, State, State]


def recursion_limit(limits: Limits) -> int:
    """Return a limit on super-steps that our own limits always reach first."""
    return 4 * limits.max_steps + 3 * limits.max_rounds + 20


def build_graph(wiring: Wiring, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """Wire the nodes; with a checkpointer every super-step is kept."""
    nodes = Nodes(wiring)
    graph = StateGraph(State)
    graph.add_node("repair", nodes.repair)
    graph.add_node("plan", nodes.plan)
    graph.add_node("gate", nodes.gate)
    graph.add_node("approve", nodes.approve)
    graph.add_node("run", nodes.run, input_schema=Task)
    graph.add_node("write", nodes.write)
    graph.add_node("check", nodes.check)
    graph.add_edge(START, "repair")
    graph.add_edge("repair", "plan")
    graph.add_edge("run", "gate")
    graph.add_edge("write", "check")
    return graph.compile(checkpointer=checkpointer, name="eoagent")
