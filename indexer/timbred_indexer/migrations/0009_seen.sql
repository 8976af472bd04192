-- When a file was first seen, so that a search can be told to find only what is new.

ALTER TABLE file ADD COLUMN seen REAL NOT NULL DEFAULT 0; -- Unix time; 0: before this was noted

CREATE INDEX file_seen ON file (seen);
