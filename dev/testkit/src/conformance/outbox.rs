//! What every outbox must do.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed check is a failed test")]

use chancery_core::port::courier::Notice;
use chancery_core::port::outbox::{DeadLetter, Outbox, Settled};
use chancery_core::time::Time;

fn letter(id: &str) -> DeadLetter {
    let notice = Notice { id: id.to_owned(), kind: "key.changed".to_owned(), body: "{}".to_owned() };
    DeadLetter { number: 0, notice, attempts: 3, why: "status 500".to_owned(), at: Time::from_seconds(7) }
}

/// Fills a fresh outbox and checks what it says.
pub async fn fill(outbox: &dyn Outbox) {
    let ops = || "ops".to_owned();
    assert_eq!(outbox.next(ops(), 5).await.unwrap(), 5, "a new webhook begins at the end");
    assert_eq!(outbox.next(ops(), 9).await.unwrap(), 5, "and stays where it began");
    for (next, id) in [(7, "leaf-6-a"), (8, "leaf-7-b")] {
        let dead = Some(letter(id));
        outbox.settle(ops(), Settled { next, told: None, dead }).await.unwrap();
    }
    let told = Some("certificate-x".to_owned());
    outbox.settle(ops(), Settled { next: 9, told, dead: None }).await.unwrap();
    outbox.settle("other".to_owned(), Settled { next: 3, told: None, dead: None }).await.unwrap();
}

/// Checks a filled outbox, also after it was opened again, and empties it.
pub async fn check(outbox: &dyn Outbox) {
    let ops = || "ops".to_owned();
    assert_eq!(outbox.next(ops(), 20).await.unwrap(), 9);
    assert_eq!(outbox.next("other".to_owned(), 20).await.unwrap(), 3);
    assert!(outbox.was_told(ops(), "certificate-x".to_owned()).await.unwrap());
    assert!(!outbox.was_told("other".to_owned(), "certificate-x".to_owned()).await.unwrap());
    let all = outbox.dead(ops(), 0, 10).await.unwrap();
    check_letters(outbox, &all).await;
    // A ledger that was restored to an earlier size: what comes next is told from there.
    assert_eq!(outbox.next(ops(), 4).await.unwrap(), 4);
}

async fn check_letters(outbox: &dyn Outbox, all: &[DeadLetter]) {
    let ops = || "ops".to_owned();
    let ids: Vec<&str> = all.iter().map(|dead| dead.notice.id.as_str()).collect();
    assert_eq!(ids, ["leaf-6-a", "leaf-7-b"]);
    let (first, second) = all.first().zip(all.get(1)).unwrap();
    assert_eq!((first.attempts, first.why.as_str(), first.at), (3, "status 500", Time::from_seconds(7)));
    assert!(first.number < second.number);
    assert_eq!(outbox.dead(ops(), 0, 1).await.unwrap(), std::slice::from_ref(first));
    assert_eq!(outbox.dead(ops(), first.number, 10).await.unwrap(), std::slice::from_ref(second));
    outbox.bury("other".to_owned(), first.number).await.unwrap();
    assert_eq!(outbox.dead_count(ops()).await.unwrap(), 2, "another webhook's name buries nothing");
    outbox.bury(ops(), first.number).await.unwrap();
    assert_eq!(outbox.dead_count(ops()).await.unwrap(), 1);
}
