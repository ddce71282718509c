//! `authentication` and `ping`: what opens a connection and what keeps it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::Extra;
use super::field::{Field, field};
use super::read::{Documented, NeighbourTask};
use crate::protocol::Key;
use crate::task::Kind;

/// `authentication`: the first message of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// The key of the account.
    #[serde(serialize_with = "reveal", deserialize_with = "key")]
    pub api_key: Key,

    /// The session to go on with, as an earlier [`Authenticated`] named it.
    #[serde(rename = "connectionSessionUUID", default, skip_serializing_if = "Option::is_none")]
    pub connection_session_uuid: Option<String>,

    /// Not needed; some clients send it.
    #[serde(rename = "taskUUID", default, skip_serializing_if = "Option::is_none")]
    pub task_uuid: Option<Uuid>,
}

fn reveal<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.reveal())
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
    let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
    Key::new(&text).ok_or_else(|| serde::de::Error::custom("it is empty or no key"))
}

impl NeighbourTask for Authentication {
    const NAME: &'static str = "authentication";
}

impl Documented for Authentication {
    const FIELDS: &'static [&'static [Field]] = &[&[
        Field::Secret("apiKey"),
        // Any text: one that was never given out begins a new session.
        field("connectionSessionUUID", Kind::Text { min: 1, max: 100 }),
        field("taskUUID", Kind::Uuid),
    ]];
}

/// The answer to [`Authentication`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticated {
    /// Names the session for a later connection.
    #[serde(rename = "connectionSessionUUID")]
    pub connection_session_uuid: Uuid,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `ping`: keeps the connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ping {
    /// `true`.
    #[serde(default)]
    pub ping: bool,

    /// Not needed; some clients send it.
    #[serde(rename = "taskUUID", default, skip_serializing_if = "Option::is_none")]
    pub task_uuid: Option<Uuid>,
}

impl NeighbourTask for Ping {
    const NAME: &'static str = "ping";
}

impl Documented for Ping {
    const FIELDS: &'static [&'static [Field]] =
        &[&[field("ping", Kind::Boolean), field("taskUUID", Kind::Uuid)]];
}

/// The answer to [`Ping`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    /// `true`.
    pub pong: bool,
}
