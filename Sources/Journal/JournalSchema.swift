internal import GRDB

/// The tables: `events` is the journal; the others are projections of it and can be thrown away and made anew.
enum JournalSchema {
    /// Only an archive is allowed to, and puts this back.
    static let removalGuard = """
        CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'journal events are never removed'); END;
        """

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE events (
                        number INTEGER PRIMARY KEY, utc TEXT NOT NULL, monotonic INTEGER NOT NULL, slot TEXT, unit TEXT,
                        session INTEGER, kind TEXT NOT NULL, payload TEXT NOT NULL, hash BLOB NOT NULL
                    ) STRICT;
                    CREATE INDEX events_by_unit ON events (unit) WHERE unit IS NOT NULL;
                    CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
                        BEGIN SELECT RAISE(ABORT, 'journal events are never changed'); END;
                    \(removalGuard)
                    CREATE TABLE sessions (
                        id INTEGER PRIMARY KEY, slot TEXT NOT NULL, unit TEXT, startedAt TEXT NOT NULL, release TEXT,
                        components TEXT NOT NULL, transferBegan INTEGER NOT NULL DEFAULT 0, endedAt TEXT, verdict TEXT, settled TEXT,
                        settledBy INTEGER
                    ) STRICT;
                    CREATE INDEX sessions_by_unit ON sessions (unit);
                    CREATE INDEX sessions_running ON sessions (id) WHERE verdict IS NULL;
                    CREATE TABLE slots (
                        slot TEXT PRIMARY KEY, isHeld INTEGER NOT NULL DEFAULT 0, isDocked INTEGER NOT NULL DEFAULT 0,
                        lastSession INTEGER
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("2") { database in
            try database.execute(
                sql: """
                    ALTER TABLE sessions ADD COLUMN manifestHash TEXT;
                    ALTER TABLE sessions ADD COLUMN approval INTEGER;
                    ALTER TABLE sessions ADD COLUMN checksOff TEXT;
                    ALTER TABLE sessions ADD COLUMN startingVersion TEXT;
                    CREATE INDEX sessions_by_approval ON sessions (approval) WHERE approval IS NOT NULL;
                    CREATE INDEX events_of_ledger ON events (number) WHERE kind IN (
                        'release-imported', 'release-approved', 'release-withdrawn', 'check-switched-off', 'revocations-imported');
                    """)
        }
        migrator.registerMigration("3") { database in
            try database.execute(
                sql: """
                    ALTER TABLE sessions ADD COLUMN hardwareVersion TEXT;
                    ALTER TABLE slots ADD COLUMN isOutOfService INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE slots ADD COLUMN serviceSince INTEGER;
                    DROP INDEX events_of_ledger;
                    CREATE INDEX events_of_ledger ON events (number) WHERE kind IN (
                        'release-imported', 'release-approved', 'release-withdrawn', 'release-halted', 'check-switched-off',
                        'revocations-imported');
                    CREATE INDEX events_of_bench ON events (number) WHERE kind IN ('bench-started', 'bench-stopped');
                    CREATE INDEX events_by_slot ON events (slot, number) WHERE slot IS NOT NULL;
                    UPDATE sessions SET hardwareVersion =
                        (SELECT json_extract(payload, '$.unit.hardwareVersion') FROM events WHERE number = sessions.id);
                    """)
        }
        migrator.registerMigration("4") { database in
            try database.execute(sql: ConsignmentTables.creation)
            try database.execute(
                sql: """
                    ALTER TABLE sessions ADD COLUMN outcomeEvent INTEGER;
                    UPDATE sessions SET outcomeEvent = e.number FROM events e WHERE e.session = sessions.id AND e.kind = 'outcome';
                    """)
        }
        migrator.registerMigration("5") { database in
            try database.execute(sql: "CREATE INDEX events_of_checkpoints ON events (number) WHERE kind = 'checkpoint'")
        }
        migrator.registerMigration("6") { database in try database.execute(sql: CaptureTable.creation) }
        migrator.registerMigration("7") { database in try database.execute(sql: ArchiveTable.creation) }
        migrator.registerMigration("8") { database in try database.execute(sql: "ALTER TABLE sessions ADD COLUMN variant TEXT") }
        // A session that began before its variant was recorded has its approval's.
        migrator.registerMigration("9") { database in
            try database.execute(
                sql: """
                    UPDATE sessions SET variant = (SELECT payload ->> '$.variant' FROM events WHERE number = sessions.approval)
                    WHERE variant IS NULL
                    """)
        }
        return migrator
    }
}
