//! What the workflows of GitHub run.

use super::{path, text};

/// A tag can be moved to other code, a commit cannot.
#[test]
fn every_action_is_pinned_by_its_commit_with_the_tag_beside_it() {
    let mut pinned = 0;
    for file in std::fs::read_dir(path(".github/workflows")).expect("workflows") {
        let file = file.expect("readable").path();
        let workflow = std::fs::read_to_string(&file).expect("text");
        let used = workflow
            .lines()
            .filter_map(|line| line.split_once("uses: "));
        for (_, action) in used.filter(|(_, action)| !action.starts_with("./")) {
            let (action, tag) = action.split_once(" # ").unwrap_or((action, ""));
            let (_, commit) = action.split_once('@').expect("a version");
            let hexadecimal = commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(commit.len() == 40 && hexadecimal, "{action}");
            assert!(tag.starts_with('v'), "{action} says no tag");
            pinned += 1;
        }
    }
    assert!(pinned >= 5, "{pinned}");
}

/// `.ci/run` continues without the lists of known weaknesses; CI must not.
#[test]
fn ci_does_not_pass_without_the_lists_of_known_weaknesses() {
    let workflow = text(".github/workflows/ci.yaml");
    let run = "- run: .ci/run\n        env:\n          ADVISORIES: required\n";
    assert!(workflow.contains(run), "{workflow}");
    assert!(workflow.contains("schedule:"), "{workflow}");
    let run = text(".ci/run");
    for step in ["rust_advisories", "npm_advisories"] {
        let called = |line: &str| line.trim_start().starts_with("step ") && line.ends_with(step);
        assert!(run.lines().any(called), "{step}");
    }
}
