"""The words that every floor speaks: records, protocols and errors; nothing here reads or runs."""
