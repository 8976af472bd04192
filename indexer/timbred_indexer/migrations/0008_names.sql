-- Files by every three letters in a row of their path (inside the folder) and label: where to look for a rare word.

-- Written in batches, from `unnamed`; never taken from, because that would need the text that was. What a document says
-- of a file that was renamed since is checked against the file. A rowid is sound * 2^32 + file: the order of answers.
CREATE VIRTUAL TABLE name USING fts5 (text, content = '', columnsize = 0, detail = none, tokenize = 'trigram');
CREATE VIRTUAL TABLE name_letters USING fts5vocab (name, row); -- which three letters there are: for words of two

-- Files that have a sound and of which `name` does not know, or not what they are called now.
CREATE TABLE unnamed (file_id INTEGER PRIMARY KEY) STRICT;
INSERT INTO unnamed (file_id) SELECT id FROM file WHERE sound_id IS NOT NULL;

INSERT INTO meta (key, value) VALUES ('named', 0); -- documents in `name`, those that are out of date included

CREATE TRIGGER unnamed_insert AFTER INSERT ON file WHEN NEW.sound_id IS NOT NULL BEGIN
    INSERT INTO unnamed (file_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER unnamed_update AFTER UPDATE OF sound_id, path, label ON file
WHEN NEW.sound_id IS NOT NULL AND (NEW.sound_id, NEW.path, NEW.label) IS NOT (OLD.sound_id, OLD.path, OLD.label) BEGIN
    INSERT INTO unnamed (file_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER unnamed_delete AFTER DELETE ON file BEGIN
    DELETE FROM unnamed WHERE file_id = OLD.id;
END;
