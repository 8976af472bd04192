"""MCP as a face of the operations. What the daemon imports at its start, ``mount``, imports nothing of the SDK."""
