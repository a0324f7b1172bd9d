-- Who was told of a meeting by mail, and what each is still to be told: a row
-- of every address that was ever invited while mail was on. It outlives the
-- meeting and the attendee, to be told that it is cancelled.
CREATE TABLE invitation (
	id         uuid PRIMARY KEY,
	company_id uuid NOT NULL,
	meeting_id uuid NOT NULL,
	email      varchar(192) NOT NULL,
	-- digest of content, or 'cancelled'; with each change of it the number
	-- of RFC 5545 3.8.7.4, and the highest one that was told, -1: none
	wanted     varchar(40) NOT NULL,
	sequence   bigint NOT NULL,
	told       bigint NOT NULL DEFAULT -1,
	due        timestamptz NOT NULL DEFAULT now(),
	tries      int NOT NULL DEFAULT 0,
	-- start of the occurrence that is to be reminded of
	remind     timestamptz,
	content    jsonb NOT NULL
);
CREATE INDEX invitation_meeting ON invitation (meeting_id);
CREATE INDEX invitation_due ON invitation (due) WHERE told < sequence;
CREATE INDEX invitation_remind ON invitation (remind)
	WHERE remind IS NOT NULL;
CREATE INDEX invitation_over ON invitation (due) WHERE wanted = 'cancelled';
