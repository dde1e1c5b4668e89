"""The tools that come with eoagent: one file, one tool."""
