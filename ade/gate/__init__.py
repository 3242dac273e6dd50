"""The gate: a process beside a Letta App Server that holds its token and lets others do only little.

Run it with `python -m ade.gate`. It needs aiohttp and nothing else of ADE, so a machine that runs an App
Server needs this folder and one library. docs/operate/gate.md describes the settings and the limits.
"""
