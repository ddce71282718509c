//! A row of a stack: what stands in the task, whether it does, and where.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A row of a stack. It has a name of its own, by which a guide that comes late finds it wherever it stands
/// then; rows that say the same are equal all the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StackRow<T> {
    #[serde(skip, default = "Uuid::new_v4")]
    id: Uuid,
    /// Whether it waits in the form and stays out of the task.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// What stands in the task.
    #[serde(flatten)]
    pub says: T,
}

impl<T> StackRow<T> {
    /// Names the row for as long as it is there.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }
}

impl<T> From<T> for StackRow<T> {
    fn from(says: T) -> Self {
        Self { id: Uuid::new_v4(), off: false, says }
    }
}

impl<T: PartialEq> PartialEq for StackRow<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.off, &self.says) == (other.off, &other.says)
    }
}

/// What the user does with a row beside changing what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowEdit {
    /// Takes it off.
    Remove,
    /// Puts it where that row stands now.
    MoveTo(usize),
}

/// Does `edit` with the row at `index`; a place beyond the last is the last.
pub fn edit_rows<T>(rows: &mut Vec<StackRow<T>>, index: usize, edit: RowEdit) {
    if index >= rows.len() {
        return;
    }
    let row = rows.remove(index);
    if let RowEdit::MoveTo(place) = edit {
        rows.insert(place.min(rows.len()), row);
    }
}

/// What the rows that are on say; `None` for none, which a task does not mention.
pub(super) fn said<T: Clone>(rows: &[StackRow<T>]) -> Option<Vec<T>> {
    let on: Vec<T> = rows.iter().filter(|row| !row.off).map(|row| row.says.clone()).collect();
    (!on.is_empty()).then_some(on)
}

pub(super) fn rows<T: Clone>(stack: Option<&Vec<T>>) -> Vec<StackRow<T>> {
    stack.into_iter().flatten().cloned().map(StackRow::from).collect()
}

/// `new` rows with the ones of `old` that are off put back where they stood, and with the names that rows
/// in the same place had.
pub(super) fn with_those_off<T: Clone>(
    new: Vec<StackRow<T>>,
    old: &[StackRow<T>],
) -> Vec<StackRow<T>> {
    let names = old.iter().filter(|row| !row.off).map(|row| Some(row.id));
    let mut merged: Vec<StackRow<T>> = new
        .into_iter()
        .zip(names.chain(std::iter::repeat(None)))
        .map(|(row, name)| StackRow { id: name.unwrap_or(row.id), ..row })
        .collect();
    for (place, row) in old.iter().enumerate().filter(|(_, row)| row.off) {
        merged.insert(place.min(merged.len()), row.clone());
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(text: &str) -> Vec<StackRow<char>> {
        let row = |sign: char| StackRow { off: sign.is_uppercase(), ..StackRow::from(sign) };
        text.chars().map(row).collect()
    }

    fn text(rows: &[StackRow<char>]) -> String {
        rows.iter().map(|row| row.says).collect()
    }

    #[test]
    fn rows_go_up_and_down_and_off() {
        let cases = [
            (0, RowEdit::MoveTo(2), "bcad"),
            (3, RowEdit::MoveTo(0), "dabc"),
            (1, RowEdit::MoveTo(9), "acdb"),
            (2, RowEdit::Remove, "abd"),
            (7, RowEdit::Remove, "abcd"),
        ];
        for (index, edit, after) in cases {
            let mut rows = stack("abcd");
            edit_rows(&mut rows, index, edit);
            assert_eq!(text(&rows), after, "{index} {edit:?}");
        }
    }

    #[test]
    fn rows_that_are_off_stay_where_they_were_when_the_others_change() {
        let cases = [
            ("aBc", "ac", "aBc"),
            ("aBc", "acd", "aBcd"),
            ("ABc", "", "AB"),
            ("abC", "x", "xC"),
            ("", "ab", "ab"),
        ];
        for (old, new, after) in cases {
            let old = stack(old);
            let merged = with_those_off(stack(new), &old);
            assert_eq!(text(&merged), after);
            if let (Some(old), Some(new)) = (old.first(), merged.first()) {
                assert_eq!(old.id, new.id, "the first row is still the first");
            }
        }
    }

    #[test]
    fn a_row_that_is_off_is_no_part_of_what_is_said() {
        assert_eq!(said(&stack("aBc")), Some(vec!['a', 'c']));
        assert_eq!(said(&stack("AB")), None);
    }
}
