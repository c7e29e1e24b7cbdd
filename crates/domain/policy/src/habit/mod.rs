//! Habits: what a profile usually signs, so that a new shape is noticed.
