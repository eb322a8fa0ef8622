//! Finds a deployment in AWS: names from the functions' variables, then from the stack's outputs.

use std::collections::HashMap;

use aws_config::BehaviorVersion;
use shared::aws::direct::DirectClient;
use shared::domain::clock::Clock;
use shared::environment::{DEFAULT_SECRET_PREFIX, EnvironmentReader};

use crate::error::AdminError;
use crate::stack::{Need, Operator, Stack};

impl Need {
    /// The variable that takes precedence, if there is one, and the stack's output.
    const fn names(self) -> (Option<&'static str>, &'static str) {
        match self {
            Self::TenantsTable => (Some("TENANTS_TABLE"), "TenantsTable"),
            Self::SessionsTable => (Some("SESSIONS_TABLE"), "SessionsTable"),
            Self::CredentialsTable => (Some("CREDENTIALS_TABLE"), "CredentialsTable"),
            Self::SessionsQueueUrl => (Some("SESSIONS_QUEUE_URL"), "SessionsQueueUrl"),
            Self::SessionsDlqUrl => (Some("SESSIONS_DLQ_URL"), "SessionsDlqUrl"),
            Self::ApiUrl => (None, "ApiUrl"),
            Self::RotateTokensFunctionArn => (None, "RotateTokensFunctionArn"),
        }
    }

    const fn variable(self) -> Option<&'static str> {
        self.names().0
    }

    const fn output(self) -> &'static str {
        self.names().1
    }
}

/// A deployment that was found in AWS.
#[derive(Debug)]
pub(crate) struct FoundStack {
    pub(crate) stack: Stack,
    /// Why the stack's outputs could not be read, although the variables give all required names.
    pub(crate) without_outputs: Option<AdminError>,
}

impl Stack {
    /// Finds a deployment. The outputs of the stack `name` are read only when a name of `needs` has no variable or its
    /// variable is not set. A name outside `needs` that is not found is empty.
    ///
    /// # Errors
    /// When names of `needs` are not found (the message lists all of them), or AWS refuses.
    pub(crate) async fn find<F>(
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
            match read_outputs(&client, name).await {
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
            queue_calls: DirectClient::sqs(&config),
            table_calls: DirectClient::dynamodb(&config),
            secret_calls: DirectClient::secrets_manager(&config),
            operator: Operator::of(config),
            clock: Clock::system(testing.clock_offset_seconds),
        };
        reader.finish()?;
        Ok(FoundStack {
            stack,
            without_outputs,
        })
    }
}

struct Names<V> {
    variable: V,
    outputs: HashMap<String, String>,
}

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

async fn read_outputs(
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

#[cfg(test)]
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
