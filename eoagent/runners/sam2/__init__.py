"""SAM 2.1: draws the exact outline of what a box frames; its weights are no part of eoagent."""
