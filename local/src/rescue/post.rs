//! Post-to-URL: the bodies that Rescue sends (docs/vendors.md#post-to-url).

use serde_json::{Map, Value, json};

use super::session::{Session, us_date};

/// How session data is posted. The JSON shape is not documented, so there are two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// An HTML form with names such as `Tracking0`.
    #[default]
    Form,
    /// A `session` element with lower-case children.
    Xml,
    /// A JSON object with names such as `Tracking0`.
    JsonFlat,
    /// A JSON object in a `session` member, with lower-case names.
    JsonWrapped,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Form, Self::Xml, Self::JsonFlat, Self::JsonWrapped];

    /// A body of this format.
    pub const fn payload(self, body: String) -> Payload {
        let content_type = match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Xml => "text/xml; charset=utf-8",
            Self::JsonFlat | Self::JsonWrapped => "application/json",
        };
        Payload { content_type, body }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Form => "HTML form",
            Self::Xml => "XML",
            Self::JsonFlat => "JSON",
            Self::JsonWrapped => "JSON in a session member",
        })
    }
}

/// The moment of a session that is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The technician starts the session.
    Start,
    /// The technician ends the session.
    End,
}

/// A body to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// What Rescue posts at one moment of a session, in any format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Which moment it is.
    pub phase: Phase,
    /// In the order of the vendor's list.
    variables: Vec<(String, String)>,
}

impl Moment {
    /// The chat holds the lines after the first `posted_chat_lines`.
    pub(super) fn new(session: &Session, phase: Phase, posted_chat_lines: usize) -> Self {
        let variables = pairs(session, phase, posted_chat_lines);
        Self { phase, variables }
    }

    /// The body in a format.
    pub fn payload(&self, format: Format) -> Payload {
        let pairs = &self.variables;
        let body = match format {
            Format::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(pairs).finish()
            }
            Format::Xml => xml(pairs),
            Format::JsonFlat => object(pairs, str::to_owned).to_string(),
            Format::JsonWrapped => {
                json!({"session": object(pairs, str::to_ascii_lowercase)}).to_string()
            }
        };
        format.payload(body)
    }
}

/// The variables of a post in the order of the vendor's list.
fn pairs(session: &Session, phase: Phase, posted_chat_lines: usize) -> Vec<(String, String)> {
    let field = |name: &str| session.fields.get(name).cloned().unwrap_or_default();
    let technician = &session.technician;
    let separator = if session.chat_line_breaks { "\n" } else { "" };
    let chat = session.chat.get(posted_chat_lines..).unwrap_or_default();
    let chat = chat.join(separator);
    let note = match phase {
        Phase::Start => String::new(),
        Phase::End => session.note.clone(),
    };
    let mut pairs = vec![
        ("SessionID", session.id.clone()),
        ("TechID", technician.node_id.clone()),
        ("TechSSOID", technician.sso_id.clone()),
        ("TechName", technician.name.clone()),
        ("TechEmail", technician.email.clone()),
        ("TechDescr", technician.description.clone()),
        ("CField0", field("CField0")),
        ("CField1", field("CField1")),
        ("CField2", field("CField2")),
        ("CField3", field("CField3")),
        ("CField4", field("CField4")),
        ("CField5", field("CField5")),
        ("Tracking0", session.tracking0.clone()),
        ("ChatLog", chat),
        ("Note", note),
        ("WaitingTime", session.waiting_seconds.to_string()),
        ("PickupTime", us_date(session.picked_up_at)),
    ];
    if phase == Phase::End {
        let closed_at = session.picked_up_at.plus(session.lasted);
        let worked = session.lasted.saturating_sub(session.idle_at_end);
        pairs.extend([
            ("ClosingTime", us_date(closed_at)),
            ("WorkTime", worked.as_secs().to_string()),
            ("LastActionTime", us_date(session.picked_up_at.plus(worked))),
            ("Transmitted", session.transmitted.to_string()),
            ("Platform", session.platform.clone()),
        ]);
    }
    let mut pairs: Vec<(String, String)> = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for (name, value) in &session.fields {
        match pairs.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1.clone_from(value),
            None => pairs.push((name.clone(), value.clone())),
        }
    }
    pairs
}

fn object(pairs: &[(String, String)], name_of: impl Fn(&str) -> String) -> Value {
    let pairs = pairs.iter();
    let members: Map<_, _> = pairs
        .map(|(name, value)| (name_of(name), Value::String(value.clone())))
        .collect();
    Value::Object(members)
}

fn xml(pairs: &[(String, String)]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<session>".to_owned();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        text.push_str(&format!("<{name}>{}</{name}>", escaped(value)));
    }
    text.push_str("</session>");
    text
}

/// Control characters have no place in XML 1.0, escaped or not.
pub(super) fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\r' => text.push_str("&#13;"),
            '\n' | '\t' => text.push(c),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

/// The receiver's answer and the sent payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The HTTP status.
    pub status: u16,
    /// The answer's body.
    pub body: String,
    /// The sent payload, to send it again.
    pub payload: Payload,
}

/// A post that got no answer.
#[derive(Debug, thiserror::Error)]
#[error("the receiver did not answer the post: {0}")]
pub struct PostError(#[from] reqwest::Error);

impl PostError {
    /// What happened, in a sentence without the address.
    pub(crate) fn sentence(&self) -> &'static str {
        if self.0.is_timeout() {
            "The connector did not answer in time."
        } else if self.0.is_connect() {
            "The connector cannot be reached."
        } else {
            "The connection was cut before the connector had answered."
        }
    }
}

pub(super) async fn send(
    client: &reqwest::Client,
    url: &str,
    payload: &Payload,
) -> Result<Posted, PostError> {
    let request = client
        .post(url)
        .header("content-type", payload.content_type)
        .body(payload.body.clone());
    let response = request.send().await?;
    Ok(Posted {
        status: response.status().as_u16(),
        body: response.text().await?,
        payload: payload.clone(),
    })
}

#[cfg(test)]
mod tests {
    use shared::domain::clock::Timestamp;

    use super::*;
    use crate::rescue::Technician;

    fn session() -> Session {
        let technician = Technician::new("4455667", "ana.ruiz@acme.test", "Ana Ruiz");
        let picked_up_at = Timestamp::from_millis(1_747_216_931_007);
        let mut session = Session::new("70112233", technician, picked_up_at)
            .with_customer("Paul Martin")
            .with_field("CField1", "INC0012345")
            .with_tracking0("sn1:inc:9d3")
            .with_note("Reinstalled <the> driver & more");
        session.say("Ana Ruiz", "hello");
        session
    }

    #[test]
    fn a_start_as_a_form_has_no_note_and_no_closing_time() {
        let payload = Moment::new(&session(), Phase::Start, 0).payload(Format::Form);
        assert_eq!(
            payload.body,
            "SessionID=70112233&TechID=4455667&TechSSOID=ana.ruiz%40acme.test&TechName=Ana+Ruiz\
             &TechEmail=ana.ruiz%40acme.test&TechDescr=&CField0=Paul+Martin&CField1=INC0012345&CField2=&CField3=\
             &CField4=&CField5=&Tracking0=sn1%3Ainc%3A9d3&ChatLog=10%3A02+AM+Ana+Ruiz%3A+hello&Note=&WaitingTime=17\
             &PickupTime=5%2F14%2F2025+10%3A02%3A11+AM"
        );
    }

    #[test]
    fn an_end_as_xml_has_lower_case_elements_and_escaped_text() {
        let moment = Moment::new(&session(), Phase::End, 1);
        let body = moment.payload(Format::Xml).body;
        for part in [
            "<session><sessionid>70112233</sessionid>",
            "<note>Reinstalled &lt;the&gt; driver &amp; more</note>",
            // What was posted before is not repeated.
            "<chatlog></chatlog>",
            "<closingtime>5/14/2025 10:31:40 AM</closingtime><worktime>1731</worktime>",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
    }

    #[test]
    fn json_comes_flat_or_wrapped() {
        let read = |format| {
            let payload = Moment::new(&session(), Phase::End, 0).payload(format);
            serde_json::from_str::<Value>(&payload.body).expect("JSON")
        };
        assert_eq!(read(Format::JsonFlat)["Tracking0"], "sn1:inc:9d3");
        assert_eq!(read(Format::JsonWrapped)["session"]["waitingtime"], "17");
    }
}
