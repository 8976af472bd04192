-- Near-duplicates: a fingerprint of each sound, and every pair that was worth a closer look, with what came of it.

CREATE TABLE fingerprint (
    id INTEGER PRIMARY KEY AUTOINCREMENT,           -- rises: what is beyond the last pairing has not been paired
    sound_id INTEGER NOT NULL UNIQUE REFERENCES sound (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    start REAL NOT NULL,                            -- seconds of silence before it
    data BLOB NOT NULL                              -- uint32, little endian: three words a frame
) STRICT;

CREATE TABLE pair (
    first INTEGER NOT NULL REFERENCES sound (id) ON DELETE CASCADE,
    second INTEGER NOT NULL REFERENCES sound (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    start_first REAL NOT NULL,                      -- seconds into each file at which the comparison begins
    start_second REAL NOT NULL,
    coherence REAL,                                 -- NULL: not compared yet
    closeness REAL,
    "offset" REAL,                                  -- seconds: where the second file begins in the first
    gain REAL,                                      -- dB, of the second over the first
    gain_range REAL,
    inverted INTEGER,
    covered_first REAL,                             -- share of the energy that both have
    covered_second REAL,
    PRIMARY KEY (first, second),
    CHECK (first < second)
) STRICT, WITHOUT ROWID;
CREATE INDEX pair_second ON pair (second);
CREATE INDEX pair_waiting ON pair (version) WHERE coherence IS NULL;
CREATE INDEX pair_alike ON pair (coherence) WHERE coherence IS NOT NULL;

INSERT INTO meta (key, value) VALUES ('paired', 0); -- the highest fingerprint.id that was paired
