-- How many files stand where, and how many sounds are present: kept as rows change, so that looking costs the same for a
-- thousand files and for a million.

CREATE TABLE tally (
    folder_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    files INTEGER NOT NULL,
    PRIMARY KEY (folder_id, state)
) STRICT, WITHOUT ROWID;

-- By folders, and not by sound: a drive that comes or goes then changes no row here.
CREATE TABLE presence (
    folders TEXT PRIMARY KEY,                       -- ids of all folders in which a file has the sound: '1,3', rising
    sounds INTEGER NOT NULL                         -- whose files lie in exactly these; '' only balances the others
) STRICT, WITHOUT ROWID;

INSERT INTO tally (folder_id, state, files) SELECT folder_id, state, count(*) FROM file GROUP BY folder_id, state;

-- group_concat takes the rows of a subquery in the order in which that gives them.
INSERT INTO presence (folders, sounds)
    SELECT folders, count(*) FROM (
        SELECT (SELECT group_concat(place) FROM (
            SELECT DISTINCT folder_id AS place FROM file
            WHERE sound_id = sound.id AND +state IN ('indexed', 'pending') ORDER BY 1
        )) AS folders FROM sound
    ) WHERE folders IS NOT NULL GROUP BY folders;

CREATE TRIGGER tally_insert AFTER INSERT ON file BEGIN
    INSERT INTO tally (folder_id, state, files) VALUES (NEW.folder_id, NEW.state, 1)
        ON CONFLICT (folder_id, state) DO UPDATE SET files = files + 1;
END;

CREATE TRIGGER tally_delete AFTER DELETE ON file BEGIN
    UPDATE tally SET files = files - 1 WHERE folder_id = OLD.folder_id AND state = OLD.state;
END;

CREATE TRIGGER tally_update AFTER UPDATE OF folder_id, state ON file
WHEN NEW.folder_id <> OLD.folder_id OR NEW.state <> OLD.state BEGIN
    UPDATE tally SET files = files - 1 WHERE folder_id = OLD.folder_id AND state = OLD.state;
    INSERT INTO tally (folder_id, state, files) VALUES (NEW.folder_id, NEW.state, 1)
        ON CONFLICT (folder_id, state) DO UPDATE SET files = files + 1;
END;

-- A file that has come to have a sound (step 1), or has it no more (step -1): one set of folders becomes another.
CREATE VIEW presence_step (file, sound, folder, step) AS SELECT NULL, NULL, NULL, NULL;

-- Nothing changes where another file of the folder has the sound: of ten thousand copies, each costs the same.
CREATE TRIGGER presence_step_insert INSTEAD OF INSERT ON presence_step
WHEN NOT EXISTS (
    SELECT 1 FROM file WHERE sound_id = NEW.sound AND id <> NEW.file AND +folder_id = NEW.folder
    AND +state IN ('indexed', 'pending')
) BEGIN
    INSERT INTO presence (folders, sounds)
        SELECT coalesce(group_concat(place), ''), -NEW.step FROM (
            SELECT DISTINCT folder_id AS place FROM file
            WHERE sound_id = NEW.sound AND id <> NEW.file AND +state IN ('indexed', 'pending') ORDER BY 1
        ) WHERE TRUE ON CONFLICT (folders) DO UPDATE SET sounds = sounds + excluded.sounds;
    INSERT INTO presence (folders, sounds)
        SELECT group_concat(place), NEW.step FROM (
            SELECT folder_id AS place FROM file
            WHERE sound_id = NEW.sound AND id <> NEW.file AND +state IN ('indexed', 'pending')
            UNION SELECT NEW.folder ORDER BY 1
        ) WHERE TRUE ON CONFLICT (folders) DO UPDATE SET sounds = sounds + excluded.sounds;
END;

CREATE TRIGGER presence_insert AFTER INSERT ON file
WHEN NEW.sound_id IS NOT NULL AND NEW.state IN ('indexed', 'pending') BEGIN
    INSERT INTO presence_step (file, sound, folder, step) VALUES (NEW.id, NEW.sound_id, NEW.folder_id, 1);
END;

CREATE TRIGGER presence_delete AFTER DELETE ON file
WHEN OLD.sound_id IS NOT NULL AND OLD.state IN ('indexed', 'pending') BEGIN
    INSERT INTO presence_step (file, sound, folder, step) VALUES (OLD.id, OLD.sound_id, OLD.folder_id, -1);
END;

CREATE TRIGGER presence_update AFTER UPDATE OF sound_id, folder_id, state ON file
WHEN (NEW.sound_id, NEW.folder_id, NEW.state IN ('indexed', 'pending'))
    IS NOT (OLD.sound_id, OLD.folder_id, OLD.state IN ('indexed', 'pending')) BEGIN
    INSERT INTO presence_step (file, sound, folder, step)
        SELECT OLD.id, OLD.sound_id, OLD.folder_id, -1
        WHERE OLD.sound_id IS NOT NULL AND OLD.state IN ('indexed', 'pending');
    INSERT INTO presence_step (file, sound, folder, step)
        SELECT NEW.id, NEW.sound_id, NEW.folder_id, 1
        WHERE NEW.sound_id IS NOT NULL AND NEW.state IN ('indexed', 'pending');
END;
