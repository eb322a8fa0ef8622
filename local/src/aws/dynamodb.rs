//! DynamoDB: an embedded engine on its own loopback port. Requests are forwarded unchanged.

use std::path::Path;

use axum::body::Body;
use axum::response::Response;
use dynoxide::Database;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::error::Error;
use super::refusal::AwsRefusal;
use crate::state_file::unusable;
use crate::template::Table;

#[derive(Clone)]
pub(super) struct DynamoDb {
    database: Database,
    endpoint: String,
    client: reqwest::Client,
}

impl DynamoDb {
    pub(super) async fn start(data: Option<&Path>) -> Result<Self, Error> {
        let database = match data.map(|folder| folder.join("dynamodb.sqlite")) {
            Some(file) => {
                Database::new(&file.to_string_lossy()).map_err(|error| unusable(&file, error))?
            }
            None => Database::memory().map_err(|e| Error::DynamoDb(e.to_string()))?,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        Ok(Self {
            database,
            endpoint,
            client: shared::http::client(None).map_err(|e| Error::DynamoDb(e.to_string()))?,
        })
    }

    /// Forwards a request unchanged.
    pub(super) async fn forward(
        &self,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response, AwsRefusal> {
        let unavailable = |e: reqwest::Error| {
            AwsRefusal::new("InternalServerError", &e.to_string())
                .status(StatusCode::INTERNAL_SERVER_ERROR)
        };
        let mut forwarded = headers.clone();
        for hop in [
            header::HOST,
            header::CONTENT_LENGTH,
            header::CONNECTION,
            header::TRANSFER_ENCODING,
        ] {
            forwarded.remove(hop);
        }
        let answer = self
            .client
            .post(&self.endpoint)
            .headers(forwarded)
            .body(body)
            .send()
            .await
            .map_err(unavailable)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        for (name, value) in answer.headers() {
            if name != header::TRANSFER_ENCODING && name != header::CONNECTION {
                response.headers_mut().append(name, value.clone());
            }
        }
        let bytes = answer.bytes().await.map_err(unavailable)?;
        *response.body_mut() = Body::from(bytes);
        Ok(response)
    }

    /// Creates the table and sets its time to live, unless it is already there.
    pub(super) fn provision(&self, table: &Table) -> Result<(), Error> {
        let broken =
            |e: dynoxide::DynoxideError| Error::Provision(format!("table {}: {e}", table.name));
        let unreadable =
            |e: serde_json::Error| Error::Provision(format!("table {}: {e}", table.name));
        let existing = self
            .database
            .get_table_metadata(&table.name)
            .map_err(broken)?;
        if existing.is_none() {
            let request = serde_json::from_value(create_table(table)).map_err(unreadable)?;
            self.database.create_table(request).map_err(broken)?;
            if let Some(attribute) = &table.ttl_attribute {
                let request = serde_json::from_value(json!({
                    "TableName": table.name,
                    "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
                }))
                .map_err(unreadable)?;
                self.database.update_time_to_live(request).map_err(broken)?;
            }
        }
        Ok(())
    }
}

fn create_table(table: &Table) -> Value {
    let attributes: Vec<Value> = table
        .attributes
        .iter()
        .map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}))
        .collect();
    let indexes: Vec<Value> = table
        .indexes
        .iter()
        .map(|index| {
            let mut projection = json!({"ProjectionType": index.projection});
            if !index.projected.is_empty() {
                projection["NonKeyAttributes"] = json!(index.projected);
            }
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(&index.hash_key, index.range_key.as_deref()),
                "Projection": projection,
            })
        })
        .collect();
    let mut request = json!({
        "TableName": table.name,
        "AttributeDefinitions": attributes,
        "KeySchema": key_schema(&table.hash_key, table.range_key.as_deref()),
        "BillingMode": "PAY_PER_REQUEST",
    });
    if !indexes.is_empty() {
        request["GlobalSecondaryIndexes"] = Value::Array(indexes);
    }
    request
}

fn key_schema(hash: &str, range: Option<&str>) -> Value {
    let mut schema = vec![json!({"AttributeName": hash, "KeyType": "HASH"})];
    schema.extend(range.map(|name| json!({"AttributeName": name, "KeyType": "RANGE"})));
    Value::Array(schema)
}
