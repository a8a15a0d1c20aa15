CREATE TABLE admin_tokens (
    digest VARCHAR(64) NOT NULL,
    made_at DOUBLE NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE comparisons (
    snapshot VARCHAR(71) NOT NULL,
    facts VARCHAR(71) NOT NULL,
    policy VARCHAR(71) NOT NULL,
    lock VARCHAR(71) NOT NULL,
    engine INTEGER NOT NULL,
    findings BLOB NOT NULL,
    PRIMARY KEY (snapshot, facts, policy, lock, engine)
);
CREATE TABLE facts (
    digest VARCHAR(71) NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE join_tokens (
    digest VARCHAR(64) NOT NULL,
    made_at DOUBLE NOT NULL,
    expires_at DOUBLE NOT NULL,
    uses_left INTEGER NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE machines (
    id VARCHAR(200) NOT NULL,
    name VARCHAR(200) NOT NULL,
    labels BLOB NOT NULL,
    secret_digest VARCHAR(64) NOT NULL,
    seen_at DOUBLE NOT NULL,
    epoch VARCHAR(200),
    seq BIGINT,
    version VARCHAR(200),
    records_digest VARCHAR(71),
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
    pushed_at DOUBLE NOT NULL,
    source BLOB NOT NULL,
    PRIMARY KEY (name, revision)
);
CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE sessions (
    digest VARCHAR(64) NOT NULL,
    token_digest VARCHAR(64) NOT NULL,
    expires_at DOUBLE NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE snapshots (
    digest VARCHAR(71) NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE environments (
    machine VARCHAR(200) NOT NULL,
    path_digest VARCHAR(71) NOT NULL,
    snapshot VARCHAR(71) NOT NULL,
    record BLOB NOT NULL,
    matched BLOB,
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
INSERT INTO schema_version (version) VALUES (1);
