-- The site's tables. What replicates, and how two versions of a row merge,
-- is declared in tables.ini beside this file.
--
-- No foreign keys: rows arrive from the other site in any order, and a
-- cascade there would delete what nobody here asked to delete.
-- Strings that share a column group are varchar: they must never be TOASTed.

CREATE TABLE node (
	one      boolean PRIMARY KEY DEFAULT true CHECK (one),
	site     varchar(16) NOT NULL,
	residue  int NOT NULL CHECK (residue IN (0, 1))
);
COMMENT ON TABLE node IS 'which of the pair this is; written by --migrate';

CREATE TABLE company (
	id         uuid PRIMARY KEY,
	name       varchar(64) NOT NULL
	           CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9-]*$'),
	site_id    bigint NOT NULL CHECK (site_id > 0),
	partner_id varchar(64) NOT NULL DEFAULT '',
	brand      varchar(128) NOT NULL DEFAULT '',
	disabled   boolean NOT NULL DEFAULT false,
	created    timestamptz NOT NULL DEFAULT now(),
	modified   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account (
	id             uuid PRIMARY KEY,
	company_id     uuid NOT NULL,
	number         bigint NOT NULL,
	webexid        varchar(128) NOT NULL CHECK (webexid <> ''),
	email          varchar(192) NOT NULL CHECK (email <> ''),
	first_name     varchar(64) NOT NULL DEFAULT '',
	last_name      varchar(64) NOT NULL DEFAULT '',
	display_name   varchar(130),
	title          varchar(128),
	language       varchar(64),
	locale         varchar(32),
	timezone_id    int,
	timezone       varchar(64),
	password_hash  varchar(160),
	credentials_no int NOT NULL DEFAULT 1,
	activation_no  int NOT NULL DEFAULT 1,
	active         varchar(16) NOT NULL DEFAULT 'active'
	               CHECK (active IN ('active', 'locked', 'deactivated')),
	host           boolean NOT NULL DEFAULT true,
	site_admin     boolean NOT NULL DEFAULT false,
	ro_site_admin  boolean NOT NULL DEFAULT false,
	phones         jsonb NOT NULL DEFAULT '{}',
	address        jsonb NOT NULL DEFAULT '{}',
	privileges     jsonb NOT NULL DEFAULT '{}',
	meeting_types  jsonb NOT NULL DEFAULT '[]',
	extra          jsonb NOT NULL DEFAULT '{}',
	created        timestamptz NOT NULL DEFAULT now(),
	modified       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_company ON account (company_id, webexid);

CREATE TABLE meeting (
	id                  uuid PRIMARY KEY,
	company_id          uuid NOT NULL,
	host_id             uuid NOT NULL,
	number              bigint NOT NULL,
	access_code         varchar(16) NOT NULL,
	confname            varchar(255) NOT NULL CHECK (confname <> ''),
	type                bigint NOT NULL DEFAULT 3,
	list_status         varchar(8) NOT NULL DEFAULT 'UNLISTED'
	                    CHECK (list_status IN
	                           ('PUBLIC', 'PRIVATE', 'UNLISTED')),
	password            varchar(64),
	enforce_password    boolean NOT NULL DEFAULT true,
	join_before_host    boolean NOT NULL DEFAULT false,
	starts              timestamptz NOT NULL,
	timezone_id         int,
	timezone            varchar(64),
	duration            int NOT NULL CHECK (duration BETWEEN 1 AND 1440),
	open_time           int NOT NULL DEFAULT 0
	                    CHECK (open_time BETWEEN 0 AND 86400),
	session_no          int NOT NULL DEFAULT 0,
	state               varchar(16) NOT NULL DEFAULT 'scheduled'
	                    CHECK (state IN
	                           ('scheduled', 'in_progress', 'ended')),
	site                varchar(1),
	host_joined         boolean NOT NULL DEFAULT false,
	participants_joined boolean NOT NULL DEFAULT false,
	agenda              text,
	recurrence          jsonb,
	telephony           jsonb NOT NULL DEFAULT '{}',
	attendee_options    jsonb NOT NULL DEFAULT '{}',
	options             jsonb NOT NULL DEFAULT '{}',
	extra               jsonb NOT NULL DEFAULT '{}',
	created             timestamptz NOT NULL DEFAULT now(),
	modified            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX meeting_company ON meeting (company_id, starts, id);
CREATE INDEX meeting_host ON meeting (host_id, starts);

CREATE TABLE attendee (
	id          uuid PRIMARY KEY,
	company_id  uuid NOT NULL,
	meeting_id  uuid NOT NULL,
	number      bigint NOT NULL,
	account_id  uuid,
	email       varchar(192) NOT NULL CHECK (email <> ''),
	name        varchar(128) NOT NULL DEFAULT '',
	first_name  varchar(64) NOT NULL DEFAULT '',
	last_name   varchar(64) NOT NULL DEFAULT '',
	type        varchar(16) NOT NULL DEFAULT 'VISITOR',
	role        varchar(16) NOT NULL DEFAULT 'ATTENDEE',
	join_status varchar(16) NOT NULL DEFAULT 'INVITE',
	phones      jsonb NOT NULL DEFAULT '{}',
	address     jsonb NOT NULL DEFAULT '{}',
	extra       jsonb NOT NULL DEFAULT '{}',
	created     timestamptz NOT NULL DEFAULT now(),
	modified    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attendee_meeting ON attendee (meeting_id);

-- One run of a meeting. The roster is here so that a room can reappear on the
-- other site with host and people.
CREATE TABLE session (
	id         uuid PRIMARY KEY,
	company_id uuid NOT NULL,
	meeting_id uuid NOT NULL,
	number     bigint NOT NULL,
	session_no int NOT NULL,
	host_id    uuid,
	site       varchar(1) NOT NULL,
	state      varchar(16) NOT NULL DEFAULT 'in_progress'
	           CHECK (state IN ('in_progress', 'ended')),
	started    timestamptz NOT NULL DEFAULT now(),
	ended      timestamptz,
	roster     jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX session_meeting ON session (meeting_id, session_no);

-- Every number that an integrator was ever told, for ever: a request that
-- was executed on both sites has told two.
CREATE TABLE number (
	kind       varchar(16) NOT NULL,
	number     bigint NOT NULL,
	row_id     uuid NOT NULL,
	company_id uuid NOT NULL,
	PRIMARY KEY (kind, number)
);
CREATE INDEX number_row ON number (row_id);

CREATE TABLE journal (
	id         uuid PRIMARY KEY,
	company_id uuid,
	account_id uuid,
	operation  varchar(64) NOT NULL,
	digest     varchar(96) NOT NULL,
	status     int NOT NULL,
	created    timestamptz NOT NULL DEFAULT now(),
	answer     text NOT NULL
);
CREATE INDEX journal_created ON journal (created);

-- Tokens that end before their time.
CREATE TABLE revocation (
	id         uuid PRIMARY KEY,
	company_id uuid NOT NULL,
	expires    timestamptz NOT NULL
);
CREATE INDEX revocation_expires ON revocation (expires);

-- Numbers of the two sites never meet: each has its residue. Meeting keys
-- have 9 or 10 digits, fit 31 bits, and do not tell how many there are: the
-- multiplication permutes 1..999999936 (a prime less one).
CREATE SEQUENCE number_meeting;
CREATE SEQUENCE number_account;
CREATE SEQUENCE number_attendee;
CREATE SEQUENCE number_session;

CREATE FUNCTION new_number(kind text) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
	SELECT CASE kind
	       WHEN 'meeting' THEN 100000000 +
	            2 * (nextval('number_meeting') * 387420489 % 999999937)
	       WHEN 'account' THEN 1000000 + 2 * nextval('number_account')
	       WHEN 'attendee' THEN 1000000 + 2 * nextval('number_attendee')
	       WHEN 'session' THEN 1000000 + 2 * nextval('number_session')
	       END + (SELECT residue FROM node)
$$;
