//! What others than this server count, for `/metrics`.

/// How a value moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only up, until the process ends.
    Counter,
    /// Up and down.
    Gauge,
}

impl Kind {
    /// As the Prometheus text format spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// One metric with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// `chancery_ledger_leaves_total`.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// One sentence.
    pub help: &'static str,
    /// Labels as written (`kind="sign",result="answered"`, from closed sets; empty for none) with their values.
    pub values: Vec<(String, u64)>,
}

impl Measured {
    /// A metric without labels.
    #[must_use]
    pub fn one(name: &'static str, kind: Kind, help: &'static str, value: u64) -> Self {
        Self { name, kind, help, values: vec![(String::new(), value)] }
    }
}

/// Somebody who counts. Asked at every scrape: it must answer at once, from memory.
pub trait Measures: Send + Sync + std::fmt::Debug {
    /// The values as of now.
    fn measures(&self) -> Vec<Measured>;
}
