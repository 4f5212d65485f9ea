"""Real traffic on demand: scenarios whose programs run in network namespaces, and talk while netviz watches.

A scenario (`lab.scenarios`) is a plan of a network (`lab.network`) and a play for the programs on its hosts
(`lab.stage`). One process runs one scenario (`lab.runner`): it goes into namespaces (`lab.isolation`), makes the
network there (`lab.building`), captures at the points that are told (`lab.recorder`), and writes pcapng to its standard
output, which netviz reads as any stream (`lab.starting`). Everything here is of the standard library alone.
"""
