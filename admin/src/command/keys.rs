//! `rescue-connector keys …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use shared::aws::tenants::KeyScope;
use shared::domain::tenant::TenantId;

use super::arguments::{example, examples, tenant_id};
use super::global::Global;
use super::layout::columns;
use super::style::STRONG;
use super::tenant::apply::urls;
use super::tenant::key_row;
use super::terminal::confirm;
use crate::error::AdminError;
use crate::json_name::json_name;
use crate::keys::{CreatedKey, NewKey, ScopeName, list, retirement, rotate};
use crate::stack::Need;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a key beside the present one, and show it once
    ///
    /// Both work until the old one is retired; two of each kind may be live.
    #[command(after_help = examples([
        "keys rotate acme webhook",
        "keys rotate acme api --scope pin",
    ]))]
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
    /// Delete a key: requests with it are refused within a minute
    #[command(after_help = example("keys retire acme 1f3a9c02"))]
    Retire {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// The key's id, as `keys list` shows it
        id: String,
        /// Do not ask before deleting the last key of its kind
        #[arg(long)]
        yes: bool,
    },
    /// List the keys that are live
    #[command(after_help = example("keys list acme"))]
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
    /// Whether it gives scopes to a webhook key, which has none.
    pub(super) fn has_webhook_scope(&self) -> bool {
        matches!(self, Self::Rotate { kind: Kind::Webhook, scopes, .. } if !scopes.is_empty())
    }

    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let mut needs = vec![Need::TenantsTable];
        if matches!(
            &self,
            Self::Rotate {
                kind: Kind::Webhook,
                ..
            }
        ) {
            needs.push(Need::ApiUrl);
        }
        let stack = global.stack(&needs).await?;
        match self {
            Self::Retire { tenant, id, yes } => {
                let retirement = retirement(&stack, &tenant, &id).await?;
                if retirement.is_last() && !yes {
                    let kind = json_name(&retirement.kind());
                    let warning = format!(
                        "{id} is the last live {kind} key of {tenant}: requests with it will be refused; create a new one first: \
                         rescue-connector keys rotate {tenant} {kind}"
                    );
                    confirm("", &[warning])?;
                }
                let done = retirement.execute(&stack).await?;
                global.answer(&done, |done| {
                    let kind = json_name(&done.kind);
                    format!("The {kind} key {} of {} is retired.", done.id, done.tenant)
                })?;
            }
            Self::Rotate {
                tenant,
                kind,
                scopes,
            } => {
                let made = rotate(&stack, &tenant, new_key(kind, &scopes)).await?;
                let answered = global.answer(&made, |made| shown(&tenant, made));
                answered.map_err(AdminError::with_keys)?;
            }
            Self::List { tenant } => {
                global.answer(&list(&stack, &tenant).await?, |keys| {
                    let rows = keys.iter().map(key_row);
                    columns(&["KEY", "KIND", "SCOPES", "CREATED"], rows)
                })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn new_key(kind: Kind, scopes: &[ScopeName]) -> NewKey {
    let all = [KeyScope::Pin, KeyScope::Token].into_iter();
    let wanted = |scope: &KeyScope| {
        scopes.is_empty() || scopes.iter().any(|name| KeyScope::from(*name) == *scope)
    };
    match kind {
        Kind::Webhook => NewKey::Webhook,
        Kind::Api => NewKey::Api(all.filter(wanted).collect()),
    }
}

fn shown(tenant: &TenantId, made: &CreatedKey) -> String {
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
            "\nThe new key works within a minute. {STRONG}Key {older} still works;{STRONG:#} when it is no longer used:\n  \
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
        assert_eq!(api(&[]), all);
        assert_eq!(api(&[ScopeName::Token, ScopeName::Pin]), all);
        let twice = [ScopeName::Pin, ScopeName::Pin];
        assert_eq!(api(&twice), NewKey::Api(vec![KeyScope::Pin]));
        let webhook = |scopes: Vec<ScopeName>| Command::Rotate {
            tenant: TenantId::parse("acme").expect("valid"),
            kind: Kind::Webhook,
            scopes,
        };
        assert!(webhook(vec![ScopeName::Pin]).has_webhook_scope());
        assert!(!webhook(Vec::new()).has_webhook_scope());
    }
}
