-- What the APIs need beyond the first step. All of it may be absent for a
-- site of the step before: columns are nullable, tables unknown to it.

-- Made with the meeting, so that they outlive a change of the pair's key.
ALTER TABLE meeting ADD host_key varchar(16), ADD guest_token varchar(64);
CREATE INDEX meeting_open ON meeting (company_id, starts, id)
	WHERE state = 'in_progress';

-- By the whole request: for those whose own account it changed, who are not
-- who they were when it comes again.
ALTER TABLE journal ADD request uuid;
CREATE INDEX journal_request ON journal (request) WHERE request IS NOT NULL;

CREATE INDEX company_site ON company (site_id);

-- The attendees of a person, for "invited".
CREATE INDEX attendee_email ON attendee (company_id, lower(email));

-- Failed log-ins of an account from an address, on either site.
CREATE TABLE login_failure (
	id         uuid PRIMARY KEY,
	company_id uuid NOT NULL,
	account_id uuid NOT NULL,
	address    varchar(64) NOT NULL,
	failures   int NOT NULL,
	last       timestamptz NOT NULL
);
CREATE INDEX login_failure_account ON login_failure (account_id, address);
CREATE INDEX login_failure_last ON login_failure (last);
