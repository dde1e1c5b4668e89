"""Give the agent a plain function as a tool: types and docstring say all there is to say."""

import tempfile
from pathlib import Path
from typing import Annotated

from eoagent import Agent, InputError, Unit, as_tool
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.contracts.units import convert
from eoagent.io.sampleworld import write_world
from eoagent.planner.scripted import ScriptedPlanner


def green_per_person(green: Figure, people: int) -> Annotated[float, Unit("m2")]:
    """Tell how much green there is for each person.

    Args:
        green: Area of vegetation.
        people: How many people share it.

    Returns:
        green area for each person
    """
    if people < 1:
        raise InputError(f"{people} people share it", hint="give at least one person")
    return convert(green.number, green.unit, "m2") / people


print(as_tool(green_per_person).arguments.model_json_schema()["properties"]["people"])

with tempfile.TemporaryDirectory() as name:
    world = write_world(Path(name) / "world", size=240)
    image = str(Path(name) / "world" / world.scenes[0].href)
    plan = Plan(  # as a language model would lay it out
        steps=(
            Step(n=1, tool="open_image", arguments={"hrefs": [image]}),
            Step(n=2, tool="threshold", arguments={"raster": "$1", "rule": "vegetation"}),
            Step(n=3, tool="measure", arguments={"target": "$2", "quantities": ["area"]}),
            Step(n=4, tool="green_per_person", arguments={"green": "$3.area", "people": 12_000}),
        )
    )
    planner = ScriptedPlanner([plan], Draft(text="There are {f2} of green each.", results=("f2",)))
    agent = Agent(planner, home=name, tools=[green_per_person])
    answer = agent.ask("How much green is there for each of 12000 people?", images=[image])
    print(answer.text)
    print(answer.results[0].label, "|", answer.results[0].method)
    print([step.tool for step in answer.steps], "from", len(answer.results[0].sources), "file")

# Output:
# > {'description': 'How many people share it.', 'title': 'People', 'type': 'integer'}
# > There are 250.8 m² of green each.
# > green area for each person | computed by the function green_per_person of __main__
# > ['open_image', 'threshold', 'measure', 'green_per_person'] from 1 file
