//! Tables and texts that fit the width of the terminal, broken at words.

use std::io::IsTerminal as _;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use shared::domain::clock::Timestamp;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The width of a line: `COLUMNS`, else the terminal's width. `None` for a file or a program: such output is not wrapped.
pub(super) fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|text| text.trim().parse().ok());
    let on_terminal = || std::io::stdout().is_terminal().then(textwrap::termwidth);
    columns.filter(|width| *width > 0).or_else(on_terminal)
}

/// The width of a line: `COLUMNS`, else the terminal's width, else 100.
pub fn terminal_width() -> u16 {
    width()
        .and_then(|width| u16::try_from(width).ok())
        .unwrap_or(100)
}

/// Wraps each line of a text at words, if the width is known. Continuation lines are indented by `indent` blanks.
pub fn wrapped(text: &str, indent: usize) -> String {
    width().map_or_else(|| text.to_owned(), |width| wrap(text, indent, width))
}

fn wrap(text: &str, indent: usize, width: usize) -> String {
    let indent = " ".repeat(indent);
    let options = Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .subsequent_indent(&indent);
    let lines = text.split('\n').map(|line| {
        if textwrap::core::display_width(line) <= width {
            line.to_owned()
        } else {
            textwrap::wrap(line, &options).join("\n")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A table without lines. If its rows are wider than the terminal, cells are wrapped at words; if their longest words
/// still do not fit, each row becomes a block of lines.
pub(super) fn columns(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    arranged(header, &rows, width())
}

fn arranged(header: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let natural = table(header, rows).trim_fmt();
    let Some(width) = width else { return natural };
    if widest(&natural) <= width {
        return natural;
    }
    let least = longest_words(header, rows);
    if header.len() <= 2 {
        return squeezed(
            table(header, rows),
            &name_and_value_widths(header, rows, width),
            width,
        );
    }
    // Each column has a blank on either side; the last one is trimmed.
    let fits = least.iter().map(|word| word + 2).sum::<usize>() <= width + 1;
    if fits {
        return squeezed(table(header, rows), &least, width);
    }
    let blocks = rows.iter().map(|row| {
        let lines = header.iter().zip(row);
        let lines: Vec<Vec<String>> = lines
            .map(|(name, value)| vec![(*name).to_owned(), value.clone()])
            .collect();
        squeezed(
            table(&[], &lines),
            &name_and_value_widths(&[], &lines, width),
            width,
        )
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn table(header: &[&str], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    table
}

/// The least widths of two columns, names and values: the values get the width that the names leave.
fn name_and_value_widths(header: &[&str], rows: &[Vec<String>], width: usize) -> Vec<usize> {
    let mut least = longest_words(header, rows);
    let cells = rows.iter().filter_map(|row| row.first());
    let names = cells.map(String::as_str).chain(header.first().copied());
    let names = names.map(textwrap::core::display_width).max();
    if let [first, second] = least.as_mut_slice() {
        *first = names.unwrap_or_default();
        // Minus the blanks of both columns, the last of which is trimmed.
        *second = (*second).max((width + 1).saturating_sub(*first + 4));
    }
    least
}

/// Wraps a table without breaking words: an id on two lines could not be copied.
fn squeezed(mut table: Table, least: &[usize], width: usize) -> String {
    let narrow = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
    // The blanks around a cell belong to its column.
    let least = least
        .iter()
        .map(|word| ColumnConstraint::LowerBoundary(Width::Fixed(narrow(word + 2))));
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(narrow(width + 1))
        .set_constraints(least);
    table.trim_fmt()
}

fn longest_words(header: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(header.len());
    let of = |place: usize| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        let texts = cells.map(String::as_str).chain(header.get(place).copied());
        let words = texts.flat_map(str::split_whitespace);
        words
            .map(textwrap::core::display_width)
            .max()
            .unwrap_or_default()
    };
    (0..count).map(of).collect()
}

fn widest(text: &str) -> usize {
    let widths = text.lines().map(textwrap::core::display_width);
    widths.max().unwrap_or_default()
}

/// A moment in a table: to the minute, in UTC, in a form that `--since` takes.
pub(super) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16)
        .map_or(text.clone(), |text| format!("{text}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11";

    fn rows(texts: &[[&str; 3]]) -> Vec<Vec<String>> {
        let rows = texts.iter();
        rows.map(|row| row.iter().map(|text| (*text).to_owned()).collect())
            .collect()
    }

    #[test]
    fn a_table_that_fits_or_goes_into_a_file_is_not_wrapped() {
        let rows = rows(&[["acme", "on", "https://acme.service-now.com"]]);
        let header = ["TENANT", "STATE", "INSTANCE"];
        let natural = arranged(&header, &rows, None);
        assert_eq!(natural.lines().count(), 2);
        assert_eq!(arranged(&header, &rows, Some(80)), natural);
    }

    #[test]
    fn a_wide_table_is_broken_at_words_and_never_inside_one() {
        let rows = rows(&[[ID, "acme", "a business rule refused the write twice"]]);
        let header = ["ID", "TENANT", "REASON"];
        for width in [60, 72] {
            let text = arranged(&header, &rows, Some(width));
            assert!(widest(&text) <= width, "{width}:\n{text}");
            assert!(text.contains(ID), "{text}");
            for word in ["business", "refused", "twice", "acme"] {
                assert!(text.contains(word), "{width}: {word}:\n{text}");
            }
            assert!(text.lines().count() > 2, "{text}");
        }
    }

    #[test]
    fn a_row_whose_words_do_not_fit_beside_each_other_becomes_a_block() {
        let rows = rows(&[[ID, "acme", "servicenow-refused"], [ID, "globex", "x"]]);
        let text = arranged(&["ID", "TENANT", "REASON"], &rows, Some(50));
        assert!(widest(&text) <= 50, "{text}");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines.len(), 7, "{text}");
        assert!(lines[0].starts_with("ID") && lines[0].ends_with(ID));
        assert!(lines[2].starts_with("REASON") && lines[2].ends_with("servicenow-refused"));
        assert_eq!(lines[3], "");
    }

    #[test]
    fn names_with_values_stay_beside_each_other_however_narrow_the_terminal_is() {
        let rows = vec![
            vec!["delivery".to_owned(), ID.to_owned()],
            vec!["to do".to_owned(), "look at the record first".to_owned()],
        ];
        for header in [&[][..], &["DEAD LETTER", "7"]] {
            let text = arranged(header, &rows, Some(30));
            for expected in ["delivery", ID, "to do", "record"] {
                assert!(text.contains(expected), "{expected}:\n{text}");
            }
        }
    }

    #[test]
    fn values_take_all_the_room_that_their_names_leave() {
        let text = "look at what was posted with the command that is named here, and correct it "
            .repeat(2);
        let rows = vec![
            vec!["can go back".to_owned(), "no".to_owned()],
            vec!["to do".to_owned(), text.trim().to_owned()],
        ];
        let text = arranged(&["DEAD LETTER", ID], &rows, Some(80));
        assert!(widest(&text) <= 80, "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
    }

    #[test]
    fn a_note_is_broken_at_words_and_its_colours_take_no_room() {
        let text = "\u{1b}[1mnote:\u{1b}[0m there are more posts than were asked for";
        let broken = wrap(text, 6, 30);
        assert_eq!(
            broken,
            "\u{1b}[1mnote:\u{1b}[0m there are more posts\n      than were asked for"
        );
        assert_eq!(wrap("short\n\nlines", 6, 30), "short\n\nlines");
        assert_eq!(wrap(&format!("see {ID}"), 2, 20), format!("see\n  {ID}"));
    }
}
