//! The nearest right word for a mistyped one. Nothing but text comparison.

/// The candidate that most resembles `word`, if one is near enough to be what was meant.
///
/// Near enough: at most a third of the word's letters changed (at least two may always differ), or a candidate
/// that begins with the word.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = (lower.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|c| {
            let begins = !lower.is_empty() && c.starts_with(&lower);
            (if begins { 1 } else { distance(&lower, &c.to_lowercase()) }, c)
        })
        .filter(|(d, c)| *d <= limit && *d < c.chars().count().max(2))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// `; did you mean "x"?` when a candidate is near, else the list of all.
#[must_use]
pub fn suggestion(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(c) => format!("did you mean `{c}`?"),
        None => format!("known are {}", candidates.join(", ")),
    }
}

/// Edits (insert, delete, replace, swap neighbours) that lead from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["steady", "ramp", "spike", "daily"];

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(nearest("stedy", WORDS), Some("steady"));
        assert_eq!(nearest("sipke", WORDS), Some("spike"));
        assert_eq!(nearest("RAMP", WORDS), Some("ramp"));
        assert_eq!(nearest("da", WORDS), Some("daily"));
    }

    #[test]
    fn stays_silent_when_nothing_is_near() {
        assert_eq!(nearest("elephant", WORDS), None);
        assert_eq!(suggestion("elephant", &["ramp"]), "known are ramp");
    }
}
