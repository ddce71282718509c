//! The key of the service's account, for commands that need it.

use crate::library::Home;
use crate::protocol::Key;

/// Name of the variable that holds the key.
const VARIABLE: &str = "RUNWARE_API_KEY";

/// The key, if there is one: that of the environment.
pub(super) fn remote_key(_home: &Home) -> Option<Key> {
    std::env::var(VARIABLE).ok().and_then(|text| Key::new(&text))
}
