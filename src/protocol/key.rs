//! The key of an account. It never shows: not in logs, not in errors, not in files of settings.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

/// Characters from which on a key can be taken for a secret; the service's have 32.
const LEAST_SECRET: usize = 8;

/// A key of the API; its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<String>);

impl Key {
    /// The key in `text`, without white space around it; `None` when nothing is left, or when it holds
    /// what no header can carry.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// `text` without the key, should anybody have repeated it there. Keys of a few letters, which a
    /// server of one's own may take, are words like others: hiding them would only damage the text.
    #[must_use]
    pub fn hidden_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.0.len() >= LEAST_SECRET && text.contains(self.reveal()) {
            Cow::Owned(text.replace(self.reveal(), "…"))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The key itself, for the message that has to carry it and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_trimmed_and_never_shown() {
        let key = Key::new(" secret-1 \n").unwrap();
        assert_eq!(key.reveal(), "secret-1");
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(key.hidden_in("no key secret-1!"), "no key …!");
        assert_eq!(key.hidden_in("secret-2"), "secret-2");
        assert_eq!(Key::new("k").unwrap().hidden_in("taskType"), "taskType");
        for nothing in ["", "  ", "two words", "schlüssel", "a\r\nb: c"] {
            assert_eq!(Key::new(nothing), None, "{nothing:?}");
        }
    }
}
