-- What the usage reports show (G19). A run outlives its meeting, so it keeps
-- what a report says of it; NULL in runs of the step before.
ALTER TABLE session ADD meeting_number bigint,
	ADD confname varchar(255),
	ADD type bigint,
	ADD timezone_id int,
	ADD timezone varchar(64);
CREATE INDEX session_usage ON session (company_id, ended, id)
	WHERE state = 'ended';
CREATE INDEX session_usage_host ON session (host_id, ended, id)
	WHERE state = 'ended';

-- One stay of a person in a run, from a join to its leave. Written by the
-- site where it was and by no other, under an id made from (run, person,
-- site, joined): written again it is the same row, and both sites' rows side
-- by side are the whole. Where two stays of a person overlap, the later one
-- ends the earlier: he is in one place at a time (usage.h).
CREATE TABLE attendance (
	id          uuid PRIMARY KEY,
	company_id  uuid NOT NULL,
	session_id  uuid NOT NULL,
	site        varchar(1) NOT NULL,
	participant varchar(64) NOT NULL CHECK (participant <> ''),
	account_id  uuid,
	name        varchar(130) NOT NULL DEFAULT '',
	email       varchar(192) NOT NULL DEFAULT '',
	host        boolean NOT NULL DEFAULT false,
	address     varchar(64) NOT NULL DEFAULT '',
	agent       varchar(256) NOT NULL DEFAULT '',
	joined      timestamptz NOT NULL,
	seen        timestamptz NOT NULL,
	left_at     timestamptz
);
CREATE INDEX attendance_session ON attendance
	(session_id, participant, joined, id);

-- The stays as reports count them.
CREATE VIEW attendance_counted AS
	SELECT t.*, x.until,
	       extract(epoch FROM x.until - t.joined) AS seconds
	FROM attendance t, LATERAL (
		SELECT greatest(t.joined, least(coalesce(t.left_at, t.seen),
		       (SELECT n.joined FROM attendance n
		        WHERE n.session_id = t.session_id
		        AND n.participant = t.participant
		        AND (n.joined, n.id) > (t.joined, t.id)
		        ORDER BY n.joined, n.id LIMIT 1))) AS until
		OFFSET 0) x;
