-- Those whose mail was not taken, to keep the order of what they are told.
CREATE INDEX invitation_again ON invitation (company_id, lower(email))
	WHERE told < sequence AND tries > 0;
-- A row may also tell of a change of an account ("wanted" is 'account',
-- "meeting_id" the account): once, so it goes when that is long ago.
CREATE INDEX invitation_account ON invitation (due) WHERE wanted = 'account';
