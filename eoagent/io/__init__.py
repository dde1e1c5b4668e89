"""Bytes in, contracts out: the only floor that opens files or sockets."""
