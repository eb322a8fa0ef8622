//! XML documents.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesEnd, BytesStart, Event};

use crate::domain::session::{Fields, documented_name};
use crate::rescue::post_to_url::parse_error::{MAX_DEPTH, MAX_FIELDS, ParseError};
use crate::rescue::post_to_url::session::shallowest_session;
use crate::rescue::post_to_url::text::trimmed;
use crate::rescue::xml_text::referenced;

const MAX_NAME_LENGTH: usize = 128;

/// Between the names of a path; no element name has it.
const SEPARATOR: char = '/';

/// The fields of the session in an XML document.
pub(super) fn fields(text: &str) -> Result<Fields, ParseError> {
    let mut reader = quick_xml::Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    // "R&D" that the sender did not escape is text.
    config.allow_dangling_amp = true;
    let mut document = Document::default();
    loop {
        match reader.read_event().map_err(|_| ParseError::MalformedXml)? {
            Event::Start(tag) => document.start(&tag)?,
            Event::End(tag) => document.end(&tag)?,
            Event::Text(content) => document.append(&content.xml10_content())?,
            Event::CData(content) => document.append(&content.xml10_content())?,
            Event::GeneralRef(reference) => document.append(&referenced(&reference))?,
            Event::DocType(_) => return Err(ParseError::DocumentType),
            // Empty elements come as a start and an end.
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => {}
            Event::Eof => return document.into_fields(),
        }
    }
}

/// An element that is open.
struct Element {
    /// Names from the root's child down to this element, each followed by [`SEPARATOR`].
    path: String,
    text: String,
    attributes: Vec<(String, String)>,
    has_children: bool,
}

/// What has been read so far.
#[derive(Default)]
struct Document {
    open: Vec<Element>,
    /// Path and text of each element and attribute that holds a value.
    leaves: Vec<(String, String)>,
    root_is_closed: bool,
}

impl Document {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), ParseError> {
        let name = tag.local_name().into_inner();
        if self.root_is_closed || name.len() > MAX_NAME_LENGTH || name.contains(SEPARATOR) {
            return Err(ParseError::MalformedXml);
        }
        let path = match self.open.last_mut() {
            None => String::new(),
            Some(parent) => {
                parent.has_children = true;
                format!("{}{name}{SEPARATOR}", parent.path)
            }
        };
        if self.open.len() == MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        self.open.push(Element {
            attributes: attributes(tag, &path)?,
            path,
            text: String::new(),
            has_children: false,
        });
        Ok(())
    }

    fn end(&mut self, tag: &BytesEnd<'_>) -> Result<(), ParseError> {
        let Some(element) = self.open.pop() else {
            return Err(ParseError::MalformedXml);
        };
        self.root_is_closed = self.open.is_empty();
        let is_blank = element.text.trim().is_empty();
        let is_leaf = !element.has_children && (!is_blank || element.attributes.is_empty());
        // Attributes of an element that has text describe that text.
        if is_blank || element.has_children {
            self.leaves.extend(element.attributes);
        }
        if is_leaf || !is_blank {
            let path = if element.path.is_empty() {
                format!("{}{SEPARATOR}", tag.local_name().into_inner())
            } else {
                element.path
            };
            self.leaves.push((path, element.text));
        }
        if self.leaves.len() > MAX_FIELDS {
            return Err(ParseError::TooManyFields);
        }
        Ok(())
    }

    /// Adds text to the innermost open element. Outside of the root only blanks are allowed.
    fn append(&mut self, text: &str) -> Result<(), ParseError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(ParseError::MalformedXml),
        }
        Ok(())
    }

    fn into_fields(self) -> Result<Fields, ParseError> {
        if !self.open.is_empty() || !self.root_is_closed {
            return Err(ParseError::MalformedXml);
        }
        let wrapper = wrapper_of_the_session(&self.leaves)?.to_owned();
        let mut fields = Fields::default();
        for (path, text) in self.leaves {
            let name = path.strip_prefix(&wrapper).unwrap_or(&path);
            let name = name.trim_end_matches(SEPARATOR).replace(SEPARATOR, ".");
            fields.insert(trimmed(&name), text);
        }
        Ok(fields)
    }
}

/// The attributes of an element, each with its path.
fn attributes(tag: &BytesStart<'_>, path: &str) -> Result<Vec<(String, String)>, ParseError> {
    let mut attributes = Vec::new();
    let mut sent = tag.attributes();
    // The check for repeated names takes time that grows with the square of their number.
    sent.with_checks(false);
    for attribute in sent {
        let attribute = attribute.map_err(|_| ParseError::MalformedXml)?;
        let key = attribute.key.into_inner();
        // Namespaces and their attributes, such as types, are no part of the session.
        if key.contains(':') || key == "xmlns" {
            continue;
        }
        if key.len() > MAX_NAME_LENGTH || key.contains(SEPARATOR) {
            return Err(ParseError::MalformedXml);
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.unwrap_or_else(|_| attribute.value.clone());
        if attributes.len() == MAX_FIELDS {
            return Err(ParseError::TooManyFields);
        }
        attributes.push((format!("{path}{key}{SEPARATOR}"), value.into_owned()));
    }
    Ok(attributes)
}

/// The path below the root of the element that holds the session: `session/` in `<data><session><sessionid>`.
fn wrapper_of_the_session(leaves: &[(String, String)]) -> Result<&str, ParseError> {
    let found = leaves.iter().filter_map(|(path, text)| {
        let path = path.trim_end_matches(SEPARATOR);
        let name_at = path.rfind(SEPARATOR).map_or(0, |at| at + 1);
        let (wrapper, name) = path.split_at(name_at);
        let id = text.trim();
        (documented_name(name) == Some("SessionID") && !id.is_empty()).then(|| {
            let depth = wrapper.matches(SEPARATOR).count();
            (depth, id.to_owned(), wrapper)
        })
    });
    Ok(shallowest_session(found)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Fields {
        fields(text).expect("an XML document")
    }

    #[test]
    fn xml_attributes_of_a_session_are_fields() {
        let flat =
            read("<s><sessionid>1</sessionid><cfield1>INC0010001</cfield1><note>x</note></s>");
        for body in [
            r#"<session sessionid="1" CField1="INC0010001"><note>x</note></session>"#,
            r#"<data xmlns="urn:x" xmlns:i="urn:y"><session SessionID='1' i:type="s" cfield1="INC0010001" note="x"/></data>"#,
            r#"<session><sessionid type="integer">1</sessionid><cfield1>INC0010001</cfield1><note>x</note></session>"#,
        ] {
            assert_eq!(read(body), flat, "{body}");
        }
        let escaped = read(r#"<session sessionid="1" note="R&amp;D &lt;b&gt;"/>"#);
        assert_eq!(escaped.get("Notes"), Some("R&D <b>"));
    }

    #[test]
    fn namespaces_comments_and_instructions_do_not_hide_a_value() {
        let body = r#"<s:Envelope xmlns:s="urn:s"><s:Body><r:session><r:sessionid>1</r:sessionid>
            <r:note>a<!-- no -->b<![CDATA[<c>]]><?x y?>d &#233; &#x263A;</r:note></r:session></s:Body></s:Envelope>"#;
        let fields = read(body);
        assert_eq!(fields.get("SessionID"), Some("1"));
        assert_eq!(fields.get("Notes"), Some("ab<c>d é ☺"));
    }

    #[test]
    fn xml_keeps_cdata_stray_ampersands_and_nested_elements() {
        let fields = read(include_str!(
            "../../../fixtures/post_to_url/xml_cdata_nested.xml"
        ));
        assert_eq!(
            fields.get("ChatLog"),
            Some("10:02 AM Ana Ruiz: <b>hello</b> & welcome")
        );
        assert_eq!(fields.get("Notes"), Some("R&D – &unknown; done"));
        assert_eq!(fields.find("survey.question"), Some("5"));
        assert_eq!(fields.find("survey.comment"), Some("good"));
    }

    #[test]
    fn an_entity_is_never_expanded() {
        let body = include_str!("../../../fixtures/post_to_url/xml_entity_expansion.xml");
        assert_eq!(fields(body), Err(ParseError::DocumentType));
    }
}
