"""MCP as a face of the operations. Importing this package imports nothing of the SDK; its modules do, but ``face``."""
