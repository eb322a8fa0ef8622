//! Why a body cannot be read, and the limits of what is read.

/// The most fields of a post. A real one has 22 variables and some survey answers.
pub(super) const MAX_FIELDS: usize = 1000;
/// The most objects around a session, and the deepest nesting of XML elements.
pub(super) const MAX_DEPTH: usize = 8;

/// Why a body cannot be read. Its text is safe to show to the sender: it quotes nothing of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It has nothing but blanks.
    #[error("the body is empty")]
    Empty,
    /// It starts like JSON and is not a JSON object.
    #[error("the body is not a JSON object")]
    MalformedJson,
    /// It starts like XML and is not well-formed.
    #[error("the body is not well-formed XML with one root element")]
    MalformedXml,
    /// It is neither JSON, XML nor a form.
    #[error("the body is not an HTML form, nor JSON, nor XML")]
    MalformedForm,
    /// It is XML with a document type, which could define entities.
    #[error("XML with a document type definition is refused")]
    DocumentType,
    /// It is a form with files.
    #[error("multipart/form-data is not read")]
    Multipart,
    /// It has the ids of several sessions, equally deep.
    #[error("the body has more than one session")]
    SeveralSessions,
    /// It is nested too deep for a post.
    #[error("the body is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// It has too many fields for a post.
    #[error("the body has more than {MAX_FIELDS} fields")]
    TooManyFields,
}
