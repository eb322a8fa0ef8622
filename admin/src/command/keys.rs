//! `rescue-connector keys …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Subcommand, ValueEnum};
use shared::aws::tenants::KeyScope;
use shared::domain::tenant::TenantId;

use super::layout::columns;
use super::tenant::{key_row, urls};
use super::terminal::confirm;
use super::{Cli, Global, STRONG, tenant_id, usage};
use crate::error::AdminError;
use crate::keys::{Made, NewKey, ScopeName, list, retirement, rotate, word};
use crate::stack::Need;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a key beside the one that is in use, and show it once
    ///
    /// Both work until the old one is retired; two of each kind may be live.
    #[command(
        after_help = "Examples:\n  rescue-connector keys rotate acme webhook\n  \
                            rescue-connector keys rotate acme api --scope pin"
    )]
    Rotate {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// What the key is for
        #[arg(value_enum)]
        kind: Kind,
        /// What an API key may be used for; default: everything
        #[arg(long = "scope", value_enum, value_name = "SCOPE")]
        scopes: Vec<ScopeName>,
    },
    /// Drop a key: whoever still uses it is refused within a minute
    #[command(after_help = "Example:\n  rescue-connector keys retire acme 1f3a9c02")]
    Retire {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// The key's id, as `keys list` shows it
        id: String,
        /// Do not ask before dropping the last key of its kind
        #[arg(long)]
        yes: bool,
    },
    /// List the keys that are live
    #[command(after_help = "Example:\n  rescue-connector keys list acme")]
    List {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// The URLs that Rescue posts to
    Webhook,
    /// The routes that ServiceNow calls
    Api,
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        // Wrong usage is told without asking AWS anything.
        let new = match &self {
            Self::Rotate { kind, scopes, .. } => match new_key(*kind, scopes) {
                Some(new) => Some(new),
                None => return Ok(scope_of_a_webhook()),
            },
            Self::Retire { .. } | Self::List { .. } => None,
        };
        let mut needs = vec![Need::TenantsTable];
        if new == Some(NewKey::Webhook) {
            needs.push(Need::ApiUrl);
        }
        let stack = global.stack(&needs).await?;
        match (self, new) {
            (Self::Retire { tenant, id, yes }, _) => {
                let retirement = retirement(&stack, &tenant, &id).await?;
                if retirement.is_last() && !yes {
                    let kind = word(retirement.kind());
                    let warning = format!(
                        "{id} is the last live {kind} key of {tenant}: whoever uses it is cut off; make a new one first: \
                         rescue-connector keys rotate {tenant} {kind}"
                    );
                    confirm("", &[warning])?;
                }
                let done = retirement.execute(&stack).await?;
                global.answer(&done, |done| {
                    let kind = word(done.kind);
                    format!("The {kind} key {} of {} is retired.", done.id, done.tenant)
                })?;
            }
            (Self::Rotate { tenant, .. }, Some(new)) => {
                let made = rotate(&stack, &tenant, new).await?;
                let answered = global.answer(&made, |made| shown(&tenant, made));
                answered.map_err(AdminError::with_keys)?;
            }
            (Self::List { tenant } | Self::Rotate { tenant, .. }, _) => {
                global.answer(&list(&stack, &tenant).await?, |keys| {
                    let rows = keys.iter().map(key_row);
                    columns(&["KEY", "KIND", "SCOPES", "CREATED"], rows)
                })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `None`: a webhook key has no scopes.
fn new_key(kind: Kind, scopes: &[ScopeName]) -> Option<NewKey> {
    match kind {
        Kind::Webhook => scopes.is_empty().then_some(NewKey::Webhook),
        Kind::Api => {
            let all = [KeyScope::Pin, KeyScope::Token].into_iter();
            let wanted = |scope: &KeyScope| {
                scopes.is_empty() || scopes.iter().any(|name| KeyScope::from(*name) == *scope)
            };
            Some(NewKey::Api(all.filter(wanted).collect()))
        }
    }
}

fn scope_of_a_webhook() -> ExitCode {
    let error = Cli::command().error(
        clap::error::ErrorKind::ArgumentConflict,
        "--scope is for API keys; a webhook key only takes posts",
    );
    usage(&error)
}

fn shown(tenant: &TenantId, made: &Made) -> String {
    let mut text = String::new();
    if let Some(key) = &made.api_key {
        let _ = write!(
            text,
            "API key {} for ServiceNow, shown only this once:\n  {}\n",
            made.id,
            key.expose()
        );
    }
    if let Some(addresses) = &made.webhook_urls {
        let _ = write!(text, "Key {}. {}", made.id, urls(addresses));
    }
    for older in &made.older {
        let _ = write!(
            text,
            "\nThe new key works within a minute. {STRONG}Key {older} goes on working;{STRONG:#} when nobody uses it any more:\n  \
             rescue-connector keys retire {tenant} {older}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_may_do_everything_unless_scopes_are_named_and_a_webhook_key_has_none() {
        let api = |scopes: &[ScopeName]| new_key(Kind::Api, scopes);
        let all = NewKey::Api(vec![KeyScope::Pin, KeyScope::Token]);
        assert_eq!(api(&[]), Some(all.clone()));
        assert_eq!(api(&[ScopeName::Token, ScopeName::Pin]), Some(all));
        let twice = [ScopeName::Pin, ScopeName::Pin];
        assert_eq!(api(&twice), Some(NewKey::Api(vec![KeyScope::Pin])));
        assert_eq!(new_key(Kind::Webhook, &[]), Some(NewKey::Webhook));
        assert_eq!(new_key(Kind::Webhook, &[ScopeName::Pin]), None);
    }
}
