//! The weighting grammar of the package compel, version 2.5: from a tree of operators to weighted texts.
//!
//! `grammar` reads, this file flattens: weights of nested brackets multiply, neighbours of equal weight join.

mod grammar;

use super::{Conditioning, PromptError, Weighted};
use grammar::{Node, Operator, Target};

/// Reads `text`. Malformed operators are text wherever compel takes them as text, and errors where it fails.
/// Like compel, drops what follows `.and(…)`.
pub(super) fn parse(text: &str) -> Result<Conditioning, PromptError> {
    let text = spaced_commas(text);
    if text.trim().is_empty() {
        return Ok(Conditioning::Single(Weighted::plain("")));
    }
    match grammar::read(&text)? {
        Target::Prompt(nodes) => flat(&nodes)?.map(Conditioning::Single).ok_or(PromptError::Empty),
        Target::Several { texts, operator: Operator::Blend, options } => blend(&texts, &options),
        Target::Several { texts, operator: Operator::And, options } => and(&texts, &options),
    }
}

/// A space behind every comma that has none, as compel adds before reading.
fn spaced_commas(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        result.push(sign);
        if sign == ','
            && let Some(next) = signs.next_if(|next| !next.is_whitespace())
        {
            result.push(' ');
            result.push(next);
        }
    }
    result
}

fn blend(texts: &[Vec<Node>], options: &[String]) -> Result<Conditioning, PromptError> {
    let (normalise, options) = match options.split_last() {
        Some((last, others)) if last == "no_normalize" => (false, others),
        _ => (true, options),
    };
    let weights = weights(texts.len(), options, ".blend")?;
    let texts = texts.iter().filter_map(|nodes| flat(nodes).transpose());
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    // Empty brackets leave no text, and their weight is then one too many.
    same_count(texts.len(), weights.len(), ".blend")?;
    // The sum is the one the weights are divided by later, in f32.
    let sum: f32 = weights.iter().map(|&weight| weight as f32).sum();
    if normalise && sum.abs() < f32::MIN_POSITIVE {
        return Err(PromptError::ZeroSum);
    }
    Ok(Conditioning::Blend { texts: texts.into_iter().zip(weights).collect(), normalise })
}

fn and(texts: &[Vec<Node>], options: &[String]) -> Result<Conditioning, PromptError> {
    let weights = weights(texts.len(), options, ".and")?;
    let mut result = Vec::with_capacity(texts.len());
    for (nodes, weight) in texts.iter().zip(weights) {
        if let Some(text) = flat(nodes)? {
            result.push((text, weight));
        }
    }
    if result.is_empty() { Err(PromptError::Empty) } else { Ok(Conditioning::And(result)) }
}

/// The numbers in `options`, or a 1 for each text when there are none.
fn weights(
    texts: usize,
    options: &[String],
    operator: &'static str,
) -> Result<Vec<f64>, PromptError> {
    if options.is_empty() {
        return Ok(vec![1.0; texts]);
    }
    let number = |text: &String| {
        let value = text.parse::<f64>().ok().filter(|weight| (*weight as f32).is_finite());
        value.ok_or_else(|| PromptError::Weight { text: text.clone() })
    };
    let weights = options.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    same_count(texts, weights.len(), operator)?;
    Ok(weights)
}

fn same_count(texts: usize, weights: usize, operator: &'static str) -> Result<(), PromptError> {
    let error = PromptError::WeightCount { operator, texts, weights };
    if texts == weights { Ok(()) } else { Err(error) }
}

/// The weighted parts under `nodes`, neighbours of equal weight joined by a space; nothing for empty brackets.
fn flat(nodes: &[Node]) -> Result<Option<Weighted>, PromptError> {
    let mut parts = Vec::new();
    collect(nodes, 1.0, &mut parts)?;
    let mut segments: Vec<(String, f64)> = Vec::with_capacity(parts.len());
    for (text, weight) in parts {
        match segments.last_mut() {
            Some((last, same)) if same.to_bits() == weight.to_bits() => {
                *last = grammar::unescaped(&format!("{last} {text}"));
            }
            _ => segments.push((text, weight)),
        }
    }
    Ok((!segments.is_empty()).then_some(Weighted { segments }))
}

fn collect(nodes: &[Node], scale: f64, parts: &mut Vec<(String, f64)>) -> Result<(), PromptError> {
    for node in nodes {
        match node {
            Node::Text(text) => parts.push((grammar::unescaped(text), scale)),
            Node::Weight { factor, nodes } => {
                let scale = scale * factor;
                if !(scale as f32).is_finite() {
                    return Err(PromptError::Weight { text: scale.to_string() });
                }
                collect(nodes, scale, parts)?;
            }
            Node::Swap => {
                let instead = "; it changes attention while sampling";
                return Err(PromptError::Unsupported { syntax: ".swap()", instead });
            }
            Node::Lora => {
                let instead = "; give the LoRA as a parameter";
                return Err(PromptError::Unsupported { syntax: "withLora()", instead });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_more_than_a_text_encoder_is_refused() {
        for text in ["a cat.swap(dog)", "a cat withLora(x, 0.5)"] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, PromptError::Unsupported { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_wall_of_brackets_ends_quickly() {
        for text in
            ["(".repeat(3000), "a.swap(".repeat(600), "((a) ".repeat(600), "(a+".repeat(600)]
        {
            let error = parse(&text).unwrap_err();
            assert!(matches!(error, PromptError::Nesting { .. }), "{error}");
        }
        assert!(parse(&"(a)+ \"b\"- ".repeat(300)).is_ok());
    }

    #[test]
    fn a_blend_of_nothing_is_refused() {
        assert_eq!(parse(r#"("a", "b").blend(1, -1)"#).unwrap_err(), PromptError::ZeroSum);
        assert_eq!(parse("()").unwrap_err(), PromptError::Empty);
    }
}
