//! The rows of a report, XML or text, with the names of their columns (docs/vendors.md#session-report).

use std::collections::HashMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::ReportFormat;
use super::error::UnreadableAnswer;
use crate::rescue::xml_text::referenced;

/// Between the values of a row of text, and after the last one.
pub(super) const DELIMITER: char = '|';

/// The most columns of a report. Rescue's has about 40.
const MAX_COLUMNS: usize = 1_000;

/// The most rows of a report. An answer of 8 MB has room for about 50 000 as text.
const MAX_ROWS: usize = 100_000;

/// A value and the position of its column. Blank values are left out.
pub(super) type Cell = (usize, String);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) format: ReportFormat,
    /// The names of the columns.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Rows whose values cannot be assigned to columns.
    pub(super) unreadable_rows: usize,
}

impl Table {
    /// Reads an answer that begins with `OK`. What follows says whether it is XML, because another caller of the same user
    /// may have changed the format.
    pub(super) fn read(answer: &str) -> Result<Self, UnreadableAnswer> {
        let rest = answer.get(2..).unwrap_or_default();
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if rest.trim_end().is_empty() {
            return Err(UnreadableAnswer::Empty);
        }
        if rest.starts_with('<') {
            Document::read(rest)
        } else {
            Self::from_text(rest)
        }
    }

    fn new(format: ReportFormat) -> Self {
        Self {
            format,
            columns: Vec::new(),
            rows: Vec::new(),
            unreadable_rows: 0,
        }
    }

    fn from_text(text: &str) -> Result<Self, UnreadableAnswer> {
        let mut table = Self::new(ReportFormat::Text);
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let header = lines.next().ok_or(UnreadableAnswer::Empty)?;
        // A row that does not end as the header does is cut off.
        let terminated = header.ends_with(DELIMITER);
        let header = header.strip_suffix(DELIMITER).unwrap_or(header);
        for name in header.split(DELIMITER) {
            table.add_column(name)?;
        }
        for line in lines {
            let row = if terminated {
                line.strip_suffix(DELIMITER)
            } else {
                Some(line)
            };
            let row = row.filter(|row| row.split(DELIMITER).count() == table.columns.len());
            let cells = row.map(|row| {
                let values = row.split(DELIMITER).map(str::trim).enumerate();
                let filled = values.filter(|(_, value)| !value.is_empty());
                filled.map(|(at, value)| (at, value.to_owned())).collect()
            });
            table.add_row(cells)?;
        }
        Ok(table)
    }

    fn add_column(&mut self, name: &str) -> Result<(), UnreadableAnswer> {
        if self.columns.len() == MAX_COLUMNS {
            return Err(UnreadableAnswer::TooMuch);
        }
        self.columns.push(name.trim().to_owned());
        Ok(())
    }

    fn add_row(&mut self, cells: Option<Vec<Cell>>) -> Result<(), UnreadableAnswer> {
        if self.rows.len() + self.unreadable_rows == MAX_ROWS {
            return Err(UnreadableAnswer::TooMuch);
        }
        match cells {
            Some(cells) => self.rows.push(cells),
            None => self.unreadable_rows += 1,
        }
        Ok(())
    }
}

/// Where an element stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Header,
    Data,
    Row,
    /// A `field` of the header or of a row.
    Field,
    /// Anything else; its text counts inside a field only.
    Other,
}

/// An XML report: `header/field` and `data/row/field`, matched by their `id`.
struct Document {
    table: Table,
    /// The position of each column by its id.
    ids: HashMap<String, usize>,
    open: Vec<Place>,
    root_is_closed: bool,
    field_id: String,
    text: String,
    row: Option<Vec<Cell>>,
}

impl Document {
    fn read(text: &str) -> Result<Table, UnreadableAnswer> {
        let mut reader = quick_xml::Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        // "R&D" that Rescue did not escape is text.
        config.allow_dangling_amp = true;
        let mut document = Self {
            table: Table::new(ReportFormat::Xml),
            ids: HashMap::new(),
            open: Vec::new(),
            root_is_closed: false,
            field_id: String::new(),
            text: String::new(),
            row: None,
        };
        loop {
            match reader.read_event().map_err(|_| UnreadableAnswer::Xml)? {
                Event::Start(tag) => document.start(&tag)?,
                Event::End(_) => document.end()?,
                Event::Text(content) => document.append(&content.xml10_content())?,
                Event::CData(content) => document.append(&content.xml10_content())?,
                Event::GeneralRef(reference) => document.append(&referenced(&reference))?,
                Event::DocType(_) => return Err(UnreadableAnswer::DocumentType),
                // Empty elements come as a start and an end.
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => {}
                Event::Eof => break,
            }
        }
        if !document.root_is_closed {
            return Err(UnreadableAnswer::Xml);
        }
        if document.table.columns.is_empty() {
            return Err(UnreadableAnswer::NoHeader);
        }
        Ok(document.table)
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), UnreadableAnswer> {
        if self.root_is_closed || self.open.len() > MAX_COLUMNS {
            return Err(UnreadableAnswer::Xml);
        }
        let name = tag.local_name().into_inner();
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        let place = match self.open.last() {
            None => Place::Root,
            Some(Place::Root) if is("header") => Place::Header,
            Some(Place::Root) if is("data") => Place::Data,
            Some(Place::Data) if is("row") => {
                if self.table.columns.is_empty() {
                    return Err(UnreadableAnswer::NoHeader);
                }
                self.row = Some(Vec::new());
                Place::Row
            }
            Some(Place::Header | Place::Row) if is("field") => {
                self.text.clear();
                self.field_id = id_of(tag)?;
                Place::Field
            }
            Some(_) => Place::Other,
        };
        self.open.push(place);
        Ok(())
    }

    fn end(&mut self) -> Result<(), UnreadableAnswer> {
        let place = self.open.pop().ok_or(UnreadableAnswer::Xml)?;
        self.root_is_closed = self.open.is_empty();
        match (place, self.open.last()) {
            (Place::Field, Some(Place::Header)) => {
                let position = self.table.columns.len();
                let id = std::mem::take(&mut self.field_id);
                // Two columns with one id: a value could be of either.
                if self.ids.insert(id, position).is_some() {
                    return Err(UnreadableAnswer::Xml);
                }
                self.table.add_column(&self.text)?;
            }
            (Place::Field, Some(Place::Row)) => {
                let known = self.ids.get(&self.field_id).copied();
                let row = self.row.take();
                self.row = row.and_then(|mut row| {
                    let position = known?;
                    if row.iter().any(|(at, _)| *at == position) {
                        return None;
                    }
                    let value = self.text.trim();
                    if !value.is_empty() {
                        row.push((position, value.to_owned()));
                    }
                    Some(row)
                });
            }
            (Place::Row, _) => {
                let row = self.row.take();
                self.table.add_row(row)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), UnreadableAnswer> {
        match self.open.is_empty() {
            false if self.open.contains(&Place::Field) => self.text.push_str(text),
            true if !text.trim().is_empty() => return Err(UnreadableAnswer::Xml),
            _ => {}
        }
        Ok(())
    }
}

/// The attribute `id` of a field; empty without one.
fn id_of(tag: &BytesStart<'_>) -> Result<String, UnreadableAnswer> {
    let mut attributes = tag.attributes();
    // The check for repeated names takes time that grows with the square of their number.
    attributes.with_checks(false);
    for attribute in attributes {
        let attribute = attribute.map_err(|_| UnreadableAnswer::Xml)?;
        if attribute.key.into_inner().eq_ignore_ascii_case("id") {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|_| UnreadableAnswer::Xml)?;
            return Ok(value.trim().to_owned());
        }
    }
    Ok(String::new())
}
