-- What a room needs to reappear on the other site: its lines, and when its
-- run was last surely alive. The people and settings of a run are its roster:
-- {"people", "locked", "lobby", "expelled"}.
CREATE TABLE chat (
	id         uuid PRIMARY KEY,
	company_id uuid NOT NULL,
	session_id uuid NOT NULL,
	n          bigint NOT NULL,
	from_id    varchar(64) NOT NULL,
	from_name  varchar(130) NOT NULL,
	to_id      varchar(64),
	said       timestamptz NOT NULL,
	content    text NOT NULL
);
CREATE INDEX chat_session ON chat (session_id, n);

ALTER TABLE session ADD seen timestamptz;
CREATE INDEX session_open ON session (seen) WHERE state = 'in_progress';
