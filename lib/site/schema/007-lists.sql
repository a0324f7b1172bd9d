-- A list says how many there are in all: the index counts a company's meetings
-- by itself, the rows of which lie on a page each among those of the others.
DROP INDEX meeting_company;
CREATE INDEX meeting_company ON meeting (company_id, starts, id)
	INCLUDE (type);
