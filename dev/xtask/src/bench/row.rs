//! One line of the result: our figure, the other one, the ratio, the bar, the verdict.

use std::fmt;

/// The first lines of the table.
pub(crate) const HEADER: &str = "| what | ours | other | ratio | bar | verdict |\n|---|---|---|---|---|---|";

/// What is demanded of the ratio, or of our figure where there is no other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is promised; the figure is only told.
    None,
}

/// A figure with its unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    what: String,
    ours: Figure,
    other: Option<Figure>,
    judged: Option<f64>,
    bar: Bar,
    absent: Option<String>,
}

impl Row {
    /// Our figure alone, judged itself.
    pub(crate) fn alone(what: &str, ours: f64, unit: &'static str, bar: Bar) -> Self {
        let ours = Figure { value: ours, unit };
        Self { what: what.to_owned(), judged: Some(ours.value), ours, other: None, bar, absent: None }
    }

    /// Two figures, of which the ratio is judged.
    pub(crate) fn compared(
        what: &str,
        figures: (f64, f64),
        unit: &'static str,
        ratio: f64,
        bar: Bar,
    ) -> Self {
        let figure = |value| Figure { value, unit };
        let (ours, other) = (figure(figures.0), Some(figure(figures.1)));
        Self { what: what.to_owned(), ours, other, judged: Some(ratio), bar, absent: None }
    }

    /// The other program is absent.
    pub(crate) fn not_compared(what: &str, absent: &str) -> Self {
        let ours = Figure { value: f64::NAN, unit: "" };
        let absent = Some(absent.to_owned());
        Self { what: what.to_owned(), ours, other: None, judged: None, bar: Bar::None, absent }
    }

    /// Whether there is a verdict at all.
    pub(crate) fn is_compared(&self) -> bool {
        self.absent.is_none()
    }

    /// Whether the bar was not reached. A figure that is no number reaches none.
    pub(crate) fn is_missed(&self) -> bool {
        self.is_compared() && !self.is_held()
    }

    fn is_held(&self) -> bool {
        match (self.judged, self.bar) {
            (_, Bar::None) => true,
            (Some(value), Bar::AtLeast(bar)) => value >= bar,
            (Some(value), Bar::AtMost(bar)) => value <= bar,
            (None, Bar::AtLeast(_) | Bar::AtMost(_)) => false,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} {}", self.value, self.unit)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(absent) = &self.absent {
            return write!(f, "| {} | | | | | not compared: {absent} is absent |", self.what);
        }
        let other = self.other.as_ref().map(ToString::to_string).unwrap_or_default();
        let ratio =
            self.other.as_ref().and(self.judged).map(|ratio| format!("{ratio:.3}")).unwrap_or_default();
        let (bar, verdict) = match self.bar {
            Bar::AtLeast(bar) => (format!("≥ {bar}"), if self.is_held() { "held" } else { "MISSED" }),
            Bar::AtMost(bar) => (format!("≤ {bar}"), if self.is_held() { "held" } else { "MISSED" }),
            Bar::None => (String::new(), "told"),
        };
        write!(f, "| {} | {} | {other} | {ratio} | {bar} | {verdict} |", self.what, self.ours)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bar, Row};

    #[test]
    fn verdicts() {
        assert!(!Row::alone("a", 1.0, "s", Bar::AtMost(1.0)).is_missed());
        assert!(Row::alone("a", 1.1, "s", Bar::AtMost(1.0)).is_missed());
        assert!(Row::alone("a", f64::NAN, "s", Bar::AtLeast(1.0)).is_missed());
        assert!(Row::compared("a", (1.0, 2.0), "s", 2.0, Bar::AtLeast(25.0)).is_missed());
        assert!(!Row::not_compared("a", "cosign").is_missed());
        let line = Row::compared("a", (1.0, 2.0), "s", 2.0, Bar::AtLeast(1.5)).to_string();
        assert_eq!(line, "| a | 1.000 s | 2.000 s | 2.000 | ≥ 1.5 | held |");
    }
}
