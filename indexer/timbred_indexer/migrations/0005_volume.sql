-- Which volume a folder lies on: two drives in one place may have the same device number, one drive may have two.

ALTER TABLE folder ADD COLUMN volume INTEGER; -- f_fsid of the root (statvfs) when it was last seen healthy
