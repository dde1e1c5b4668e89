"""The one place that joins settings, plugins, planner and graph into an agent."""
