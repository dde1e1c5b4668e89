"""Statistics of an image inside the outlines of a vector file, place by place."""

import tempfile
import textwrap
from pathlib import Path

from eoagent import Agent
from eoagent.io.sampleworld import write_world

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    world = write_world(folder / "world", size=240)
    image = folder / "world" / world.scenes[0].href
    places = folder / "world" / "vectors" / "places.geojson"
    agent = Agent(home=folder / "home")

    for place in ("Lake Solvera", "Mirlo Pond", "Marenza"):
        question = f"What is the mean NDVI inside '{place}'?"
        answer = agent.ask(question, images=[image], features=[places])
        print(f"{place}: {answer.results[0].number:+.3f}")

    # what cannot be answered is said, not guessed
    for place in ("Vellara", "Atlantis"):
        question = f"What is the mean NDVI inside '{place}'?"
        answer = agent.ask(question, images=[image], features=[places])
        print(f"{place}: {answer.status}")
        print(textwrap.fill(answer.text, 90))

# Output:
# > Lake Solvera: -0.129
# > Mirlo Pond: +0.129
# > Marenza: +0.187
# > Vellara: cannot_answer
# > This could not be computed: Vellara holds Point, and zones are polygons (give polygons, or
# > combine with buffer to make areas of points and lines)
# > Atlantis: cannot_answer
# > This could not be computed: no feature of places is named 'Atlantis' (in the columns name,
# > kind) (names here are, for example: Marenza, Lake Solvera, Mirlo Pond, Fenna Pond,
# > Vellara)
