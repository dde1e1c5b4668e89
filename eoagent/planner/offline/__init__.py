"""The offline planner: reads a question with a lexicon and a grammar, and plans without a model."""
