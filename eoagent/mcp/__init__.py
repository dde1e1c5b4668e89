"""The tools over the Model Context Protocol, for clients that bring a language model of their own.

Needs the extra `mcp`. Nothing here plans: the client does, one call at a time.
"""
