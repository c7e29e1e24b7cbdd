//! State and ledger sequencing in SQLite, one file per noun.
