//! The event of Secrets Manager → a typed command. Rejects what is not a step of a token secret's rotation
//! (docs/vendors.md#secrets-manager-rotation).

use serde_json::Value;
use shared::aws::secret_store::token_secret_name;
use shared::domain::tenant::TenantId;

use crate::failure::StepFailure;

/// One of the four steps of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Set,
    Test,
    Finish,
}

impl Step {
    /// Events name steps in camel case; the guide to rotation names them with underscores.
    fn parse(text: &str) -> Option<Self> {
        match text.replace('_', "").to_ascii_lowercase().as_str() {
            "createsecret" => Some(Self::Create),
            "setsecret" => Some(Self::Set),
            "testsecret" => Some(Self::Test),
            "finishsecret" => Some(Self::Finish),
            _ => None,
        }
    }

    /// As events name it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "createSecret",
            Self::Set => "setSecret",
            Self::Test => "testSecret",
            Self::Finish => "finishSecret",
        }
    }
}

/// An event, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) step: Step,
    pub(crate) tenant: TenantId,
    /// The version that the rotation makes: `ClientRequestToken`.
    pub(crate) version: String,
    /// Passed on to `PutSecretValue`, where there is one.
    pub(crate) rotation_token: Option<String>,
}

impl Command {
    /// Reads an event.
    ///
    /// # Errors
    /// [`StepFailure::Event`] when it is not one of a rotation of a token secret.
    pub(crate) fn read(event: &Value, prefix: &str) -> Result<Self, StepFailure> {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let step = text("Step").and_then(Step::parse);
        let secret = text("SecretId").ok_or(StepFailure::Event("SecretId is missing"))?;
        Ok(Self {
            step: step.ok_or(StepFailure::Event("Step is none of a rotation's four"))?,
            tenant: tenant_of(secret, prefix).ok_or(StepFailure::Event(
                "SecretId is not a tenant's token secret",
            ))?,
            version: text("ClientRequestToken")
                .filter(|version| !version.is_empty())
                .ok_or(StepFailure::Event("ClientRequestToken is missing"))?
                .to_owned(),
            rotation_token: text("RotationToken").map(str::to_owned),
        })
    }
}

/// The tenant of a token secret, by the secret's name or ARN.
fn tenant_of(secret: &str, prefix: &str) -> Option<TenantId> {
    let name = match secret.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":secret:")?.1,
        None => secret,
    };
    let (tenant, _) = name
        .strip_prefix(prefix)?
        .strip_prefix('/')?
        .split_once('/')?;
    let tenant = TenantId::parse(tenant)?;
    let end = name.strip_prefix(&token_secret_name(prefix, &tenant))?;
    let random = |end: &str| end.len() == 6 && end.bytes().all(|b| b.is_ascii_alphanumeric());
    let of_an_arn = name.len() < secret.len() && end.strip_prefix('-').is_some_and(random);
    (end.is_empty() || of_an_arn).then_some(tenant)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(step: &str, secret: &str) -> Result<Command, StepFailure> {
        let event = json!({"Step": step, "SecretId": secret, "ClientRequestToken": "v-1"});
        Command::read(&event, "rescue-connector")
    }

    #[test]
    fn a_step_is_known_in_every_spelling() {
        for (step, spellings) in [
            (
                Step::Create,
                ["createSecret", "create_secret", "CREATE_SECRET"],
            ),
            (Step::Set, ["setSecret", "set_secret", "SetSecret"]),
            (Step::Test, ["testSecret", "test_secret", "testsecret"]),
            (
                Step::Finish,
                ["finishSecret", "finish_secret", "FinishSecret"],
            ),
        ] {
            for spelling in spellings {
                let command = read(spelling, "rescue-connector/acme/token").expect(spelling);
                assert_eq!(command.step, step, "{spelling}");
            }
        }
        assert!(read("deleteSecret", "rescue-connector/acme/token").is_err());
    }

    #[test]
    fn the_tenant_is_found_by_the_secrets_name_or_arn_and_by_nothing_else() {
        let arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:";
        for secret in [
            "rescue-connector/a-c/token".to_owned(),
            format!("{arn}rescue-connector/a-c/token-Ab12Cd"),
            format!("{arn}rescue-connector/a-c/token"),
        ] {
            let command = read("createSecret", &secret).expect("a tenant's");
            assert_eq!(command.tenant.as_str(), "a-c", "{secret}");
        }
        for secret in [
            "rescue-connector/acme/credentials".to_owned(),
            "rescue-connector/acme/token-Ab12Cd".to_owned(),
            "rescue-connector/acme/token/more".to_owned(),
            "rescue-connector/ACME/token".to_owned(),
            "rescue-connector//token".to_owned(),
            "other/acme/token".to_owned(),
            format!("{arn}rescue-connector/acme/token-Ab12Cd7"),
            format!("{arn}rescue-connector/acme/credentials-Ab12Cd"),
            format!("{arn}rescue-connector-2/acme/token-Ab12Cd"),
            String::new(),
        ] {
            assert!(read("createSecret", &secret).is_err(), "{secret}");
        }
    }
}
