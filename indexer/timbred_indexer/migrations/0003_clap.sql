-- What CLAP could not hear, and how its scores compare with librosa's.

CREATE TABLE unheard (
    sound_id INTEGER NOT NULL REFERENCES sound (id) ON DELETE CASCADE,
    space_id INTEGER NOT NULL REFERENCES space (id),
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    retry_at REAL,                                  -- Unix time; NULL: not by itself
    PRIMARY KEY (sound_id, space_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE calibration (
    space_id INTEGER PRIMARY KEY REFERENCES space (id),
    librosa TEXT NOT NULL,                          -- the librosa space's version that the pairs were scored in
    heard INTEGER NOT NULL,                         -- vectors that the space had
    data BLOB NOT NULL                              -- float16, little endian: librosa and CLAP score of each pair
) STRICT;
