"""Model runners: the floor where models live, each behind a queue that owns a device."""
