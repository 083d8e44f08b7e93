//! Counts lines.

pub fn count(text: &str) -> usize {
    text.lines().count()
}
