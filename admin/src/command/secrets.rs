//! `rescue-connector secrets …`

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::secret::Secret;
use shared::tenant::TenantId;

use super::{Global, tenant_id};
use crate::error::AdminError;
use crate::secrets::{SecretName, set};
use crate::stack::Need;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set one secret, from a hidden prompt or from standard input
    #[command(
        after_help = "Examples:\n  rescue-connector secrets set acme sso-password\n  \
                            rescue-connector secrets set acme refresh-token < token.txt"
    )]
    Set {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// The secret
        #[arg(value_enum)]
        name: SecretName,
    },
}

#[derive(Serialize)]
struct Answer<'a> {
    tenant: &'a TenantId,
    name: &'static str,
    set: bool,
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let Self::Set { tenant, name } = self;
        let needs = [
            Need::TenantsTable,
            Need::CredentialsTable,
            Need::SessionsQueueUrl,
        ];
        let stack = global.stack(&needs).await?;
        let value = read(&tenant, name)?;
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

fn read(tenant: &TenantId, name: SecretName) -> Result<Secret, AdminError> {
    if std::io::stdin().is_terminal() {
        let prompt = format!("{} of {tenant} (hidden): ", name.as_str());
        return Ok(Secret::from(rpassword::prompt_password(prompt)?));
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(Secret::from(without_newline(&text)))
}

/// What editors and `echo` add at the end is no part of the secret; a second newline is.
fn without_newline(text: &str) -> &str {
    text.strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_no_part_of_a_secret() {
        for (read, secret) in [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a b \n", " a b "),
            ("", ""),
        ] {
            assert_eq!(without_newline(read), secret);
        }
    }
}
