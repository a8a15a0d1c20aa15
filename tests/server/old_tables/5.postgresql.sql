CREATE TABLE admin_tokens (
    digest VARCHAR(64) NOT NULL,
    made_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE comparisons (
    snapshot VARCHAR(71) NOT NULL,
    facts VARCHAR(71) NOT NULL,
    policy VARCHAR(71) NOT NULL,
    lock VARCHAR(71) NOT NULL,
    engine INTEGER NOT NULL,
    findings BYTEA NOT NULL,
    PRIMARY KEY (snapshot, facts, policy, lock, engine)
);
CREATE TABLE facts (
    digest VARCHAR(71) NOT NULL,
    document BYTEA NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE join_tokens (
    digest VARCHAR(64) NOT NULL,
    made_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    uses_left INTEGER NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE machines (
    id VARCHAR(200) NOT NULL,
    name VARCHAR(200) NOT NULL,
    labels BYTEA NOT NULL,
    secret_digest VARCHAR(64) NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    epoch VARCHAR(200),
    seq BIGINT,
    version VARCHAR(200),
    records_digest VARCHAR(71),
    told_digest VARCHAR(71),
    is_incomplete BOOLEAN DEFAULT false NOT NULL,
    facts_digest VARCHAR(71),
    PRIMARY KEY (id),
    UNIQUE (name),
    UNIQUE (secret_digest)
);
CREATE TABLE policies (
    name VARCHAR(200) NOT NULL,
    revision INTEGER NOT NULL,
    lock_revision INTEGER,
    digest VARCHAR(71) NOT NULL,
    pushed_at DOUBLE PRECISION NOT NULL,
    source BYTEA NOT NULL,
    PRIMARY KEY (name, revision)
);
CREATE TABLE rank_notes (
    meeting VARCHAR(32) NOT NULL,
    name VARCHAR(240) NOT NULL,
    author VARCHAR(200) NOT NULL,
    made_at DOUBLE PRECISION NOT NULL,
    size_bytes INTEGER NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (meeting, name)
);
CREATE INDEX ix_rank_notes_author ON rank_notes (author);
CREATE INDEX ix_rank_notes_made_at ON rank_notes (made_at);
CREATE TABLE schema_version (
    version SERIAL NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE sessions (
    digest VARCHAR(64) NOT NULL,
    token_digest VARCHAR(64) NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE snapshots (
    digest VARCHAR(71) NOT NULL,
    document BYTEA NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE environments (
    machine VARCHAR(200) NOT NULL,
    path_digest VARCHAR(71) NOT NULL,
    snapshot VARCHAR(71) NOT NULL,
    record BYTEA NOT NULL,
    matched BYTEA,
    PRIMARY KEY (machine, path_digest),
    FOREIGN KEY(machine) REFERENCES machines (id)
);
CREATE INDEX ix_environments_snapshot ON environments (snapshot);
CREATE TABLE past_epochs (
    machine VARCHAR(200) NOT NULL,
    epoch VARCHAR(200) NOT NULL,
    PRIMARY KEY (machine, epoch),
    FOREIGN KEY(machine) REFERENCES machines (id)
);
CREATE TABLE receipts (
    number SERIAL NOT NULL,
    key VARCHAR(32) NOT NULL,
    kind VARCHAR(10) NOT NULL,
    machine VARCHAR(200),
    machine_name VARCHAR(200) NOT NULL,
    person VARCHAR(200) NOT NULL,
    policy VARCHAR(200),
    snapshot VARCHAR(71),
    started_at DOUBLE PRECISION NOT NULL,
    received_at DOUBLE PRECISION NOT NULL,
    is_ended BOOLEAN NOT NULL,
    exit_code BIGINT,
    anyway TEXT,
    document BYTEA NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (key),
    FOREIGN KEY(machine) REFERENCES machines (id)
);
CREATE INDEX ix_receipts_machine ON receipts (machine);
CREATE INDEX ix_receipts_started_at ON receipts (started_at);
CREATE TABLE waivers (
    id SERIAL NOT NULL,
    policy VARCHAR(200) NOT NULL,
    package VARCHAR(200) NOT NULL,
    machine VARCHAR(200),
    environment TEXT,
    kind VARCHAR(40),
    until DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    state VARCHAR(10) NOT NULL,
    asked_by VARCHAR(200) NOT NULL,
    asked_at DOUBLE PRECISION NOT NULL,
    decided_by VARCHAR(200),
    decided_at DOUBLE PRECISION,
    decided_why TEXT,
    ended_by VARCHAR(200),
    ended_at DOUBLE PRECISION,
    ended_why TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(machine) REFERENCES machines (id)
);
CREATE INDEX ix_waivers_state ON waivers (state);
INSERT INTO schema_version (version) VALUES (5);
