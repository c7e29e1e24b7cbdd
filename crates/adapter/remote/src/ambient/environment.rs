//! `CHANCERY_ID_TOKEN`: a token that the job was given by name; its audience is what it is.

use super::{AmbientError, Environment, Token, variable};

pub(super) fn find(env: Environment<'_>) -> Option<Result<Token, AmbientError>> {
    Some(Token::new(&variable(env, "CHANCERY_ID_TOKEN")?, "CHANCERY_ID_TOKEN"))
}
