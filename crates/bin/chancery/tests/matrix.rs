//! Everything that this service signs for Sigstore and Notary clients, against everybody who verifies it.
//!
//! A row is a kind of signature, a column a client, unmodified. A cell counts when the client takes the signature and refuses
//! every counterpart that was tampered with. `-` says that a client has no such verification at all.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "test")]

#[path = "matrix/clients.rs"]
mod clients;
#[path = "matrix/rows.rs"]
mod rows;
#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use clients::CLIENTS;
use world::World;

/// What a client says of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// The client is not here.
    Absent,
    /// It takes what is signed and refuses what was changed.
    Good,
    /// It has no verification of this kind.
    Not,
}

impl Cell {
    const fn shown(self) -> &'static str {
        match self {
            Self::Absent => "not compared",
            Self::Good => "ok",
            Self::Not => "-",
        }
    }
}

#[test]
fn everybody_takes_what_is_signed_and_nobody_what_was_changed() {
    let world = World::start();
    let mut place = rows::Place::new(&world);
    let rows = rows::all(&mut place);
    let mut wrong = Vec::new();
    let names: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
    println!("| signature | {} |\n|---{}|", names.join(" | "), "|---".repeat(names.len()));
    let mut good = 0;
    for row in &rows {
        let cells = CLIENTS.iter().map(|client| {
            let cell = client.judge(&place, row, &mut wrong);
            good += usize::from(cell == Cell::Good);
            cell.shown()
        });
        let cells: Vec<&str> = cells.collect();
        println!("| {} | {} |", row.name, cells.join(" | "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let absent: Vec<_> = CLIENTS.iter().filter(|client| client.program().is_none()).collect();
    assert!(good > 0 || absent.len() == CLIENTS.len(), "nothing was compared");
    println!("compared: {good} cells");
}
