"""An example of every operation: what is asked, what is answered. Imported when its description is first asked for."""
