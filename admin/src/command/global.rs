//! The options of every command, and the deployment that they name.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::{ArgAction, Args, ValueEnum};
use serde::Serialize;
use shared::domain::tenant::TenantId;
use shared::environment::{EnvironmentReader, Testing};

use super::terminal::{remark, say};
use crate::error::AdminError;
use crate::lifecycle::similar_names;
use crate::plain::escaped;
use crate::stack::{Need, Stack};

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The form of the answer
    #[arg(long, value_enum, global = true, default_value_t = Output::Table)]
    pub(super) output: Output,
    /// The CloudFormation stack to read names from that no environment variable gives
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        default_value = "rescue-connector"
    )]
    stack: String,
    /// Print help
    #[arg(long, short, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Replaces the stack that is looked up by its name.
    #[arg(skip)]
    pub(super) deployment: Option<Deployment>,
}

/// A known deployment, and the environment variables for commands on it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its names and clients.
    pub stack: Stack,
    /// They replace those of the process.
    pub variables: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Table,
    /// For scripts
    Json,
}

impl Global {
    #[cfg_attr(
        not(feature = "deployed"),
        expect(unused_variables, reason = "a given deployment has every name")
    )]
    pub(super) async fn stack(&self, needs: &[Need]) -> Result<Stack, AdminError> {
        if let Some(deployment) = &self.deployment {
            return Ok(deployment.stack.clone());
        }
        #[cfg(feature = "deployed")]
        return self.found(needs).await;
        #[cfg(not(feature = "deployed"))]
        Err(AdminError::NoStack(self.stack.clone()))
    }

    #[cfg(feature = "deployed")]
    async fn found(&self, needs: &[Need]) -> Result<Stack, AdminError> {
        let found = Stack::find(&self.stack, self.environment(), needs).await?;
        if let Some(error) = &found.without_outputs {
            remark(&format!(
                "note: the API's address and the function that renews tokens are not known: {error}"
            ));
        }
        Ok(found.stack)
    }

    /// The variables that are only for tests.
    pub(super) fn testing(&self) -> Result<Testing, AdminError> {
        let mut environment = self.environment();
        let testing = environment.testing();
        environment.finish()?;
        Ok(testing)
    }

    fn environment(&self) -> EnvironmentReader<impl Fn(&str) -> Option<String>> {
        let given = self.deployment.as_ref();
        let given = given.map(|deployment| deployment.variables.clone());
        EnvironmentReader::new(move |name| {
            let given = given.as_ref().and_then(|given| given.get(name).cloned());
            given.or_else(|| std::env::var(name).ok())
        })
    }

    /// Names the tenants that may have been meant, if the operator may list them.
    pub(super) async fn suggest(&self, missing: &TenantId) {
        let Ok(stack) = self.stack(&[Need::TenantsTable]).await else {
            return;
        };
        let names = similar_names(&stack, missing).await.unwrap_or_default();
        let names: Vec<&str> = names.iter().map(TenantId::as_str).collect();
        if !names.is_empty() {
            remark(&format!("Did you mean {}?", names.join(", ")));
        }
    }

    /// Writes the answer of a command: as JSON, or as `table` formats it.
    pub(super) fn answer<T: Serialize>(
        &self,
        answer: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), AdminError> {
        match self.output {
            Output::Json => writeln!(std::io::stdout().lock(), "{}", json(answer)?)?,
            Output::Table => say(table(answer).trim_end())?,
        }
        Ok(())
    }
}

/// An answer as JSON. Control characters of untrusted texts are escaped; nothing is left out.
pub(super) fn json<T: Serialize>(answer: &T) -> Result<String, AdminError> {
    Ok(escaped(&serde_json::to_string_pretty(answer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_back_and_holds_no_control_characters() {
        let answer = "\u{1b}[2J \u{9b}2J \u{7f} \u{202e} ü 漢";
        let text = json(&answer).expect("JSON");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.contains("\\u202e"), "{text:?}");
        assert_eq!(serde_json::from_str::<String>(&text).expect("JSON"), answer);
    }
}
