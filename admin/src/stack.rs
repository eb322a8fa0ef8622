//! The tables, queues and secrets of a deployment: names from the functions' variables, then from the stack's outputs.

#[cfg(feature = "deployed")]
use std::collections::HashMap;

#[cfg(feature = "deployed")]
use aws_config::BehaviorVersion;
use shared::aws::credentials::CredentialsTable;
use shared::aws::queue::Queues;
use shared::domain::clock::Clock;
#[cfg(feature = "deployed")]
use shared::environment::{DEFAULT_SECRET_PREFIX, EnvironmentReader};

#[cfg(feature = "deployed")]
use crate::error::AdminError;

/// One deployment: its names, and AWS clients.
///
/// With the feature `deployed`, `Stack::find` looks one up in AWS; the embedded stack fills the fields in itself.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The table of tenants.
    pub tenants_table: String,
    /// The delivery ledger.
    pub sessions_table: String,
    /// Short-lived credentials, leases and pauses.
    pub credentials_table: String,
    /// The queue of posts.
    pub sessions_queue_url: String,
    /// Its dead-letter queue.
    pub sessions_dlq_url: String,
    /// The first part of the secrets' names.
    pub secret_prefix: String,
    /// The address of the HTTP API; without it paths are printed instead of URLs.
    pub api_url: Option<String>,
    /// The function that rotates token secrets; without it no rotation schedule is set.
    pub rotate_tokens_function_arn: Option<String>,
    /// For the tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// For the secrets.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// For the queues.
    pub sqs: aws_sdk_sqs::Client,
    /// The time; tests shift it with `CLOCK_OFFSET_SECONDS`.
    pub clock: Clock,
}

/// A name that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `TENANTS_TABLE`
    TenantsTable,
    /// `SESSIONS_TABLE`
    SessionsTable,
    /// `CREDENTIALS_TABLE`
    CredentialsTable,
    /// `SESSIONS_QUEUE_URL`
    SessionsQueueUrl,
    /// `SESSIONS_DLQ_URL`
    SessionsDlqUrl,
    /// The stack's output `ApiUrl`; without it paths are printed instead of URLs.
    ApiUrl,
    /// The stack's output `RotateTokensFunctionArn`; without it no rotation schedule is set.
    RotateTokensFunctionArn,
}

#[cfg(feature = "deployed")]
impl Need {
    /// The variable that takes precedence over the output. A name without a variable is always looked up.
    const fn variable(self) -> Option<&'static str> {
        match self {
            Self::TenantsTable => Some("TENANTS_TABLE"),
            Self::SessionsTable => Some("SESSIONS_TABLE"),
            Self::CredentialsTable => Some("CREDENTIALS_TABLE"),
            Self::SessionsQueueUrl => Some("SESSIONS_QUEUE_URL"),
            Self::SessionsDlqUrl => Some("SESSIONS_DLQ_URL"),
            Self::ApiUrl | Self::RotateTokensFunctionArn => None,
        }
    }

    const fn output(self) -> &'static str {
        match self {
            Self::TenantsTable => "TenantsTable",
            Self::SessionsTable => "SessionsTable",
            Self::CredentialsTable => "CredentialsTable",
            Self::SessionsQueueUrl => "SessionsQueueUrl",
            Self::SessionsDlqUrl => "SessionsDlqUrl",
            Self::ApiUrl => "ApiUrl",
            Self::RotateTokensFunctionArn => "RotateTokensFunctionArn",
        }
    }
}

/// A deployment that was found in AWS.
#[cfg(feature = "deployed")]
#[derive(Debug)]
pub struct FoundStack {
    /// The deployment.
    pub stack: Stack,
    /// Why the stack's outputs could not be read, although the variables give all required names.
    pub without_outputs: Option<AdminError>,
}

#[cfg(feature = "deployed")]
impl Stack {
    /// Finds a deployment. The outputs of the stack `name` are read only when a name of `needs` has no variable or its
    /// variable is not set. A name outside `needs` that is not found is empty.
    ///
    /// # Errors
    /// When names of `needs` are not found (the message lists all of them), or AWS refuses.
    pub async fn find<F>(
        name: &str,
        mut reader: EnvironmentReader<F>,
        needs: &[Need],
    ) -> Result<FoundStack, AdminError>
    where
        F: Fn(&str) -> Option<String>,
    {
        let testing = reader.testing();
        let is_set = |variable: &str| reader.optional(variable).is_some();
        let known = needs.iter().all(|need| need.variable().is_some_and(is_set));
        let outputs_optional = needs.iter().all(|need| need.variable().is_none_or(is_set));
        // An operator's credentials come from a profile, single sign-on, or a machine's role.
        let http = shared::http::client(testing.ca_file.as_deref())?;
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(shared::http::for_aws(http))
            .timeout_config(shared::aws::sdk::timeouts())
            .retry_config(shared::aws::sdk::retries())
            .load()
            .await;
        if config.region().is_none() {
            return Err(AdminError::NoRegion);
        }
        let (mut outputs, mut without_outputs) = (HashMap::new(), None);
        if !known {
            let client = aws_sdk_cloudformation::Client::new(&config);
            match self::outputs(&client, name).await {
                Ok(read) => outputs = read,
                Err(error) if outputs_optional => without_outputs = Some(error),
                Err(error) => return Err(error),
            }
        }
        let names = Names {
            variable: |variable: &str| reader.optional(variable),
            outputs,
        };
        names.require(name, needs)?;
        let stack = Self {
            tenants_table: names.of(Need::TenantsTable),
            sessions_table: names.of(Need::SessionsTable),
            credentials_table: names.of(Need::CredentialsTable),
            sessions_queue_url: names.of(Need::SessionsQueueUrl),
            sessions_dlq_url: names.of(Need::SessionsDlqUrl),
            secret_prefix: names
                .either("SECRET_PREFIX", "SecretPrefix")
                .unwrap_or_else(|| DEFAULT_SECRET_PREFIX.to_owned()),
            api_url: names.outputs.get("ApiUrl").cloned(),
            rotate_tokens_function_arn: names.outputs.get("RotateTokensFunctionArn").cloned(),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            clock: Clock::system(testing.clock_offset_seconds),
        };
        reader.finish()?;
        Ok(FoundStack {
            stack,
            without_outputs,
        })
    }
}

impl Stack {
    /// The credentials table: leases, pauses and shared access tokens.
    pub fn credentials(&self) -> CredentialsTable {
        let (table, clock) = (self.credentials_table.clone(), self.clock.clone());
        CredentialsTable::new(self.dynamodb.clone(), table, clock)
    }

    /// The sessions queue and its dead-letter queue.
    pub fn queues(&self) -> Queues {
        let (sessions, dead_letters) = (&self.sessions_queue_url, &self.sessions_dlq_url);
        Queues::new(self.sqs.clone(), sessions.clone(), dead_letters.clone())
    }
}

#[cfg(feature = "deployed")]
struct Names<V> {
    variable: V,
    outputs: HashMap<String, String>,
}

#[cfg(feature = "deployed")]
impl<V: Fn(&str) -> Option<String>> Names<V> {
    fn either(&self, variable: &str, output: &str) -> Option<String> {
        (self.variable)(variable).or_else(|| self.outputs.get(output).cloned())
    }

    fn of(&self, need: Need) -> String {
        let variable = need.variable().and_then(&self.variable);
        variable
            .or_else(|| self.outputs.get(need.output()).cloned())
            .unwrap_or_default()
    }

    fn require(&self, stack: &str, needs: &[Need]) -> Result<(), AdminError> {
        let missing: Vec<Need> = needs
            .iter()
            .copied()
            .filter(|need| need.variable().is_some() && self.of(*need).is_empty())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let outputs: Vec<&str> = missing.iter().map(|need| need.output()).collect();
        let variables: Vec<&str> = missing.iter().filter_map(|need| need.variable()).collect();
        Err(AdminError::NoOutput {
            stack: stack.to_owned(),
            missing: outputs.join(", "),
            variables: variables.join(", "),
        })
    }
}

#[cfg(feature = "deployed")]
async fn outputs(
    client: &aws_sdk_cloudformation::Client,
    stack: &str,
) -> Result<HashMap<String, String>, AdminError> {
    let answer = client.describe_stacks().stack_name(stack).send().await;
    let answer = answer.map_err(|error| {
        // CloudFormation answers ValidationError for a stack that does not exist.
        let reason = shared::aws::sdk::reason(&error);
        if reason == "ValidationError" {
            AdminError::NoStack(stack.to_owned())
        } else {
            AdminError::aws(
                "cloudformation:DescribeStacks",
                &format!("stack {stack}"),
                &error,
            )
        }
    })?;
    let outputs = answer.stacks().iter().flat_map(|stack| stack.outputs());
    Ok(outputs
        .filter_map(|output| {
            Some((
                output.output_key()?.to_owned(),
                output.output_value()?.to_owned(),
            ))
        })
        .collect())
}

#[cfg(all(test, feature = "deployed"))]
mod tests {
    use super::*;

    fn names() -> Names<impl Fn(&str) -> Option<String>> {
        Names {
            variable: |name: &str| (name == "TENANTS_TABLE").then(|| "mine".to_owned()),
            outputs: HashMap::from([
                ("TenantsTable".to_owned(), "theirs".to_owned()),
                ("SessionsTable".to_owned(), "ledger".to_owned()),
            ]),
        }
    }

    #[test]
    fn a_variable_takes_precedence_over_the_output() {
        assert_eq!(names().of(Need::TenantsTable), "mine");
        assert_eq!(names().of(Need::SessionsTable), "ledger");
    }

    #[test]
    fn every_required_name_that_is_not_found_is_listed() {
        let needs = [
            Need::TenantsTable,
            Need::CredentialsTable,
            Need::SessionsDlqUrl,
        ];
        let error = names().require("rescue", &needs).expect_err("two missing");
        assert_eq!(
            error.to_string(),
            "stack rescue has no output CredentialsTable, SessionsDlqUrl; deploy the current template, \
             or set CREDENTIALS_TABLE, SESSIONS_DLQ_URL"
        );
    }
}
