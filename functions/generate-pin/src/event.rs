//! The HTTP event → a typed request for a PIN. Rejects what is not one in form.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use shared::api::authorize::unauthorized;
use shared::api::json_object::JsonObject;
use shared::api::request::HttpRequest;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::record::{SysId, TableName};
use shared::domain::record_number::RecordNumber;
use shared::domain::record_tables::{RecordTable, RecordTables};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::rescue::api::{FIELD_LIMITS, FIELD_NAMES};
use shared::servicenow::query::Email;

/// One request, before its sender is authorised.
pub(crate) struct Command {
    pub(crate) tenant: TenantId,
    pub(crate) key: Secret,
    idempotency_key: Option<String>,
    bytes: Vec<u8>,
}

impl Command {
    /// Reads tenant and API key.
    ///
    /// # Errors
    /// `unauthorized` when one of them is missing or malformed.
    pub(crate) fn read(request: HttpRequest) -> Result<Self, Problem> {
        let tenant = request.path("tenant").and_then(TenantId::parse);
        let (tenant, key) = tenant.zip(request.bearer()).ok_or_else(unauthorized)?;
        let idempotency_key = request.header("idempotency-key").map(str::to_owned);
        Ok(Self {
            tenant,
            key,
            idempotency_key,
            bytes: request.body,
        })
    }

    /// Reads the body. Its record is of one of the tenant's `tables`.
    ///
    /// # Errors
    /// `invalid-request`, which names the member that is wrong.
    pub(crate) fn body(&self, tables: &RecordTables) -> Result<PinRequestBody, Problem> {
        PinRequestBody::parse(&self.bytes, tables)
    }

    /// The technician's SSO id, where the body has one that can be read.
    pub(crate) fn sso_id(&self) -> Option<String> {
        let technician = JsonObject::parse(&self.bytes)
            .ok()?
            .object("technician")
            .ok()?;
        Technician::parse(&technician)
            .ok()
            .map(|technician| technician.sso_id)
    }

    /// The header `Idempotency-Key`.
    ///
    /// # Errors
    /// `invalid-request` when it is not 1 to 255 visible ASCII characters.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        let Some(value) = &self.idempotency_key else {
            return Ok(None);
        };
        let key = value.trim();
        if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Some(key))
        } else {
            Err(invalid(
                "The header Idempotency-Key has to be 1 to 255 visible ASCII characters.",
            ))
        }
    }
}

/// The body of a request for a PIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PinRequestBody {
    /// The technician's e-mail address.
    pub(crate) email: String,
    /// The technician's SSO id in Rescue.
    pub(crate) sso_id: String,
    /// The technician's node id, for a request with an administrator's API token.
    pub(crate) node_id: Option<String>,
    pub(crate) table: TableName,
    pub(crate) record: RequestedRecord,
    pub(crate) customer_name: Option<String>,
    pub(crate) customer_email: Option<String>,
    /// `cfield0` to `cfield5`, where the request says what they hold.
    pub(crate) fields: [Option<String>; 6],
    pub(crate) notify_technician: bool,
    pub(crate) notify_customer: bool,
}

/// How a request names its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum RequestedRecord {
    /// By its row, with or without its number.
    Row {
        sys_id: SysId,
        number: Option<String>,
    },
    /// By its number alone.
    #[serde(serialize_with = "number")]
    Number(RecordNumber),
}

fn number<S: serde::Serializer>(number: &RecordNumber, serializer: S) -> Result<S::Ok, S::Error> {
    number.as_str().serialize(serializer)
}

/// The longest texts that are accepted, in characters.
const LONGEST_NAME: usize = 254;
const LONGEST_ADDRESS: usize = 254;
const LONGEST_NUMBER: usize = 40;
const LONGEST_NODE_ID: usize = 19;

impl PinRequestBody {
    fn parse(body: &[u8], tables: &RecordTables) -> Result<Self, Problem> {
        let root = JsonObject::parse(body)?;
        let (technician, record) = (root.object("technician")?, root.object("record")?);
        let (customer, notify) = (root.object("customer")?, root.object("notify")?);
        let Technician { email, sso_id } = Technician::parse(&technician)?;
        let node_id = technician.text("node_id")?;
        if node_id
            .is_some_and(|id| id.len() > LONGEST_NODE_ID || !id.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(technician.wrong("node_id", "has to be digits"));
        }
        let table = TableName::parse(record.required("table")?);
        let table = table.and_then(|name| tables.get(&name)).ok_or_else(|| {
            let what = format!("has to be one of the tenant's tables: {}", tables.names());
            record.wrong("table", &what)
        })?;
        Ok(Self {
            sso_id,
            node_id: node_id.map(str::to_owned),
            email,
            table: table.name.clone(),
            record: RequestedRecord::parse(&record, table, tables)?,
            customer_name: short(&customer, "name", LONGEST_NAME)?,
            customer_email: short(&customer, "email", LONGEST_ADDRESS)?,
            fields: fields(&root.object("fields")?)?,
            notify_technician: notify.flag("technician")?.unwrap_or(true),
            notify_customer: notify.flag("customer")?.unwrap_or(true),
        })
    }

    /// SHA-256 of the parsed body in hexadecimal digits: equal for equal requests, however their JSON is written.
    pub(crate) fn digest(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// The record as the request names it.
    pub(crate) fn record_text(&self) -> &str {
        match &self.record {
            RequestedRecord::Row { sys_id, .. } => sys_id.as_str(),
            RequestedRecord::Number(number) => number.as_str(),
        }
    }

    /// The record's number, where the request has it.
    pub(crate) fn number(&self) -> Option<&str> {
        match &self.record {
            RequestedRecord::Row { number, .. } => number.as_deref(),
            RequestedRecord::Number(number) => Some(number.as_str()),
        }
    }

    /// `cfield0` to `cfield5` within Rescue's limits: what the request says they hold, else the customer's name, the
    /// record's number and the customer's e-mail address.
    pub(crate) fn custom_fields(&self) -> [String; 6] {
        let mut values = self.fields.clone();
        let [name, number, email, ..] = &mut values;
        fill(name, self.customer_name.as_deref());
        fill(number, self.number());
        fill(email, self.customer_email.as_deref());
        let mut limits = FIELD_LIMITS.into_iter();
        values.map(|value| {
            let limit = limits.next().unwrap_or(0);
            value.unwrap_or_default().chars().take(limit).collect()
        })
    }
}

/// The technician of a request.
struct Technician {
    email: String,
    sso_id: String,
}

impl Technician {
    fn parse(technician: &JsonObject) -> Result<Self, Problem> {
        let email = technician.required("email")?;
        let email = Email::parse(email)
            .ok_or_else(|| technician.wrong("email", "has to be an e-mail address"))?;
        let email = email.as_str().to_owned();
        let sso_id = short(technician, "sso_id", LONGEST_NAME)?;
        Ok(Self {
            sso_id: sso_id.unwrap_or_else(|| email.clone()),
            email,
        })
    }
}

impl RequestedRecord {
    fn parse(
        record: &JsonObject,
        table: &RecordTable,
        tables: &RecordTables,
    ) -> Result<Self, Problem> {
        let number = short(record, "number", LONGEST_NUMBER)?;
        let Some(sys_id) = record.text("sys_id")? else {
            let number = number
                .ok_or_else(|| record.wrong("sys_id", "is missing, and record.number is too"))?;
            let parsed = RecordNumber::parse(&number, tables);
            let parsed = parsed.filter(|number| *number.table() == table.name);
            return parsed.map(Self::Number).ok_or_else(|| {
                let what = format!(
                    "has to be a number of the table {} such as {}0012345 where record.sys_id is missing",
                    table.name, table.number_prefix
                );
                record.wrong("number", &what)
            });
        };
        let sys_id = SysId::parse(sys_id)
            .ok_or_else(|| record.wrong("sys_id", "has to be 32 lower-case hexadecimal digits"))?;
        Ok(Self::Row { sys_id, number })
    }
}

fn fields(given: &JsonObject) -> Result<[Option<String>; 6], Problem> {
    let mut fields = [const { None }; 6];
    for name in given.names() {
        let named = |known: &&str| known.eq_ignore_ascii_case(name);
        let nth = FIELD_NAMES.iter().position(named);
        match nth.and_then(|nth| fields.get_mut(nth)) {
            // A field that is named and blank stays blank.
            Some(field) => *field = Some(one_line(given.text(name)?.unwrap_or_default())),
            None => {
                return Err(invalid(
                    "fields has a member that Rescue does not know; it may hold cfield0 to cfield5.",
                ));
            }
        }
    }
    Ok(fields)
}

/// A text of one line and at most `longest` characters.
fn short(object: &JsonObject, name: &str, longest: usize) -> Result<Option<String>, Problem> {
    let text = object.text(name)?.map(one_line);
    if text
        .as_ref()
        .is_some_and(|text| text.chars().count() > longest)
    {
        let what = format!("has to be at most {longest} characters");
        return Err(object.wrong(name, &what));
    }
    Ok(text.filter(|text| !text.is_empty()))
}

/// The text without control characters, which are harmful in an e-mail's header line.
fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.trim().to_owned()
}

fn fill(field: &mut Option<String>, value: Option<&str>) {
    if field.is_none() {
        *field = value.map(str::to_owned);
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn no_event_panics_the_reader(
            [tenant, key, query, host, body] in any::<[String; 5]>(),
            is_base64 in any::<bool>(),
        ) {
            let event = |authorization: &str| json!({
                "rawQueryString": query,
                "rawPath": tenant,
                "headers": {
                    "host": host,
                    "x-forwarded-proto": query,
                    "authorization": authorization,
                    "idempotency-key": key,
                },
                "pathParameters": {"tenant": "acme"},
                "requestContext": {"http": {"method": "POST"}, "domainName": host},
                "body": body,
                "isBase64Encoded": is_base64,
            });
            let read = |event| Command::read(HttpRequest::new(event, &lambda_http::Context::default()));
            read(event(&key)).ok();
            let command = read(event("Bearer k-1")).expect("no oddity refuses a request");
            command.body(&RecordTables::default()).ok();
            command.sso_id();
            command.idempotency_key().ok();
        }
    }

    fn request() -> Value {
        json!({
            "technician": {"email": "ana@acme.test"},
            "record": {"table": "incident", "sys_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "number": "INC0012345"},
            "customer": {"name": "Paul Martin", "email": "paul@acme.test"},
        })
    }

    fn parse(request: &Value) -> Result<PinRequestBody, Problem> {
        PinRequestBody::parse(request.to_string().as_bytes(), &RecordTables::default())
    }

    #[test]
    fn a_request_fills_the_custom_fields_unless_it_names_them() {
        let mut body = request();
        let parsed = parse(&body).expect("valid");
        assert_eq!(parsed.sso_id, "ana@acme.test");
        let [name, number, email, ..] = parsed.custom_fields();
        assert_eq!(
            (name.as_str(), number.as_str(), email.as_str()),
            ("Paul Martin", "INC0012345", "paul@acme.test")
        );
        body["fields"] = json!({"CField1": "asked for", "cfield2": "", "cfield4": "ü".repeat(65)});
        let [_, first, second, _, fourth, _] = parse(&body).expect("valid").custom_fields();
        assert_eq!(second, "", "kept from Rescue");
        assert_eq!(first, "asked for");
        assert_eq!(fourth, "ü".repeat(64), "limits count characters");
    }

    #[test]
    fn the_same_request_has_the_same_digest_however_it_is_written() {
        let pretty = serde_json::to_string_pretty(&request()).expect("JSON");
        let pretty = PinRequestBody::parse(pretty.as_bytes(), &RecordTables::default());
        let pretty = pretty.expect("valid");
        let first = parse(&request()).expect("valid");
        assert_eq!(first.digest(), pretty.digest());
        let mut other = request();
        other["customer"]["name"] = json!("Paula Martin");
        assert_ne!(parse(&other).expect("valid").digest(), first.digest());
    }

    #[test]
    fn a_record_is_named_by_its_row_or_by_a_number_of_its_table() {
        let mut body = request();
        body["record"] = json!({"table": "case", "number": "cs0000012"});
        let record = parse(&body).expect("valid").record;
        assert!(
            matches!(record, RequestedRecord::Number(number) if number.as_str() == "CS0000012")
        );
        for wrong in [
            json!({"table": "incident"}),
            json!({"table": "incident", "number": "CS0000012"}),
            json!({"table": "incident", "number": "HD12"}),
            json!({"table": "incident", "sys_id": "0F1E2D3C4B5A69788796A5B4C3D2E1F0"}),
            json!({"table": "sys_user", "sys_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"}),
            json!({"sys_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"}),
            json!("INC0012345"),
        ] {
            body["record"] = wrong.clone();
            let problem = parse(&body).expect_err("refused");
            assert_eq!(problem.code, ErrorCode::InvalidRequest, "{wrong}");
        }
    }

    #[test]
    fn each_wrong_member_of_a_request_is_named() {
        for (path, wrong, named) in [
            ("/technician/email", json!("ana"), "technician.email"),
            ("/technician/email", json!(null), "technician.email"),
            ("/technician/email", json!(7), "technician.email"),
            ("/customer/name", json!("x".repeat(255)), "customer.name"),
            ("/technician", json!([]), "technician"),
        ] {
            let mut body = request();
            *body.pointer_mut(path).expect("there") = wrong;
            let problem = parse(&body).expect_err(named);
            assert_eq!(problem.code, ErrorCode::InvalidRequest);
            assert!(problem.detail.contains(named), "{}", problem.detail);
        }
        for (member, wrong) in [
            ("fields", json!({"tracking0": "x"})),
            ("fields", json!({"cfield6": "x"})),
            ("fields", json!({"cfield+1": "x"})),
            ("fields", json!({"cfield1": 7})),
            ("notify", json!({"customer": "yes"})),
        ] {
            let mut body = request();
            body[member] = wrong;
            assert!(parse(&body).is_err(), "{body}");
        }
    }
}
