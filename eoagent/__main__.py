"""`python -m eoagent`."""

from eoagent.cli.main import main

main()
