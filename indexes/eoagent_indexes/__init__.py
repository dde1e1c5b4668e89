"""Search indexes that come with eoagent."""
