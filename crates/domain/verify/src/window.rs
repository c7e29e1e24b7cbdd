//! Windows of validity: closed intervals, as Sigstore's `TimeRange`.

use chancery_core::time::Time;

/// From `start` to `end`, both inclusive; without an end it is still in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    start: Time,
    end: Option<Time>,
}

impl Window {
    /// Makes a window; `None` when it ends before it starts.
    #[must_use]
    pub fn new(start: Time, end: Option<Time>) -> Option<Self> {
        end.is_none_or(|end| start <= end).then_some(Self { start, end })
    }
    /// Its first moment.
    #[must_use]
    pub const fn start(&self) -> Time {
        self.start
    }
    /// Its last moment, when it has one.
    #[must_use]
    pub const fn end(&self) -> Option<Time> {
        self.end
    }
    /// The same without an end.
    #[must_use]
    pub const fn without_end(self) -> Self {
        Self { start: self.start, end: None }
    }
    /// Whether a moment lies in it.
    #[must_use]
    pub fn contains(&self, at: Time) -> bool {
        self.start <= at && self.end.is_none_or(|end| at <= end)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {end}", self.start),
            None => write!(f, "from {}", self.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_inside() {
        let [a, b, c, d] = [1, 2, 3, 4].map(Time::from_seconds);
        let window = Window::new(b, Some(c)).unwrap();
        assert_eq!([a, b, c, d].map(|at| window.contains(at)), [false, true, true, false]);
        assert!(Window::new(b, None).unwrap().contains(d));
        assert!(Window::new(c, Some(b)).is_none());
    }
}
