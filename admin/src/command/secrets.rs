//! `rescue-connector secrets …`

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use shared::domain::secret::Secret;
use shared::domain::secret_fault::LIMIT;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;

use super::arguments::{examples, tenant_id};
use super::global::Global;
use super::terminal::confirm;

use crate::error::AdminError;
use crate::secret_text;
use crate::secrets::set;
use crate::stack::Need;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set one secret, from a hidden prompt or from standard input
    ///
    /// A byte order mark and one line end after the secret are dropped. A text that cannot be the secret is refused.
    #[command(after_help = examples([
        "secrets set acme sso-password",
        "secrets set acme refresh-token < token.txt",
    ]))]
    Set {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// The secret
        #[arg(value_parser = secret_name())]
        name: SecretName,
        /// Accept a secret that looks like a mistake: quotes around it, or ^ & < > ? in a client secret
        #[arg(long)]
        yes: bool,
    },
}

/// The names of the secrets, as the help text lists them.
fn secret_name() -> impl TypedValueParser<Value = SecretName> {
    let names = SecretName::ALL.map(SecretName::as_str);
    PossibleValuesParser::new(names)
        .try_map(|text| SecretName::parse(&text).ok_or("no such secret"))
}

#[derive(Serialize)]
struct Answer<'a> {
    tenant: &'a TenantId,
    name: &'static str,
    set: bool,
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let Self::Set { tenant, name, yes } = self;
        let needs = [
            Need::TenantsTable,
            Need::CredentialsTable,
            Need::SessionsQueueUrl,
        ];
        let stack = global.stack(&needs).await?;
        let value = read(&tenant, name, yes)?;
        set(&stack, &tenant, name, &value).await?;
        let answer = Answer {
            tenant: &tenant,
            name: name.as_str(),
            set: true,
        };
        global.answer(&answer, |answer| {
            format!("{} of {} is set.", answer.name, answer.tenant)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The secret's bytes from a hidden prompt or standard input.
fn input(tenant: &TenantId, name: SecretName) -> Result<Vec<u8>, AdminError> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        let prompt = format!("{} of {tenant} (hidden): ", name.as_str());
        return Ok(rpassword::prompt_password(prompt)?.into_bytes());
    }
    let mut bytes = Vec::new();
    // One byte more than the limit shows that the secret is too long.
    let most = u64::try_from(LIMIT).unwrap_or(u64::MAX) + 1;
    stdin.by_ref().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the secret. One that looks like a mistake has to be confirmed, at the terminal or by `yes`.
fn read(tenant: &TenantId, name: SecretName, yes: bool) -> Result<Secret, AdminError> {
    match secret_text::read(name, &input(tenant, name)?) {
        Ok(secret) => Ok(secret),
        Err((_, Some(secret))) if yes => Ok(secret),
        Err((fault, Some(secret))) if std::io::stdin().is_terminal() => {
            confirm("", &[fault.to_string()])?;
            Ok(secret)
        }
        Err((fault, _)) => Err(fault.into()),
    }
}
