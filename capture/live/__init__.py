"""Packets as they pass an interface, written to a file that the ordinary reader follows.

What needs rights is one small program, `capture.live.helper`, a process of its own: it opens the sockets it is told of,
gives every right up, and copies packets to a descriptor that it was handed. Nothing else here ever has more rights than
its user. A screen that cannot keep up falls behind in the file, and loses nothing.
"""
