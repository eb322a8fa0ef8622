//! The tables, links and citations of README.md and docs/.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use shared::domain::error::{ErrorCode, ResponsibleParty, RetryAdvice};

use super::environment::{FOR_TESTS, given};
use super::routes::codes_of_a_pin;
use super::{functions, path, template, text};

const README: &str = "README.md";
const ERRORS: &str = "docs/errors.md";

/// A text before, between and after the lines `<!-- name -->` and `<!-- /name -->`.
pub(super) fn marked<'a>(text: &'a str, name: &str) -> [&'a str; 3] {
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

/// `UPDATE_DOCS=1 cargo test -p tests error_table` writes the table.
#[test]
fn the_errors_page_prints_the_error_table_of_the_code() {
    let (page, wanted) = (text(ERRORS), error_table());
    let [before, printed, after] = marked(&page, "errors");
    if printed != wanted && std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(ERRORS), [before, &wanted, after].concat()).expect("written");
        return;
    }
    assert_eq!(
        printed, wanted,
        "write it with UPDATE_DOCS=1 cargo test -p tests error_table"
    );
}

/// The texts in backquotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
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
fn the_environment_page_lists_every_variable_with_the_functions_that_use_it() {
    let page = text("docs/environment.md");
    let [_, table, _] = marked(&page, "environment");
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

/// An agent without a PIN sees one of these codes.
#[test]
fn the_page_of_the_button_says_what_to_do_about_every_code_of_a_pin() {
    let page = text("docs/pin-button.md");
    let [_, table, _] = marked(&page, "pin-errors");
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
fn the_runbook_has_a_section_for_every_alarm_and_for_nothing_else() {
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
    let alarm = |kind: &str| ["AWS::CloudWatch::Alarm", "AWS::Events::Rule"].contains(&kind);
    let resources = template().resources.into_iter();
    let alarms = resources.filter(|(_, kind)| alarm(kind)).map(|(id, _)| id);
    assert_eq!(described, alarms.collect());
}

#[test]
fn the_readme_says_the_two_commands_and_stays_short() {
    let readme = text(README);
    assert!(readme.lines().count() <= 250);
    for command in ["cargo run", "cargo test --workspace"] {
        let stands = |line: &str| line.split('#').next().unwrap_or_default().trim() == command;
        assert!(readme.lines().any(stands), "{command}");
    }
}

/// Arguments are in the list of processes, and what is typed is in the shell's history.
#[test]
fn no_command_of_the_documentation_has_a_secret_as_an_argument() {
    let mut commands = 0;
    for page in pages() {
        let content = read(&page);
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
                commands += usize::from(command.contains("curl "));
            }
        }
    }
    assert!(commands >= 3, "{commands}");
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file_and_to_a_heading_of_it() {
    let mut broken = Vec::new();
    for page in pages() {
        let content = read(&page);
        for link in links(&content) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().expect("in a folder").join(file),
            };
            let leads = target.exists()
                && (heading.is_empty()
                    || target.extension().is_none_or(|extension| extension != "md")
                    || anchors(&read(&target)).any(|anchor| anchor == heading));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Every `docs/…` of code, comments, scripts and settings, and every decision that is cited by its four digits.
#[test]
fn every_page_that_a_comment_cites_is_there_with_its_heading() {
    let (mut broken, mut cited) = (Vec::new(), 0);
    let decisions = names("docs/decisions");
    for file in sources() {
        let Ok(code) = std::fs::read_to_string(&file) else {
            continue;
        };
        for citation in citations(&code) {
            let (page, heading) = citation.split_once('#').unwrap_or((&citation, ""));
            cited += 1;
            let target = path("docs").join(page);
            let leads = target.exists()
                && (heading.is_empty() || anchors(&read(&target)).any(|anchor| anchor == heading));
            if !leads {
                broken.push(format!("{}: docs/{citation}", file.display()));
            }
        }
        for part in code.to_lowercase().split("decision ").skip(1) {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            let number = format!("{digits}-");
            if !digits.is_empty() && !decisions.iter().any(|name| name.starts_with(&number)) {
                broken.push(format!("{}: decision {digits}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(cited > 250, "{cited}");
}

/// What follows `docs/` wherever it begins a path of the project.
fn citations(code: &str) -> Vec<String> {
    let mut citations = Vec::new();
    for (at, folder) in code.match_indices("docs/") {
        let before = &code[..at];
        let elsewhere = |c: char| c.is_ascii_alphanumeric() || "/.-_".contains(c);
        if before.ends_with(elsewhere) && !before.ends_with("../") {
            continue;
        }
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "/.#-".contains(c));
        let citation = code[at + folder.len()..].split(ends).next();
        let citation = citation.unwrap_or_default().trim_end_matches('.');
        citations.push(citation.to_owned());
    }
    citations
}

#[test]
fn citations_are_found_in_every_place_where_a_comment_has_them() {
    let code =
        "// See DIR/a.md#b-c. (DIR/d/1.md), `DIR/e.md`, \"../DIR/f.md\"; https://g.test/DIR/h";
    let found = citations(&code.replace("DIR", "docs"));
    assert_eq!(found, ["a.md#b-c", "d/1.md", "e.md", "f.md"]);
}

/// Paths in backquotes that begin with a folder of the project. Decisions, measurements and the changelog describe a state
/// of their own time.
#[test]
fn every_path_that_the_documentation_names_is_there() {
    let (mut missing, mut named) = (BTreeSet::new(), 0);
    for page in pages() {
        let name = page.to_string_lossy();
        let dated = ["/decisions/", "benchmarks.md", "CHANGELOG.md"];
        if dated.iter().any(|dated| name.contains(dated)) {
            continue;
        }
        let outside: String = read(&page).split("```").step_by(2).collect();
        for quoted in quoted(&outside) {
            let folder = quoted.split_once('/').map_or("", |(folder, _)| folder);
            let plain = !folder.is_empty() && !quoted.contains([' ', '*', '{', '…']);
            if plain && path(folder).is_dir() {
                named += 1;
                let each = functions().into_iter();
                let each = each.map(|function| quoted.replace("<name>", &function));
                missing.extend(each.filter(|file| !path(file).exists()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named > 40, "{named}");
}

#[test]
fn the_table_of_contents_lists_every_page() {
    let listed: BTreeSet<String> = links(&text("docs/README.md"))
        .into_iter()
        .map(|link| link.split('#').next().unwrap_or_default().to_owned())
        .collect();
    let pages = names("docs").into_iter().filter(|name| name != "README.md");
    let decisions = names("docs/decisions").into_iter();
    let all = pages.chain(decisions.map(|name| format!("decisions/{name}")));
    let missing: Vec<String> = all
        .filter(|name| name.ends_with(".md") && !listed.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What GitHub makes of a page's headings: lower case, hyphens for blanks, no punctuation.
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

/// The names of what stands in a folder of the project.
fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path(folder)).expect("readable");
    let names = entries.map(|entry| entry.expect("readable").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("readable")
}

/// The project's files apart from the documentation and from what is built or installed.
fn sources() -> Vec<PathBuf> {
    const FOLDERS: [&str; 9] = [
        ".ci",
        ".github",
        "admin",
        "functions",
        "infra",
        "local",
        "servicenow",
        "shared",
        "tests",
    ];
    let mut sources: Vec<PathBuf> = FOLDERS
        .into_iter()
        .flat_map(|folder| files(path(folder)))
        .collect();
    sources.extend(["Cargo.toml", "clippy.toml", "deny.toml", "template.yaml"].map(path));
    sources
}

/// The files of a folder and of those below it.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let entry = entry.expect("readable").path();
            if !entry.is_dir() {
                files.push(entry);
            } else if !entry.ends_with("node_modules") && !entry.ends_with("target") {
                folders.push(entry);
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
