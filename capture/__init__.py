"""Frames in, columns out: files and streams, the packet table, header decoding in bulk."""
