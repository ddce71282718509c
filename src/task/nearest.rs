//! Which known words a mistyped one probably meant.

/// At most this many suggestions: more is a list, not a hint.
const MOST: usize = 3;

/// The known words nearest to `word`, best first; empty when none is near.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let typed = word.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| Some((distance(&typed, candidate)?, candidate)))
        .collect();
    near.sort_by_key(|&(distance, _)| distance);
    near.into_iter().take(MOST).map(|(_, candidate)| candidate).collect()
}

/// ` Did you mean a, b or c?`, or nothing.
pub(super) fn suggestion(candidates: &[&str]) -> String {
    match candidates {
        [] => String::new(),
        candidates => format!(" Did you mean {}?", either(candidates)),
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

/// How far `candidate` is from the lower-case text `typed`, if it is near at all:
/// within a third of its length, or one begins with the other.
fn distance(typed: &str, candidate: &str) -> Option<usize> {
    let candidate = candidate.to_lowercase();
    let edits = edit_distance(typed, &candidate);
    let reach = (typed.chars().count().max(candidate.chars().count()) / 3).max(1);
    let begins =
        typed.len() >= 4 && (candidate.starts_with(typed) || typed.starts_with(&candidate));
    (edits <= reach || begins).then_some(edits)
}

/// Levenshtein's distance: insertions, deletions and substitutions of characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut last = i + 1;
        let mut next = vec![last];
        for (above, &to) in row.windows(2).zip(&b) {
            let [diagonal, up] = *above else { continue };
            last = (diagonal + usize::from(from != to)).min(up + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_levenshteins() {
        // The textbook pairs.
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("saturday", "sunday"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
        assert_eq!(edit_distance("flaw", "lawn"), 2);
    }

    #[test]
    fn near_words_come_best_first() {
        let known = ["steps", "scheduler", "seed", "strength"];
        assert_eq!(nearest("seeds", known), ["seed"]);
        assert_eq!(nearest("Seal", ["sea", "seal", "teal"]), ["seal", "sea", "teal"]);
        assert_eq!(nearest("Scheduler", known), ["scheduler"]);
        assert_eq!(nearest("banana", known), [""; 0]);
    }

    #[test]
    fn suggestions_read_as_a_sentence() {
        assert_eq!(suggestion(&[]), "");
        assert_eq!(suggestion(&["a"]), " Did you mean a?");
        assert_eq!(suggestion(&["a", "b", "c"]), " Did you mean a, b or c?");
    }
}
