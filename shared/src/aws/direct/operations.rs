//! The operations that the connector calls.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::operation::{delete_item, get_item, put_item, query, scan, update_item};
use aws_sdk_secretsmanager::operation::{
    describe_secret, get_secret_value, put_secret_value, update_secret_version_stage,
};
use aws_sdk_sqs::operation::{change_message_visibility_batch, delete_message_batch, send_message};
use aws_smithy_runtime_api::client::result::CreateUnhandledError;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;

/// An operation of the SDK, with its types.
#[expect(missing_docs, reason = "the names say it")]
pub trait Operation: RuntimePlugin + Default + 'static {
    const NAME: &'static str;
    type Input: Debug + Send + Sync + 'static;
    type Output: Debug + Send + Sync + 'static;
    type Error: Error + CreateUnhandledError + Send + Sync + 'static;
}

/// Implements [`Operation`] for operations, each with its module in the SDK and the types there.
macro_rules! operations {
    ($($module:ident: $name:ident($input:ident) -> $output:ident, $error:ident;)*) => {
        $(impl Operation for $module::$name {
            const NAME: &'static str = stringify!($name);
            type Input = $module::$input;
            type Output = $module::$output;
            type Error = $module::$error;
        })*
    };
}

operations! {
    get_item: GetItem(GetItemInput) -> GetItemOutput, GetItemError;
    put_item: PutItem(PutItemInput) -> PutItemOutput, PutItemError;
    update_item: UpdateItem(UpdateItemInput) -> UpdateItemOutput, UpdateItemError;
    delete_item: DeleteItem(DeleteItemInput) -> DeleteItemOutput, DeleteItemError;
    query: Query(QueryInput) -> QueryOutput, QueryError;
    scan: Scan(ScanInput) -> ScanOutput, ScanError;
    get_secret_value: GetSecretValue(GetSecretValueInput) -> GetSecretValueOutput, GetSecretValueError;
    put_secret_value: PutSecretValue(PutSecretValueInput) -> PutSecretValueOutput, PutSecretValueError;
    describe_secret: DescribeSecret(DescribeSecretInput) -> DescribeSecretOutput, DescribeSecretError;
    update_secret_version_stage: UpdateSecretVersionStage(UpdateSecretVersionStageInput)
        -> UpdateSecretVersionStageOutput, UpdateSecretVersionStageError;
    send_message: SendMessage(SendMessageInput) -> SendMessageOutput, SendMessageError;
    delete_message_batch: DeleteMessageBatch(DeleteMessageBatchInput)
        -> DeleteMessageBatchOutput, DeleteMessageBatchError;
    change_message_visibility_batch: ChangeMessageVisibilityBatch(ChangeMessageVisibilityBatchInput)
        -> ChangeMessageVisibilityBatchOutput, ChangeMessageVisibilityBatchError;
}
