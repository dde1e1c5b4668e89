"""Follow a run event by event: the mean and the spread of a vegetation index, date by date."""

import tempfile
from pathlib import Path

from eoagent import Agent
from eoagent.io.sampleworld import write_world

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    world = write_world(folder / "world", size=240)
    agent = Agent(home=folder / "home")

    question = "What are the mean and the standard deviation of NDVI?"
    for scene in (world.scenes[0], world.scenes[-1]):
        print(scene.date)
        for event in agent.stream(question, images=[folder / "world" / scene.href]):
            if event.kind == "step-end":
                print(f"  step {event.data.n}: {event.data.tool} is {event.data.status}")
            if event.kind == "answer":
                for figure in event.data.results:
                    print(f"  {figure.name} {figure.number:.4f}, {figure.method[:33]}")
        print(f"  the truth: mean {scene.mean_ndvi_valid:.4f}")

# Output:
# > 2023-07-13
# >   step 1: open_image is done
# >   step 2: spectral_index is done
# >   step 3: zonal_stats is done
# >   mean 0.2959, NDVI = (nir - red) / (nir + red)
# >   std 0.4370, NDVI = (nir - red) / (nir + red)
# >   the truth: mean 0.2959
# > 2025-07-12
# >   step 1: open_image is done
# >   step 2: spectral_index is done
# >   step 3: zonal_stats is done
# >   mean 0.2884, NDVI = (nir - red) / (nir + red)
# >   std 0.4246, NDVI = (nir - red) / (nir + red)
# >   the truth: mean 0.2884
