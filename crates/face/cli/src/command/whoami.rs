//! `chancery whoami`: the job's own token, as the service reads it.

use chancery_api::whoami::Whoami;
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::sign::ask;
use crate::terminal::{Shape, printable};

/// Shows identity, claims and profiles.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let server = context.server()?;
    let audience = format!("chancery:{}", ask::audience_host(&server)?);
    let token = ask::token(&server, context.host, &audience)?;
    let who: Whoami = server.get_as("/v1/whoami", &token)?.json()?;
    match context.terminal.shape() {
        Shape::Json => {
            let mut value = json!(who);
            if let Some(members) = value.as_object_mut() {
                members.insert("token_source".into(), json!(token.source()));
            }
            context.terminal.document("chancery.whoami/1", value);
        }
        Shape::Text => context.terminal.result(&lines(&who, token.source())),
    }
    Ok(Exit::Ok)
}

fn lines(who: &Whoami, source: &str) -> String {
    let mut text =
        format!("{} by issuer {}, token from {}\n", json_word(&who.kind), who.issuer, printable(source));
    for (name, value) in &who.claims {
        text.push_str(&format!("  {name:<36} {}\n", printable(value)));
    }
    for profile in &who.profiles {
        text.push_str(&format!("✓ {profile}\n"));
    }
    for refused in &who.refused {
        text.push_str(&format!(
            "✗ {}  {} {}\n",
            refused.profile,
            printable(&refused.code),
            printable(&refused.what)
        ));
        if !refused.hint.is_empty() {
            text.push_str(&format!("  what to do:  {}\n", printable(&refused.hint)));
        }
    }
    text
}

/// The wire word of a small enum.
pub(super) fn json_word(value: &impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}
