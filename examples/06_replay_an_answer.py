"""Keep an answer, run it again later, and see which figures still hold."""

import shutil
import tempfile
from pathlib import Path

from eoagent import Agent
from eoagent.app.replay import replay_answer
from eoagent.io.sampleworld import write_world

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    world = write_world(folder / "world", size=240)
    image = folder / "world" / world.scenes[0].href
    home = folder / "home"

    agent = Agent(home=home)
    agent.ask("How much of it is water?", images=[image]).save(folder / "answer")
    kept = folder / "answer" / "answer.json"

    print("the same file:")
    for figure in replay_answer(kept, home=home).figures:
        print(f"  {figure.verdict} {figure.id} {figure.after:.6g} {figure.unit}")

    winter = folder / "world" / world.scenes[2].href  # snow looks like water to the rule
    shutil.copyfile(winter, image)
    print("another scene in its place:")
    for figure in replay_answer(kept, home=home).figures:
        print(f"  {figure.verdict} {figure.id} {figure.before:.6g} -> {figure.after:.6g}")

    image.unlink()
    print("no file:")
    report = replay_answer(kept, home=home)
    print("  holds:", report.holds, {figure.verdict for figure in report.figures})

# Output:
# > the same file:
# >   equal f1 1.7998e+06 m2
# >   equal f2 31.2377 percent
# > another scene in its place:
# >   changed f1 1.7998e+06 -> 2.34266e+06
# >   changed f2 31.2377 -> 40.6596
# > no file:
# >   holds: False {'cannot'}
