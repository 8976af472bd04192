-- Which history this database is of: an index built from another one is never taken for its own.

INSERT INTO meta (key, value) VALUES ('identity', random());
