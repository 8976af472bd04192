"""How timbred introduces itself to assistants, whichever way they reach it."""

NAME = "timbred"
TITLE = "timbred: sounds that sound alike"
INSTRUCTIONS = (
    "timbred has indexed the user's own sound files (samples, loops, recordings) by how they sound. Start from a "
    "file's path or a sound's id with find_similar_sounds, or from words with search_sounds. Sounds are named by id; "
    "one sound may lie in several files. No tool moves, renames, changes or deletes a file. If answers seem "
    "incomplete, get_index_status says what is still being indexed."
)
