"""Let another program use the tools: start `eoagent mcp` and call it with the official client."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import mcp_types as types
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from eoagent.io.sampleworld import write_world


async def reply(_context, question):
    """Ask the person in front of this program; here one who always says the same."""
    print("asked:", question.message)
    return types.ElicitResult(action="accept", content={"reply": "the lakes"})


async def main(folder: Path) -> None:
    world = write_world(folder / "world", size=240)
    server = StdioServerParameters(  # reads below --root only
        command=sys.executable,
        args=["-m", "eoagent", "mcp", "--root", str(folder / "world")],
        env=os.environ | {"EOAGENT_HOME": str(folder / "home")},
    )
    async with Client(server, elicitation_callback=reply) as client:

        async def call(tool, **arguments):
            return (await client.call_tool(tool, arguments)).structured_content

        opened = await call("open_image", hrefs=[world.scenes[0].href])
        raster = opened["artifacts"]["raster"]
        found = await call("threshold", raster=raster["handle"], rule="water")
        mask = found["artifacts"]["mask"]
        measured = await call("measure", target=mask["handle"], quantities=["area", "share"])
        for figure in measured["figures"]:
            print(figure["id"], figure["label"], "=", figure["shown"])
        picture = (await client.read_resource(mask["uri"])).contents[1]
        print(picture.mime_type)
        print((await call("ask_user", question="Rivers too, or only the lakes?"))["message"])
        refused = await client.call_tool("open_image", {"hrefs": ["/etc/passwd"]})
        print(refused.content[0].text)


with tempfile.TemporaryDirectory() as name:
    asyncio.run(main(Path(name)))

# Output:
# > f1 area of open water = 1.800 ± 0.072 km²
# > f2 share of open water = 31.2 ± 1.3 %
# > image/png
# > asked: Rivers too, or only the lakes?
# > the lakes
# > SourceError: '/etc/passwd' is refused: it lies outside of the folders open here
# > hint: have the server started with --root FOLDER
