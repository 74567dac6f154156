"""The hub's tables in PostgreSQL: the same as in SQLite's file, and what several collectors need besides.

Each step is carried out once, in its order, and never changed again: a release adds steps at the end. `rowid`
is the order in which rows came, which SQLite keeps by itself; text is ordered by its bytes, as there.
"""

FIRST = """
CREATE TABLE booth (
    name TEXT COLLATE "C" PRIMARY KEY, last_seq BIGINT NOT NULL, last_hash TEXT NOT NULL,
    highest_seen BIGINT NOT NULL, heard_at TEXT COLLATE "C" NOT NULL
);
CREATE TABLE entry (
    booth TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, at TEXT COLLATE "C" NOT NULL, clock TEXT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (booth, seq)
);
CREATE INDEX entry_by_kind ON entry (kind, booth);
CREATE TABLE ahead ( -- entries whose predecessor is not held yet
    booth TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, at TEXT NOT NULL, clock TEXT NOT NULL,
    kind TEXT NOT NULL, body TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL,
    received_at TEXT NOT NULL, PRIMARY KEY (booth, seq)
);
CREATE TABLE packet (
    hash TEXT COLLATE "C" PRIMARY KEY, booth TEXT COLLATE "C" NOT NULL, enrolment TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL, complete_at TEXT COLLATE "C", closed_at TEXT COLLATE "C",
    rowid BIGINT GENERATED ALWAYS AS IDENTITY, UNIQUE (booth, enrolment)
);
CREATE TABLE delivery (
    hash TEXT COLLATE "C" PRIMARY KEY, batch TEXT COLLATE "C" NOT NULL,
    delivered_at TEXT COLLATE "C" NOT NULL, accepted_at TEXT, refused TEXT
);
CREATE TABLE alarm (
    booth TEXT COLLATE "C" NOT NULL, why TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL,
    at TEXT COLLATE "C" NOT NULL, text TEXT NOT NULL, count BIGINT NOT NULL,
    rowid BIGINT GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (booth, why)
);
CREATE TABLE gap (booth TEXT COLLATE "C" PRIMARY KEY, since TEXT NOT NULL);
CREATE TABLE told (
    booth TEXT COLLATE "C" PRIMARY KEY, online INTEGER, release TEXT, trouble TEXT, last_seq BIGINT,
    heard_at TEXT COLLATE "C"
);
CREATE INDEX packet_waiting ON packet (booth) WHERE complete_at IS NULL;
CREATE INDEX packet_open ON packet (booth) WHERE closed_at IS NULL OR complete_at IS NULL;
CREATE TABLE campaign_event (
    key BIGINT NOT NULL, id TEXT COLLATE "C" NOT NULL, day INTEGER NOT NULL, at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL, unit TEXT COLLATE "C" NOT NULL, facts TEXT NOT NULL,
    rowid BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
CREATE INDEX campaign_event_by_key ON campaign_event (key);
CREATE INDEX campaign_event_on_day ON campaign_event (day, kind);
CREATE TABLE campaign_count (
    measure TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, day INTEGER NOT NULL,
    number BIGINT NOT NULL, PRIMARY KEY (measure, key, day)
);
CREATE TABLE campaign_definition (counted_by TEXT NOT NULL);
"""
STEP_KEYS = """
ALTER TABLE campaign_event RENAME COLUMN key TO step;
DROP INDEX campaign_event_by_key;
UPDATE campaign_event SET step = (step & -8) | CASE -- as edge.campaign.events.event_key has it
    WHEN id LIKE '%:collected' THEN 0 WHEN id LIKE '%:sent' THEN 1 WHEN id LIKE '%:acknowledged' THEN 2
    WHEN id LIKE '%:printed' THEN 3 WHEN id LIKE '%:posted' THEN 4 WHEN id LIKE '%:received' THEN 5
    WHEN id LIKE '%:handed-over' THEN 6 ELSE 7 END;
CREATE INDEX campaign_event_by_step ON campaign_event (step);
"""
BOOKINGS = """
CREATE TABLE booking (
    id TEXT COLLATE "C" PRIMARY KEY, unit TEXT COLLATE "C" NOT NULL, hamlet TEXT COLLATE "C" NOT NULL,
    begin TEXT COLLATE "C" NOT NULL, people INTEGER NOT NULL
);
CREATE INDEX booking_of_slot ON booking (begin, unit, hamlet);
"""
INDICES = """
DROP INDEX campaign_event_on_day;
CREATE INDEX campaign_event_alike ON campaign_event (day, kind, unit, at) WHERE facts = '';
CREATE INDEX campaign_event_unlike ON campaign_event (day, kind) WHERE facts <> '';
"""
FILES = """
CREATE TABLE campaign_file (
    at BIGINT NOT NULL, file TEXT COLLATE "C" NOT NULL, unit TEXT COLLATE "C" NOT NULL,
    sent INTEGER NOT NULL, acknowledged INTEGER NOT NULL, PRIMARY KEY (at, file)
);
CREATE TABLE campaign_unfiled (first BIGINT NOT NULL, last BIGINT PRIMARY KEY); -- events without their files
INSERT INTO campaign_unfiled SELECT 1, max(rowid) FROM campaign_event HAVING max(rowid) > 0;
"""
JOURNALS = """
CREATE TABLE campaign_booth ( -- how far a booth's journal is counted, and by what
    booth TEXT COLLATE "C" PRIMARY KEY, rule TEXT NOT NULL, seq BIGINT NOT NULL, outside BIGINT NOT NULL,
    memory TEXT NOT NULL
);
CREATE TABLE campaign_early ( -- cards handed over whose file is not collected yet
    file TEXT COLLATE "C" PRIMARY KEY, at BIGINT NOT NULL, unit TEXT NOT NULL, place TEXT NOT NULL
);
"""
SUMS = """
CREATE TABLE booth_sum ( -- what a booth's entries up to a number come to
    booth TEXT COLLATE "C" PRIMARY KEY, seq BIGINT NOT NULL, sums TEXT NOT NULL
);
"""
ENROLLED = """
CREATE TABLE enrolled ( -- whom each booth enrolled
    subject TEXT COLLATE "C" NOT NULL, booth TEXT COLLATE "C" NOT NULL, enrolment TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, booth, enrolment)
);
INSERT INTO enrolled SELECT said ->> 'subject', booth, said ->> 'enrolment' FROM (
    SELECT booth, CASE WHEN position('\\u0000' IN body) = 0 THEN body::json END AS said
    FROM entry WHERE kind = 'enrolment.sealed'
) AS sealed
WHERE said ->> 'outcome' = 'enrolled' AND json_typeof(said -> 'subject') = 'string'
    AND length(said ->> 'subject') <= 200 AND length(said ->> 'enrolment') <= 200
ON CONFLICT DO NOTHING;
"""
STEPS = (FIRST, STEP_KEYS, BOOKINGS, INDICES, FILES, JOURNALS, SUMS, ENROLLED)
