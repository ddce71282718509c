//! Families of error codes. The service's codes are many and still change: what is decided, is decided
//! by family.

use strum::VariantArray;

/// A family of error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum Family {
    /// The key or the account is not accepted.
    Auth,
    /// No credits.
    Quota,
    /// Too much at once.
    RateLimit,
    /// What is asked for, or came of it, is not allowed.
    Safety,
    /// It took the service too long.
    Timeout,
    /// Something that the task names is not there, or no longer.
    NotFound,
    /// The task itself is wrong.
    Validation,
    /// Whoever works for the service failed.
    Provider,
    /// The service failed.
    Server,
    /// A code of no known family.
    Unknown,
}

/// What belongs to a family.
struct Rule {
    family: Family,
    exact: &'static [&'static str],
    starts: &'static [&'static str],
    ends: &'static [&'static str],
    contains: &'static [&'static str],
}

/// The first rule that fits counts: `invalidApiKey` begins as validation does and is none.
const RULES: &[Rule] = &[
    Rule {
        family: Family::Auth,
        exact: &[
            "unauthorized",
            "forbidden",
            "permissionDenied",
            "insufficientPermissions",
            "authenticationFailed",
            "authFailed",
            "authTimeout",
            "tokenExpired",
            "tokenInvalid",
            "tokenMissing",
            "tokenRevoked",
            "accountSuspended",
            "accountDisabled",
            "organizationSuspended",
            "organizationDisabled",
            "workspaceSuspended",
            "workspaceDisabled",
        ],
        starts: &[],
        ends: &[],
        contains: &["ApiKey"],
    },
    Rule {
        family: Family::Quota,
        exact: &["paymentRequired", "environmentPaused"],
        starts: &[],
        ends: &[],
        contains: &["Credits", "Quota", "Balance"],
    },
    Rule {
        family: Family::RateLimit,
        exact: &[],
        starts: &["rateLimit"],
        ends: &[],
        contains: &["RateLimit"],
    },
    Rule {
        family: Family::Safety,
        exact: &[
            "contentPolicyViolation",
            "providerContentPolicyViolation",
            "sensitiveContentDetected",
            "unsafeContentDetected",
            "nsfwContentDetected",
            "promptBlocked",
            "imageBlocked",
            "moderationFailed",
            "invalidProviderContent",
        ],
        starts: &[],
        ends: &[],
        contains: &[],
    },
    Rule {
        family: Family::Timeout,
        exact: &[],
        starts: &["timeout"],
        ends: &[],
        contains: &["Timeout"],
    },
    Rule {
        family: Family::NotFound,
        exact: &["taskCancelled", "taskFailedOrNotFound", "unknownModel", "notFound"],
        starts: &[],
        ends: &["NotFound", "Expired"],
        contains: &[],
    },
    Rule {
        family: Family::Validation,
        exact: &[
            "unknownParameter",
            "incompatibleParameters",
            "mismatchProviderSettingsProvider",
            "unknownProviderSettingsProvider",
            "transparentModelMismatch",
            "modelOwnershipValidationError",
            "modelAlreadyExists",
            "validationFailed",
        ],
        starts: &[
            "invalid",
            "missing",
            "conflict",
            "duplicate",
            "unsupported",
            "value",
            "array",
            "max",
        ],
        ends: &[],
        contains: &[],
    },
    Rule {
        family: Family::Server,
        exact: &[
            "internalServerError",
            "serviceUnavailable",
            "serverUnavailable",
            "standardError",
            "unknownError",
            "undefinedError",
            "defaultError",
            "unrecognizedResponse",
            "errorRetrievingAccountManagement",
        ],
        starts: &[],
        ends: &[],
        contains: &[],
    },
    Rule {
        family: Family::Provider,
        exact: &[
            "inferenceError",
            "processingFailed",
            "taskFailed",
            "downloadFailed",
            "uploadFailed",
            "noAvailableServer",
            "modelUnavailable",
            "modelDisabled",
            "modelNotReady",
            "mediaStorageFileCouldNotBeMoved",
        ],
        starts: &["provider"],
        ends: &[],
        contains: &[],
    },
];

impl Rule {
    fn fits(&self, code: &str) -> bool {
        self.exact.contains(&code)
            || self.starts.iter().any(|start| code.starts_with(start))
            || self.ends.iter().any(|end| code.ends_with(end))
            || self.contains.iter().any(|part| code.contains(part))
    }
}

impl Family {
    /// The family of that code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        RULES.iter().find(|rule| rule.fits(code)).map_or(Self::Unknown, |rule| rule.family)
    }

    /// The family that an HTTP status stands for; `None` for one that tells of success.
    #[must_use]
    pub const fn of_status(status: u16) -> Option<Self> {
        match status {
            ..=399 => None,
            401 | 403 => Some(Self::Auth),
            402 => Some(Self::Quota),
            404 | 410 => Some(Self::NotFound),
            408 | 504 => Some(Self::Timeout),
            429 => Some(Self::RateLimit),
            500.. => Some(Self::Server),
            _ => Some(Self::Validation),
        }
    }

    /// Whether the same may succeed a little later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimit | Self::Timeout | Self::Provider | Self::Server)
    }

    /// Whether such an error ends the whole task, also when it asks for several pictures.
    #[must_use]
    pub const fn ends_the_task(self) -> bool {
        matches!(self, Self::Auth | Self::Quota | Self::Validation | Self::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_documents_are_in_their_families() {
        for (code, family) in [
            ("invalidApiKey", Family::Auth),
            ("missingApiKey", Family::Auth),
            ("tokenRevoked", Family::Auth),
            ("insufficientCredits", Family::Quota),
            ("maxQuotaReached", Family::Quota),
            ("rateLimitExceeded", Family::RateLimit),
            ("apiRateLimit", Family::RateLimit),
            ("invalidProviderContent", Family::Safety),
            ("providerContentPolicyViolation", Family::Safety),
            ("timeoutProvider", Family::Timeout),
            ("providerTimeout", Family::Timeout),
            ("taskNotFound", Family::NotFound),
            ("taskFailedOrNotFound", Family::NotFound),
            ("resultExpired", Family::NotFound),
            ("unknownModel", Family::NotFound),
            ("invalidWidth", Family::Validation),
            ("unsupportedArchitectureCFGScale", Family::Validation),
            ("conflictTaskUUID", Family::Validation),
            ("maxResults", Family::Validation),
            ("unknownParameter", Family::Validation),
            ("providerError", Family::Provider),
            ("inferenceError", Family::Provider),
            ("internalServerError", Family::Server),
            ("failedIpAdapterLoad", Family::Unknown),
            ("", Family::Unknown),
        ] {
            assert_eq!(Family::of(code), family, "{code}");
        }
    }

    #[test]
    fn every_family_but_the_unknown_one_has_a_rule_and_statuses_have_families() {
        for &family in Family::VARIANTS {
            let ruled = RULES.iter().any(|rule| rule.family == family);
            assert_eq!(ruled, family != Family::Unknown, "{family:?}");
        }
        let retried: Vec<u16> = [200, 400, 401, 402, 403, 404, 413, 429, 500, 503, 504]
            .into_iter()
            .filter(|status| Family::of_status(*status).is_some_and(Family::is_retryable))
            .collect();
        assert_eq!(retried, [429, 500, 503, 504]);
        assert_eq!(Family::of_status(200), None);
    }
}
