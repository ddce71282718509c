//! `accountManagement`: the account, its balance, its use.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Extra;
use super::field::{Field, TASK, text, word};
use super::read::{Documented, NeighbourTask};

/// Words of [`AccountOperation`].
const OPERATIONS: &[&str] =
    &["getDetails", "getUsageActivity", "getUsagePerformance", "getUsageErrors"];

/// What is asked about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountOperation {
    /// Organisation, balance, keys, sums.
    GetDetails,
    /// What was used, by day.
    GetUsageActivity,
    /// How fast it was.
    GetUsagePerformance,
    /// What went wrong.
    GetUsageErrors,
}

/// `accountManagement`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountManagement {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// What is asked.
    pub operation: AccountOperation,

    /// First day, for usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,

    /// Last day, for usage; at most 30 days after the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,

    /// Only these models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,

    /// Only these keys, as the account's details name them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<Vec<String>>,

    /// What the sums are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,

    /// Whose days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

impl NeighbourTask for AccountManagement {
    const NAME: &'static str = "accountManagement";
}

impl Documented for AccountManagement {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        &[
            word("operation", OPERATIONS).required(),
            text("startDate", 1, 40),
            text("endDate", 1, 40),
            Field::List("models", "string[]"),
            Field::List("apiKeys", "string[]"),
            text("groupBy", 1, 40),
            text("timezone", 1, 60),
        ],
    ];
}

/// The answer to [`AccountOperation::GetDetails`]. Every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDetails {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The organisation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,

    /// The organisation's UUID.
    #[serde(rename = "organizationUUID", default, skip_serializing_if = "Option::is_none")]
    pub organization_uuid: Option<String>,

    /// How AIRs of its own models begin.
    #[serde(rename = "AIRSource", default, skip_serializing_if = "Option::is_none")]
    pub air_source: Option<String>,

    /// A number, or an object with `amount`, `freeBalance` and `currency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Value>,

    /// Sums of credits and requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,

    /// What is not documented, and what is not looked at here.
    #[serde(flatten)]
    pub extra: Extra,
}

impl AccountDetails {
    /// The balance in US dollars, in whichever form it came.
    #[must_use]
    pub fn balance(&self) -> Option<f64> {
        let balance = self.balance.as_ref()?;
        balance.as_f64().or_else(|| balance.get("amount")?.as_f64())
    }
}
