//! Habits: what a profile usually signs, so that a new shape is noticed and people are asked (`[step_up]`).
//!
//! No learning that nobody can explain: six plain memories, each with a rule in one sentence, in whole numbers. The same
//! observations give the same memory and the same judgement on every machine.
//!
//! | habit | what is remembered | what is unusual |
//! |---|---|---|
//! | package | 256 artifact names without versions and digits | a name that is not among them |
//! | identity | 48 workflows of repositories | a workflow that is not among them |
//! | format | every format | one that was never signed |
//! | hour | for each hour of the day (UTC), on how many days something was signed | none in this hour or beside it |
//! | version | per package the highest version of eight major lines | a major version 2 or more ahead; or backwards |
//! | volume | per profile and workflow the busiest moments of recent hours | more than 3/2 of the second busiest |

mod hours;
pub mod judge;
pub mod memory;
pub mod observation;
pub mod package;
mod volume;
