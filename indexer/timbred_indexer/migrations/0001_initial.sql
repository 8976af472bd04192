-- Folders, files, sounds, segments, aspects, vectors. Paths are BLOBs: names are bytes, not text.

CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    source TEXT NOT NULL CHECK (source IN ('config', 'added')),
    watch TEXT NOT NULL CHECK (watch IN ('native', 'poll')),
    active INTEGER NOT NULL DEFAULT 1,              -- 0: removed by the user; its rows are kept, hidden
    state TEXT NOT NULL DEFAULT 'online' CHECK (state IN ('online', 'offline', 'suspect')),
    reason TEXT,                                    -- why it is not online, for people
    device INTEGER,                                 -- st_dev of the root when it was last seen healthy
    last_scan REAL,                                 -- Unix time of the last whole scan that ended
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE sound (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,                      -- SHA-256 of the bytes
    duration REAL NOT NULL,                         -- seconds that decoded
    sample_rate INTEGER NOT NULL,
    channels INTEGER NOT NULL,
    format TEXT NOT NULL,
    cut_short INTEGER NOT NULL,
    version TEXT NOT NULL,                          -- the extractor's stamp
    seq INTEGER NOT NULL                            -- moves whenever the sound or the visibility of a file of it changed
) STRICT;
CREATE INDEX sound_seq ON sound (seq);

CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER NOT NULL REFERENCES folder (id),
    path BLOB NOT NULL,                             -- relative to the folder
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    sound_id INTEGER REFERENCES sound (id),         -- what its bytes were when last hashed
    label TEXT,                                     -- only when the user set one
    state TEXT NOT NULL CHECK (state IN ('pending', 'indexed', 'failed', 'missing')),
    error_code TEXT,
    error_message TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,               -- Unix time before which a pending row is left alone
    missing_since REAL,                             -- Unix time
    seq INTEGER NOT NULL,
    UNIQUE (folder_id, path)
) STRICT;
CREATE INDEX file_sound ON file (sound_id);
CREATE INDEX file_inode ON file (inode);
CREATE INDEX file_state ON file (state, retry_at);

CREATE TABLE segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,           -- the FAISS id; never used twice
    sound_id INTEGER NOT NULL REFERENCES sound (id),
    start REAL NOT NULL,                            -- seconds into the untrimmed file
    "end" REAL NOT NULL,
    seq INTEGER NOT NULL,
    dead_seq INTEGER                                -- tombstone
) STRICT;
CREATE INDEX segment_sound ON segment (sound_id);
CREATE INDEX segment_dead ON segment (dead_seq) WHERE dead_seq IS NOT NULL;

CREATE TABLE aspect (
    segment_id INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    data BLOB NOT NULL,                             -- float32, little endian: the raw descriptor values
    PRIMARY KEY (segment_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE space (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE vector (
    segment_id INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    space_id INTEGER NOT NULL REFERENCES space (id),
    seq INTEGER NOT NULL,
    data BLOB NOT NULL,                             -- float32, little endian, L2-normalised
    PRIMARY KEY (segment_id, space_id)
) STRICT;
CREATE INDEX vector_seq ON vector (space_id, seq);

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('seq', 0);
