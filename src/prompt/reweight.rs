//! Making words of a prompt weigh more or less, in the notation that the prompt is read in.

use std::ops::Range;

use super::Syntax;
use super::emphasis::{Found, Group};

/// What ends a word.
const BETWEEN: &str = r#".,\/!?%^*;:{}=`~()[]<>"|"#;
/// The weights between which keys lead.
const LEAST: f64 = 0.0;
const MOST: f64 = 4.0;

/// Adds `step` to the weight of what is selected in `text`: the selected words, the brackets around the
/// cursor, or the word that it touches. Gives the new text and what is selected in it, both in bytes;
/// `None` where there is nothing to weigh, or no notation to do it in. A weight of 1 needs no brackets.
#[must_use]
pub fn reweighted(
    text: &str,
    selected: Range<usize>,
    syntax: Syntax,
    step: f64,
) -> Option<(String, Range<usize>)> {
    if syntax == Syntax::Plain || !text.is_char_boundary(selected.start) {
        return None;
    }
    let groups = Found::of(text, syntax).groups;
    let (whole, inner, weight) = if let Some(group) = group_of(text, &selected, &groups) {
        outermost(text, &groups, group)
    } else {
        let words = words_of(text, &selected)?;
        (words.clone(), words, 1.0)
    };
    let weight = (((weight + step) * 100.0).round() / 100.0).clamp(LEAST, MOST);
    let words = text.get(inner)?;
    let (open, close) = match syntax {
        _ if (weight - 1.0).abs() < 1e-9 => ("", String::new()),
        Syntax::Compel => ("(", format!("){weight}")),
        _ => ("(", format!(":{weight})")),
    };
    let before = text.get(..whole.start)?;
    let start = before.len() + open.len();
    let new = format!("{before}{open}{words}{close}{}", text.get(whole.end..)?);
    Some((new, start..start + words.len()))
}

/// The innermost group that is meant: the one that is selected, or that the cursor is in.
fn group_of<'a>(text: &str, selected: &Range<usize>, groups: &'a [Group]) -> Option<&'a Group> {
    let meant = |group: &&Group| {
        if selected.is_empty() {
            return group.whole.start <= selected.start && selected.end <= group.whole.end;
        }
        let trimmed = trimmed(text, selected.clone());
        trimmed == group.whole || trimmed == trimmed_inner(text, group)
    };
    groups.iter().filter(meant).min_by_key(|group| group.whole.len())
}

fn trimmed_inner(text: &str, group: &Group) -> Range<usize> {
    trimmed(text, group.inner.clone())
}

/// The group with those that stand directly around it, as one: `((x))` weighs 1.21.
fn outermost(text: &str, groups: &[Group], group: &Group) -> (Range<usize>, Range<usize>, f64) {
    let (mut whole, mut weight) = (group.whole.clone(), group.factor);
    while let Some(around) =
        groups.iter().find(|other| trimmed_inner(text, other) == whole && other.whole != whole)
    {
        whole = around.whole.clone();
        weight *= around.factor;
    }
    (whole, group.inner.clone(), weight)
}

/// The selected words, or the one that the cursor touches; without blanks around them.
fn words_of(text: &str, selected: &Range<usize>) -> Option<Range<usize>> {
    let range = if selected.is_empty() {
        let ends = |sign: char| sign.is_whitespace() || BETWEEN.contains(sign);
        let before = text.get(..selected.start)?;
        let start = before.rfind(ends).map_or(0, |at| {
            at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
        });
        let behind = text.get(selected.end..)?;
        start..selected.end + behind.find(ends).unwrap_or(behind.len())
    } else {
        trimmed(text, selected.clone())
    };
    (!range.is_empty()).then_some(range)
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let words = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (words.len() - words.trim_start().len());
    start..start + words.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` marks the cursor, `‹` and `›` the selection.
    fn marked(text: &str) -> (String, Range<usize>) {
        if let Some(at) = text.find('|') {
            return (text.replace('|', ""), at..at);
        }
        let start = text.find('‹').unwrap();
        let end = text.find('›').unwrap() - '‹'.len_utf8();
        (text.replace(['‹', '›'], ""), start..end)
    }

    fn shown((text, selected): (String, Range<usize>)) -> String {
        let (before, rest) = text.split_at(selected.start);
        let (inside, after) = rest.split_at(selected.len());
        format!("{before}‹{inside}›{after}")
    }

    #[test]
    fn words_and_brackets_gain_and_lose_weight() {
        use Syntax::{Compel, SdEmbeds};
        let cases = [
            (SdEmbeds, "a red f|ox runs", 0.1, "a red (‹fox›:1.1) runs"),
            (SdEmbeds, "a red fox|", 0.1, "a red (‹fox›:1.1)"),
            (SdEmbeds, "a ‹red fox› runs", -0.1, "a (‹red fox›:0.9) runs"),
            (SdEmbeds, "a ‹red fox ›runs", 0.05, "a (‹red fox›:1.05) runs"),
            (SdEmbeds, "a (‹red fox›:1.05)", 0.05, "a (‹red fox›:1.1)"),
            (SdEmbeds, "a (red f|ox:1.1)", -0.1, "a ‹red fox›"),
            (SdEmbeds, "a (fox|)", 0.1, "a (‹fox›:1.2)"),
            (SdEmbeds, "a [fox|]", 0.1, "a (‹fox›:1.01)"),
            (SdEmbeds, "a ((fo|x))", 0.1, "a (‹fox›:1.31)"),
            (SdEmbeds, "(a (fo|x:1.3) b:2)", 0.1, "(a (‹fox›:1.4) b:2)"),
            (SdEmbeds, "a ‹(fox:1.2)›", 0.1, "a (‹fox›:1.3)"),
            (SdEmbeds, "(fo|x:4)", 0.1, "(‹fox›:4)"),
            (SdEmbeds, "(fo|x:0.05)", -0.1, "(‹fox›:0)"),
            (SdEmbeds, "schöner fü|chse", 0.1, "schöner (‹füchse›:1.1)"),
            (Compel, "a red f|ox runs", 0.1, "a red (‹fox›)1.1 runs"),
            (Compel, "a (red f|ox)1.1", -0.1, "a ‹red fox›"),
            (Compel, "a fox|++", 0.1, "a (‹fox›)1.31"),
            (Compel, "a (fox|) b", 0.1, "a (‹fox›)1.1 b"),
            (Compel, "‹red fox›, dog", -0.1, "(‹red fox›)0.9, dog"),
        ];
        for (syntax, before, step, after) in cases {
            let (text, selected) = marked(before);
            let new = reweighted(&text, selected, syntax, step);
            assert_eq!(new.map(shown).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn up_and_down_again_is_where_it_began() {
        for syntax in [Syntax::Compel, Syntax::SdEmbeds] {
            let text = "a red fox";
            let (up, selected) = reweighted(text, 7..7, syntax, 0.1).unwrap();
            assert_eq!(reweighted(&up, selected, syntax, -0.1).unwrap().0, text);
        }
    }

    #[test]
    fn nothing_is_weighed_where_there_is_nothing_or_no_notation() {
        assert_eq!(reweighted("a  b", 2..2, Syntax::SdEmbeds, 0.1), None);
        assert_eq!(reweighted("", 0..0, Syntax::Compel, 0.1), None);
        assert_eq!(reweighted("fox", 1..1, Syntax::Plain, 0.1), None);
        assert_eq!(reweighted("fox", 2..99, Syntax::SdEmbeds, 0.1), None);
    }
}
