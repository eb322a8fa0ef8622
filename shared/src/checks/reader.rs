//! Whom the texts of checks are for.

use crate::aws::tenants::ManagedBy;
use crate::domain::secret_name::SecretName;
use crate::domain::tenant::TenantId;

/// The reader of remedies, and so the means by which a remedy is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// An operator, who has the command line, the tenant file and AWS.
    Operator,
    /// An administrator of ServiceNow, who has the connector's app there: its settings, secrets and token set-up.
    Administrator {
        /// Where the tenant's settings are changed.
        managed_by: ManagedBy,
    },
}

impl Reader {
    /// The text for this reader.
    pub fn choose(self, operator: impl Into<String>, administrator: impl Into<String>) -> String {
        match self {
            Self::Operator => operator.into(),
            Self::Administrator { .. } => administrator.into(),
        }
    }

    /// How to correct a setting: `what` names it in words.
    pub(crate) fn correct(self, what: &str) -> String {
        self.change("correct", what)
    }

    /// How to make a change (`correct`, `set`) of a setting.
    pub(crate) fn change(self, verb: &str, what: &str) -> String {
        match self {
            Self::Operator => capital(&format!(
                "{verb} {what} in the tenant file and apply it again."
            )),
            Self::Administrator {
                managed_by: ManagedBy::ServiceNow,
            } => capital(&format!("{verb} {what} in the connector's settings.")),
            Self::Administrator {
                managed_by: ManagedBy::File,
            } => format!("Ask the operator of the connector to {verb} {what}."),
        }
    }

    /// How to correct a setting that only an operator changes (docs/decisions/0013-settings-from-servicenow.md).
    pub(crate) fn correct_as_operator(self, what: &str) -> String {
        match self {
            Self::Operator => self.correct(what),
            Self::Administrator { .. } => {
                format!("Ask the operator of the connector to correct {what}.")
            }
        }
    }

    /// How to set a secret, as the second half of a sentence: "Set it again {}".
    pub(crate) fn by_setting(self, tenant: &TenantId, name: SecretName) -> String {
        match (self, name) {
            (Self::Operator, _) => {
                format!("with `rescue-connector secrets set {tenant} {name}`")
            }
            (Self::Administrator { .. }, SecretName::RefreshToken) => {
                "with the token set-up".to_owned()
            }
            (Self::Administrator { .. }, _) => {
                format!("among the secrets of the connector's settings ({name})")
            }
        }
    }

    /// How to hand over another refresh token.
    pub(crate) fn hand_over(self, tenant: &TenantId) -> String {
        self.choose(
            format!(
                "Hand over a new one from ServiceNow, or `rescue-connector secrets set {tenant} refresh-token`."
            ),
            "Hand over a new one with the token set-up.",
        )
    }
}

/// A clause as a sentence.
pub(crate) fn capital(clause: &str) -> String {
    let mut rest = clause.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_is_told_what_that_reader_can_do() {
        let of = |managed_by| Reader::Administrator { managed_by };
        let what = "the company id (rescue.company_id)";
        for (reader, expected) in [
            (
                Reader::Operator,
                "Correct the company id (rescue.company_id) in the tenant file and apply it again.",
            ),
            (
                of(ManagedBy::ServiceNow),
                "Correct the company id (rescue.company_id) in the connector's settings.",
            ),
            (
                of(ManagedBy::File),
                "Ask the operator of the connector to correct the company id (rescue.company_id).",
            ),
        ] {
            assert_eq!(reader.correct(what), expected);
        }
        let instance = of(ManagedBy::ServiceNow).correct_as_operator("the instance's address");
        assert_eq!(
            instance,
            "Ask the operator of the connector to correct the instance's address."
        );
    }
}
