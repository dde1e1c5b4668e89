"""Ask one question about one image, and look at what stands behind the answer."""

import tempfile
import textwrap
from pathlib import Path

from eoagent import Agent
from eoagent.io.sampleworld import write_world

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    world = write_world(folder / "world", size=240)  # an invented coast; every answer is known
    scene = world.scenes[0]

    agent = Agent(home=folder / "home")  # without `home`: EOAGENT_HOME, or your data folder
    answer = agent.ask(
        "How many square kilometres of water are there?", images=[folder / "world" / scene.href]
    )

    print(answer.status)
    print(textwrap.fill(answer.text, 90))

    area = answer.results[0]
    print(f"exactly {area.number:.1f} {area.unit}, and the truth is {scene.water.area_m2:.1f}")
    for source in area.sources:
        print("read from", Path(source.href).name, "by", source.fingerprint.kind)
    for step in answer.steps:
        print("step", step.n, step.tool, step.status)

    saved = answer.save(folder / "answer")
    print(sorted(path.name for path in saved.iterdir()))

# Output:
# > answered
# > Water: 1.800 ± 0.072 km². Method: open water: MNDWI > 0, where MNDWI = (green - swir16) /
# > (green + swir16) (Xu 2006, Int. J. Remote Sensing 27(14), 3025-3033); geodesic area of the
# > pixels on the WGS84 ellipsoid, summed; error: half a pixel along the outline
# > exactly 1799803.0 m2, and the truth is 1799803.0
# > read from ostavia-s2-20230713.tif by sha256
# > step 1 open_image done
# > step 2 threshold done
# > step 3 measure done
# > ['answer.json', 'artifacts', 'report.html']
