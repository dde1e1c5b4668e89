"""The planner that asks a language model with tool calling; any LangChain chat model will do."""
