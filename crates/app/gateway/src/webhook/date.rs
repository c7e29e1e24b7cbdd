//! Notices that come from no leaf but from the calendar. Each is told once per webhook.

use chancery_core::digest::Sha256;
use chancery_core::port::outbox::Settled;
use chancery_core::time::Time;
use chancery_policy::act::book::Open;
use serde_json::json;

use super::kind::Kind;
use super::notice::About;
use super::queue::{Hook, Parts, settle, tell};
use crate::expiry::{self, Expiry};
use crate::failure::Failure;

const DAY: i64 = 86_400;
/// Days before its end at which a certificate is told about, fewest first.
const DAYS: [i64; 4] = [0, 3, 14, 30];
/// Digits of a hash in an id.
const DIGITS: usize = 16;

/// Tells a webhook about the dates that have come, from leaf `next` on.
pub(super) async fn tell_dates(parts: &Parts, hook: &Hook, next: u64) -> Result<(), Failure> {
    let kinds = &hook.subscription.kinds;
    let now = parts.gateway.parts().clock.now();
    let mut come = Vec::new();
    if kinds.contains(&Kind::CertificateExpiring) {
        come.extend(
            expiry::expiries(&parts.gateway).await?.iter().filter_map(|expiry| expiring(expiry, now)),
        );
    }
    let book = parts.gateway.book();
    for (name, open) in book.exceptions().iter().filter(|(_, open)| open.reviewed.is_none()) {
        come.extend(review(name, open, now).filter(|(kind, _)| kinds.contains(kind)).map(|(_, about)| about));
    }
    for about in come {
        if parts.outbox.was_told(hook.name(), about.id.clone()).await? {
            continue;
        }
        let notice = about.notice(&parts.gateway.parts().builder);
        let told = Some(notice.id.clone());
        let dead = tell(parts, hook, notice).await;
        settle(parts, hook, Settled { next, told, dead }).await?;
    }
    Ok(())
}

/// The notice that is due for an exception without a review.
fn review(name: &Sha256, open: &Open, now: Time) -> Option<(Kind, About)> {
    let kind = match open.review.seconds_since(now) {
        left if left <= 0 => Kind::ReviewOverdue,
        left if left <= DAY => Kind::ReviewDue,
        _ => return None,
    };
    let digits: String = name.to_string().chars().take(DIGITS).collect();
    let data = json!({
        "exception": name.to_string(),
        "profile": open.profile.to_string(),
        "review": open.review.to_string(),
        "used": open.used,
    });
    let id = format!("{}-{digits}", kind.name().replace('.', "-"));
    Some((kind, About { id, kind: kind.name(), subject: name.to_string(), time: now, data }))
}

/// The notice that is due for a certificate now: the one of the nearest threshold alone, so that a certificate which is
/// seen late raises one notice and not three.
fn expiring(expiry: &Expiry, now: Time) -> Option<About> {
    let left = expiry.not_after.seconds_since(now);
    let days = DAYS.into_iter().find(|days| left <= days.saturating_mul(DAY))?;
    let digits: String = expiry.sha256.to_string().chars().take(DIGITS).collect();
    let data = json!({
        "certificate": expiry.name,
        "not_after": expiry.not_after.to_string(),
        "sha256": expiry.sha256.to_string(),
        "within_days": days,
    });
    Some(About {
        id: format!("certificate-{digits}-{days}"),
        kind: Kind::CertificateExpiring.name(),
        subject: expiry.name.clone(),
        time: now,
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_about_once_per_threshold() {
        let not_after = Time::from_seconds(100 * DAY);
        let expiry = Expiry { name: "acme-cms".to_owned(), sha256: Sha256::of(b"c"), not_after };
        let id = |days_before: i64, seconds: i64| {
            let now = not_after.plus_seconds(-days_before * DAY + seconds);
            expiring(&expiry, now).map(|about| about.id.rsplit('-').next().unwrap().to_owned())
        };
        assert_eq!(id(30, -1), None);
        let cases = [
            (30, 0, "30"),
            (15, 0, "30"),
            (14, 0, "14"),
            (3, 1, "3"),
            (0, -1, "3"),
            (0, 0, "0"),
            (-9, 0, "0"),
        ];
        for (days, seconds, expected) in cases {
            assert_eq!(id(days, seconds).as_deref(), Some(expected), "{days} days {seconds} s");
        }
    }
}
