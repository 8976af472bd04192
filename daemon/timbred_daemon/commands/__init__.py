"""The commands of ``timbred``, one module per subject: parse, call, print."""
