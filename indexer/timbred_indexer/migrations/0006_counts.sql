-- Files are counted by folder and state whenever somebody looks at the status: without reading the rows themselves.

CREATE INDEX file_folder_state ON file (folder_id, state);
