"""Chain tools by hand: each takes the handles that earlier ones made."""

import tempfile
from pathlib import Path

from eoagent import InputError
from eoagent.app.bench import run_tool
from eoagent.io.sampleworld import write_world

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    world = write_world(folder / "world", size=240)
    image = str(folder / "world" / world.scenes[0].href)
    home = folder / "home"

    opened = run_tool("open_image", {"hrefs": [image]}, home=home)
    raster = opened.artifacts["raster"]
    print(raster.kind, raster.preview["bands"], raster.preview["gsd_m"])

    found = run_tool("threshold", {"raster": raster.handle, "rule": "water"}, home=home)
    mask = found.artifacts["mask"]
    print(found.assumptions[0].partition(", where")[0])

    measured = run_tool("measure", {"target": mask.handle, "quantities": ["area"]}, home=home)
    area = measured.figures[0]
    print(f"{area.label}: {area.value:.0f} +- {area.error:.0f} {area.unit}")

    lakes = run_tool("regions", {"mask": mask.handle}, home=home)
    print({figure.name: figure.value for figure in lakes.figures if figure.name == "count"})

    drawn = run_tool("render_map", {"layers": [raster.handle, mask.handle]}, home=home)
    print({name: artifact.media_type for name, artifact in drawn.artifacts.items()})

    try:  # a raster is no mask, and the error says what makes one
        run_tool("regions", {"mask": raster.handle}, home=home)
    except InputError as error:
        print(str(error).replace(raster.id, "ID"))

# Output:
# > raster ['blue', 'green', 'red', 'nir', 'swir16', 'swir22'] [10.0, 10.0]
# > water is taken by the rule open water: MNDWI > 0
# > area of open water: 1799803 +- 72271 m2
# > {'count': 5}
# > {'picture': 'image/png', 'page': 'text/html'}
# > regions: 'mask': raster:ID is a raster, and a mask is wanted; threshold makes one from a raster
