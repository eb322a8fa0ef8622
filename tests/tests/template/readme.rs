//! The README's tables and links.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use shared::domain::error::{ErrorCode, ResponsibleParty, RetryAdvice};

use super::environment::{FOR_TESTS, given};
use super::routes::codes_of_a_pin;
use super::{functions, path, template, text};

const README: &str = "README.md";

/// A text before, between and after the lines `<!-- name -->` and `<!-- /name -->`.
fn marked<'a>(text: &'a str, name: &str) -> [&'a str; 3] {
    let place = |marker: &str| {
        let found = text.find(marker);
        found.unwrap_or_else(|| panic!("{marker} is missing"))
    };
    let opening = format!("<!-- {name} -->\n");
    let start = place(&opening) + opening.len();
    let end = place(&format!("<!-- /{name} -->"));
    assert!(start <= end, "{name} ends before it begins");
    [&text[..start], &text[start..end], &text[end..]]
}

fn error_table() -> String {
    let mut table =
        "| code | status | what happened | who acts | try again |\n|---|---|---|---|---|\n"
            .to_owned();
    for code in ErrorCode::ALL {
        let entry = code.entry();
        let status = entry
            .status
            .map_or("–".to_owned(), |status| status.to_string());
        let who = match entry.responsible {
            ResponsibleParty::Caller => "sender",
            ResponsibleParty::Operator => "operator",
            ResponsibleParty::Vendor => "vendor",
            ResponsibleParty::Us => "the connector",
        };
        let again = match entry.retry {
            RetryAdvice::No => "no",
            RetryAdvice::Later => "yes, later",
            RetryAdvice::AfterLooking => "after looking",
            RetryAdvice::WhenAuthorized => "when authorised again",
        };
        table += &format!(
            "| `{code}` | {status} | {} | {who} | {again} |\n",
            entry.title
        );
    }
    table
}

/// `UPDATE_README=1 cargo test -p tests readme` writes the table.
#[test]
fn the_readme_prints_the_error_table_of_the_code() {
    let (readme, wanted) = (text(README), error_table());
    let [before, printed, after] = marked(&readme, "errors");
    if printed != wanted && std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path(README), [before, &wanted, after].concat()).expect("written");
        return;
    }
    assert_eq!(
        printed, wanted,
        "write it with UPDATE_README=1 cargo test -p tests readme"
    );
}

/// The words in backquotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// The functions that a cell means: `all`, `all but` some, or some.
fn meant(cell: &str) -> BTreeSet<String> {
    let named = quoted(cell);
    assert!(named.is_subset(&functions()), "{cell}");
    if cell.starts_with("all") {
        functions().difference(&named).cloned().collect()
    } else {
        named
    }
}

#[test]
fn the_readme_lists_every_variable_with_the_functions_that_use_it() {
    let readme = text(README);
    let [_, table, _] = marked(&readme, "environment");
    let (mut listed, mut for_tests) = (BTreeMap::new(), BTreeSet::new());
    for row in table.lines().skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for variable in quoted(cells[1]) {
            if cells[2] == "only for tests" {
                for_tests.insert(variable);
            } else {
                listed.insert(variable, meant(cells[2]));
            }
        }
    }
    assert_eq!(listed, given());
    assert_eq!(for_tests, FOR_TESTS.map(str::to_owned).into());
}

/// Whoever presses the button sees one of these codes, and looks it up here.
#[test]
fn the_readme_says_what_to_do_about_every_code_of_a_pin() {
    let readme = text(README);
    let [_, table, _] = marked(&readme, "pin-errors");
    let first_cell = |row: &str| row.split('|').nth(1).map(quoted);
    let explained: BTreeSet<String> = table
        .lines()
        .skip(2)
        .filter_map(first_cell)
        .flatten()
        .collect();
    assert_eq!(explained, codes_of_a_pin());
}

/// Each alarm's mail names it; the runbook says what to do, and where to look.
#[test]
fn the_runbook_has_a_section_for_everything_that_rings_and_for_nothing_else() {
    let runbook = text("docs/runbook.md");
    let sections = runbook.split("\n### ").skip(1);
    let mut described = BTreeSet::new();
    for section in sections {
        let (heading, body) = section.split_once('\n').expect("a body");
        assert!(body.contains("**Do**"), "{heading} says nothing to do");
        let new = quoted(heading)
            .into_iter()
            .all(|name| described.insert(name));
        assert!(new, "{heading} stands twice");
    }
    let rings = |kind: &str| ["AWS::CloudWatch::Alarm", "AWS::Events::Rule"].contains(&kind);
    let resources = template().resources.into_iter();
    let rings = resources.filter(|(_, kind)| rings(kind)).map(|(id, _)| id);
    assert_eq!(described, rings.collect());
}

#[test]
fn the_readme_says_the_two_commands() {
    let readme = text(README);
    for command in ["cargo run", "cargo test --workspace"] {
        let stands = |line: &str| line.split('#').next().unwrap_or_default().trim() == command;
        assert!(readme.lines().any(stands), "{command}");
    }
}

/// Arguments are in the list of processes, and what is typed is in the shell's history.
#[test]
fn no_command_of_the_documentation_has_a_secret_as_an_argument() {
    let mut seen = 0;
    for page in pages() {
        let content = std::fs::read_to_string(&page).expect("readable");
        for block in content.split("```sh\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            for command in block.replace("\\\n", " ").lines() {
                // What stands in `<(…)` is handed over as a file.
                let parts = command.split("<(").enumerate();
                let arguments: String = parts
                    .map(|(nth, part)| match part.split_once(')') {
                        Some((_, after)) if nth > 0 => after,
                        _ => part,
                    })
                    .collect();
                for secret in [
                    "Authorization:",
                    "client_secret=",
                    "password=",
                    "refresh_token",
                ] {
                    let given = arguments.replace("grant_type=refresh_token", "");
                    assert!(!given.contains(secret), "{}: {command}", page.display());
                }
                seen += usize::from(command.contains("curl "));
            }
        }
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file_and_to_a_heading_of_it() {
    let mut dead = Vec::new();
    for page in pages() {
        let content = std::fs::read_to_string(&page).expect("readable");
        for link in links(&content) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().expect("in a folder").join(file),
            };
            let leads = target.exists()
                && (heading.is_empty()
                    || target.extension().is_none_or(|extension| extension != "md")
                    || anchors(&std::fs::read_to_string(&target).expect("readable"))
                        .any(|anchor| anchor == heading));
            if !leads {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_page_that_a_comment_cites_is_there_with_its_heading() {
    let (mut dead, mut cited) = (Vec::new(), 0);
    for folder in ["shared", "functions", "admin", "local", "tests"] {
        for file in files(path(folder)) {
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let code = std::fs::read_to_string(&file).expect("readable");
            for part in code.split(concat!("(", "docs/")).skip(1) {
                let ends = |c: char| !(c.is_ascii_alphanumeric() || "/.#-".contains(c));
                let citation = part.split(ends).next().unwrap_or_default();
                let citation = citation.trim_end_matches('.');
                let (page, heading) = citation.split_once('#').unwrap_or((citation, ""));
                cited += 1;
                let read = std::fs::read_to_string(path("docs").join(page));
                let leads = read.is_ok_and(|page| {
                    heading.is_empty() || anchors(&page).any(|anchor| anchor == heading)
                });
                if !leads {
                    dead.push(format!("{}: docs/{citation}", file.display()));
                }
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
    assert!(cited > 40, "{cited}");
}

/// What GitHub makes of a page's headings: small letters, hyphens for blanks, no punctuation.
fn anchors(markdown: &str) -> impl Iterator<Item = String> {
    let outside = markdown.split("```").step_by(2);
    let headings = outside.flat_map(|part| part.lines().filter(|line| line.starts_with('#')));
    headings.map(|line| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
        text.chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    })
}

/// The Markdown pages of the project's folder and of docs/.
fn pages() -> Vec<PathBuf> {
    let top = std::fs::read_dir(path("")).expect("readable");
    let mut pages: Vec<PathBuf> = top.map(|entry| entry.expect("readable").path()).collect();
    pages.extend(files(path("docs")));
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// The files of a folder and of those below it.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let entry = entry.expect("readable").path();
            if entry.is_dir() {
                folders.push(entry);
            } else {
                files.push(entry);
            }
        }
    }
    files
}

/// The targets of `[text](target)` that are files or headings. Code is left out.
fn links(markdown: &str) -> Vec<String> {
    let mut links = Vec::new();
    let fenced = markdown.split("```").step_by(2);
    for part in fenced.flat_map(|text| text.split("](").skip(1)) {
        let target = part.split([')', ' ']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
            links.push(target.to_owned());
        }
    }
    links
}
