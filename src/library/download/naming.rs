//! What a downloaded file is called, as the server or the address has it, and where it belongs.

use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_DISPOSITION, HeaderMap};
use url::Url;

use crate::library::nature::{TORCH, has_ending};

/// Longest name of a file.
const LONGEST_NAME: usize = 180;

/// Where `torch.save`'s files are read, inside the models folder.
const EMBEDDINGS: &str = "embeddings";

/// The name that the server gives to the file.
pub(super) fn named(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let (_, rest) = text.split_once("filename=")?;
    let name = rest.split(';').next()?.trim().trim_matches('"');
    clean(name)
}

/// The name that the address gives to the file.
pub(super) fn name_in(url: Option<&Url>) -> String {
    let last = url.and_then(|url| url.path_segments()?.next_back().map(str::to_owned));
    last.and_then(|name| clean(&name)).unwrap_or_else(|| "model.safetensors".to_owned())
}

/// A name without anything that leads elsewhere.
fn clean(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next()?.replace("%20", " ");
    let allowed = |sign: char| !sign.is_control() && !r#"<>:"|?*%"#.contains(sign);
    let name: String = name.chars().filter(|sign| allowed(*sign)).take(LONGEST_NAME).collect();
    let name = name.trim().trim_start_matches('.').to_owned();
    (!name.is_empty()).then_some(name)
}

/// Where in the models folder a file of that name is found again; `None` where it would be nowhere.
pub(super) fn place(name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    if has_ending(name, &["safetensors"]) {
        Some(name.to_owned())
    } else {
        has_ending(name, &TORCH).then(|| Path::new(EMBEDDINGS).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::layouts::holds_embeddings;

    #[test]
    fn names_lead_nowhere_else() {
        for (text, name) in [
            ("https://x/a/model.safetensors?token=1", "model.safetensors"),
            ("https://x/a/my%20model.safetensors", "my model.safetensors"),
            ("https://x/..%2f..%2fetc", "2f..2fetc"),
            ("https://x/", "model.safetensors"),
        ] {
            assert_eq!(name_in(Url::parse(text).ok().as_ref()), name, "{text}");
        }
        let named = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_DISPOSITION, text.parse().unwrap());
            named(&headers)
        };
        assert_eq!(
            named("attachment; filename=\"../a b.safetensors\""),
            Some("a b.safetensors".to_owned())
        );
        assert_eq!(named("attachment"), None);
    }

    #[test]
    fn files_belong_where_the_walk_reads_them() {
        assert_eq!(place("a.SafeTensors"), Some("a.SafeTensors".into()));
        for name in ["cat.pt", "cat.BIN"] {
            let place = place(name).unwrap();
            assert!(place.ends_with(name) && holds_embeddings(place.parent().unwrap(), 1));
        }
        for name in ["login", "12345", "model.ckpt", "safetensors"] {
            assert_eq!(place(name), None, "{name}");
        }
    }
}
