//! One test for each oddity of Rescue's reports, over HTTP (docs/vendors.md#session-report).

use std::time::Duration;

use shared::domain::clock::Timestamp;

use super::tests::{ANA, Bench};
use super::{
    ACCOUNT_ID, Channel, Format, Phase, ReportDates, Session, Technician, TechnicianGroup,
};

const HOUR: Duration = Duration::from_secs(3600);

impl Bench {
    /// Everything that a report of all sessions of two days needs, in UTC.
    async fn set_all(&self, code: &str) {
        for (method, name, value) in [
            ("setReportArea_v8", "area", "0"),
            ("setReportType", "type", "LISTALL"),
            ("setTimezone", "timezone", "0"),
            ("setOutput", "output", "TEXT"),
            ("setDelimiter", "delimiter", "|"),
        ] {
            let answer = self.set(method, code, &[(name, value)]).await;
            assert_eq!(answer, format!("OK\n\n{value}"), "{method}");
        }
        let times = [("btime", "00:00:00"), ("etime", "23:59:59")];
        assert_eq!(self.set("setReportTime", code, &times).await, "OK\n\n");
        let dates = [
            ("bdate", "5/13/2025 0:00:00"),
            ("edate", "5/15/2025 0:00:00"),
        ];
        assert_eq!(self.set("setReportDate_v2", code, &dates).await, "OK\n\n");
    }

    async fn set(&self, method: &str, code: &str, form: &[(&str, &str)]) -> String {
        let form = [&[("authcode", code)], form].concat();
        self.post(method, &form).await
    }

    async fn report(&self, code: &str, node: &str) -> String {
        self.set("getReport_v2", code, &[("node", node)]).await
    }

    /// The ids of the sessions in a report as text, whose columns are in the vendor's order.
    async fn reported(&self, code: &str, node: &str) -> Vec<String> {
        let report = self.report(code, node).await;
        let rows = report.lines().skip(3);
        let ids = rows.map(|row| row.split('|').nth(5).expect("a session id").to_owned());
        ids.collect()
    }
}

#[tokio::test]
async fn a_session_is_in_the_report_with_its_true_times_whether_it_was_posted_or_not() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    let code = bench.sign_in().await;
    bench.set_all(&code).await;
    let posted = rescue.start_session(ANA).expect("a session");
    let never_posted = rescue.start_session(ANA).expect("a session");
    let open = rescue.start_session(ANA).expect("a session");
    bench.advance(600);
    rescue.payload(&posted, Format::Form, Phase::End);
    bench.advance(60);
    rescue.payload(&posted, Format::Form, Phase::End);
    rescue.end_session(&never_posted.clone().with_customer("Paul Martin"));
    let report = bench.report(&code, ACCOUNT_ID).await;
    let lines: Vec<&str> = report.lines().collect();
    assert!(
        lines[2].starts_with("Start Time|End Time|Last Action Time|Technician Name|")
            && lines[2].ends_with('|'),
        "{report}"
    );
    let start =
        "5/14/2025 10:02:11 AM|5/14/2025 10:12:11 AM|5/14/2025 10:11:33 AM|Ana Ruiz|4455667|";
    assert!(lines[3].starts_with(start), "{report}");
    assert!(lines[3].contains(&posted.id), "{report}");
    assert!(
        lines[4].contains("|5/14/2025 10:13:11 AM|"),
        "the second end does not count"
    );
    assert!(lines[4].contains("|Paul Martin|"), "{report}");
    assert_eq!(lines.len(), 5, "an open session is not shown");
    bench.advance(60);
    rescue.configure(|rules| rules.report.shows_open_sessions = true);
    assert_eq!(bench.reported(&code, ACCOUNT_ID).await.len(), 3);
    rescue.end_session(&open);
}

#[tokio::test]
async fn one_user_gets_one_report_in_60_seconds() {
    let bench = Bench::new();
    let bo = Technician::new("99", "bo@acme.test", "Bo Lind");
    bench.rescue.set_technician(bo);
    let ana = bench.sign_in().await;
    let bo = bench.rescue.sign_in_elsewhere("bo@acme.test");
    assert!(bench.report(&ana, ACCOUNT_ID).await.starts_with("OK"));
    bench.clock.advance(Duration::from_millis(59_999));
    assert_eq!(bench.report(&ana, ACCOUNT_ID).await, "POLLRATEEXCEEDED");
    let token = bench.rescue.issue_api_token(ANA);
    assert_eq!(bench.report(&token, ACCOUNT_ID).await, "POLLRATEEXCEEDED");
    assert!(bench.report(&bo, ACCOUNT_ID).await.starts_with("OK"));
    bench.clock.advance(Duration::from_millis(1));
    assert!(bench.report(&ana, ACCOUNT_ID).await.starts_with("OK"));
}

/// Two clients of one user disturb each other; a new client finds what the last one has set.
#[tokio::test]
async fn what_a_report_shows_is_state_of_the_user() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.set_technician(Technician::new("99", "bo@acme.test", "Bo Lind"));
    let first_end = bench.clock.now().minus(HOUR);
    rescue.add_past_sessions(ANA, 1, first_end, HOUR);
    let ana = bench.sign_in().await;
    let bo = rescue.sign_in_elsewhere("bo@acme.test");
    let untouched = bench.report(&bo, ACCOUNT_ID).await;
    assert!(untouched.contains("Login Time"), "{untouched}");
    bench.set_all(&ana).await;
    let other_system = rescue.issue_api_token(ANA);
    for (method, name, value, part) in [
        ("setReportArea_v8", "area", "2", "Login Time"),
        ("setReportType", "type", "SUMMARY", "Number of Sessions"),
        ("setTimezone", "timezone", "120", "|5/14/2025 11:02:11 AM|"),
        ("setOutput", "output", "XML", "<report>"),
    ] {
        bench.set(method, &other_system, &[(name, value)]).await;
        let report = bench.report(&ana, ACCOUNT_ID).await;
        assert!(report.contains(part), "{method}: {report}");
        bench.advance(60);
        bench.set_all(&ana).await;
    }
    let times = [("btime", "11:00:00"), ("etime", "12:00:00")];
    bench.set("setReportTime", &other_system, &times).await;
    assert!(bench.reported(&ana, ACCOUNT_ID).await.is_empty());
    bench.advance(60);
    bench.set_all(&ana).await;
    assert_eq!(bench.reported(&ana, ACCOUNT_ID).await.len(), 1);
}

#[tokio::test]
async fn a_report_is_of_the_account_a_group_a_technician_or_a_channel() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.set_group(TechnicianGroup::new("2001", "Service desk"));
    rescue.set_group(TechnicianGroup::new("2002", "Nights").in_group("2001"));
    rescue.set_channel(Channel::new("3001", "Web"));
    rescue.change_technician(ANA, |ana| ana.group_id = Some("2002".to_owned()));
    let bo = Technician::new("99", "bo@acme.test", "Bo Lind");
    rescue.set_technician(bo.clone());
    let ended_at = bench.clock.now().minus(HOUR);
    let ana_s = rescue.add_past_sessions(ANA, 1, ended_at, HOUR);
    let mut by_channel = Session::new("7", bo, ended_at.minus(HOUR));
    by_channel.channel_id = Some("3001".to_owned());
    rescue.add_past_session(&by_channel, ended_at);
    let code = bench.sign_in().await;
    bench.set_all(&code).await;
    for (node, count) in [
        (ACCOUNT_ID, 2),
        ("1122335", 2),
        ("2001", 1),
        ("2002", 1),
        ("4455667", 1),
        ("99", 1),
    ] {
        let ids = bench.reported(&code, node).await;
        assert_eq!(ids.len(), count, "{node}");
        bench.advance(60);
    }
    assert_eq!(bench.reported(&code, "2001").await, ana_s);
    bench.advance(60);
    let form = [("node", "3001"), ("nodetype", "CHANNEL")];
    let report = bench.set("getReport_v2", &code, &form).await;
    assert!(report.contains("|3001|Web|"), "{report}");
    for (node, node_type) in [("3001", "NODE"), ("2001", "CHANNEL"), ("5", "NODE")] {
        let form = [("node", node), ("nodetype", node_type)];
        let refused = bench.set("getReport_v2", &code, &form).await;
        assert_eq!(refused, "INVALIDPARAM_NODE", "before the rate is looked at");
    }
    rescue.configure(|rules| {
        (
            rules.report.refuses_account_node,
            rules.report.refuses_group_nodes,
        ) = (true, true);
    });
    for node in [ACCOUNT_ID, "2001"] {
        assert_eq!(bench.report(&code, node).await, "INVALIDPARAM_NODE");
    }
}

#[tokio::test]
async fn settings_are_refused_with_a_code_for_each_cause() {
    let bench = Bench::new();
    let anonymous = bench.post("setReportArea_v8", &[("area", "0")]).await;
    assert_eq!(anonymous, "NOTLOGGEDIN");
    let code = bench.sign_in().await;
    for (method, form, answer) in [
        ("setReportArea_v8", &[("area", "11")][..], "ERROR"),
        ("setReportType", &[("type", "ALL")], "ERROR"),
        ("setTimezone", &[("timezone", "UTC")], "ERROR"),
        ("setOutput", &[("output", "JSON")], "ERROR"),
        (
            "setReportDate_v2",
            &[("bdate", "5/1/2025 0:00:00")],
            "ERROR",
        ),
        (
            "setReportDate_v2",
            &[("bdate", "2025-05-01"), ("edate", "2025-05-02")],
            "INVALIDFORMAT",
        ),
        (
            "setReportDate_v2",
            &[("bdate", "5/2/2025 0:00:00"), ("edate", "5/1/2025 0:00:00")],
            "INVALIDDATERANGE",
        ),
    ] {
        assert_eq!(bench.set(method, &code, form).await, answer, "{method}");
    }
    bench.rescue.configure(|rules| {
        rules.report.refuses_xml = true;
        rules.report.refuses_authcodes = true;
    });
    let token = bench.rescue.issue_api_token(ANA);
    let xml = [("output", "XML")];
    assert_eq!(bench.set("setOutput", &code, &xml).await, "NOTLOGGEDIN");
    assert_eq!(bench.set("setOutput", &token, &xml).await, "ERROR");
    bench
        .rescue
        .configure(|rules| rules.report.refuses_api_tokens = true);
    assert_eq!(bench.set("setOutput", &token, &xml).await, "NOTLOGGEDIN");
}

#[tokio::test]
async fn xml_matches_values_and_columns_by_id_in_any_order() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    let ana = Technician::new("4455667", ANA, "Ana Ruiz");
    let session =
        Session::new("7", ana, bench.clock.now().minus(HOUR)).with_customer("R&D | <Lab>");
    rescue.add_past_session(&session, bench.clock.now());
    rescue.configure(|rules| {
        rules.report.shuffled_columns = true;
        rules.report.extra_column = Some("Brand new".to_owned());
    });
    let code = bench.sign_in().await;
    bench.set_all(&code).await;
    let text = bench.report(&code, ACCOUNT_ID).await;
    assert!(!text.contains("\nStart Time|End Time"), "{text}");
    assert!(text.contains("|R&D | <Lab>|"), "not escaped: {text}");
    assert!(text.contains("Brand new|"), "{text}");
    bench.advance(60);
    bench.set("setOutput", &code, &[("output", "XML")]).await;
    let xml = bench.report(&code, ACCOUNT_ID).await;
    assert!(xml.starts_with("OK\n\n<?xml"), "{xml}");
    assert!(!xml.contains("<header><field id=\"0\">"), "{xml}");
    for part in [
        "<field id=\"5\">Session ID</field>",
        "<field id=\"5\">7</field>",
        "<field id=\"8\">R&amp;D | &lt;Lab&gt;</field>",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
}

#[tokio::test]
async fn dates_and_durations_have_the_form_that_a_test_chooses() {
    let bench = Bench::new();
    let end = Timestamp::from_millis(1_747_216_931_007);
    bench.rescue.add_past_sessions(ANA, 1, end, HOUR);
    let code = bench.sign_in().await;
    bench.set_all(&code).await;
    for (dates, clock_durations, part) in [
        (ReportDates::UsWithSeconds, true, "|5/14/2025 10:02:11 AM|"),
        (ReportDates::Us, true, "|0:29:29|"),
        (ReportDates::Us24Hours, false, "|1769|"),
        (ReportDates::DayFirst, false, "|14/5/2025 10:02|"),
        (ReportDates::Iso, false, "|2025-05-14T10:02:11|"),
    ] {
        bench.rescue.configure(|rules| {
            (rules.report.dates, rules.report.clock_durations) = (dates, clock_durations);
        });
        let report = bench.report(&code, ACCOUNT_ID).await;
        assert!(report.contains(part), "{part}: {report}");
        bench.advance(60);
    }
}

#[tokio::test]
async fn the_hierarchy_lists_every_node_that_is_not_deleted_with_its_parent() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.set_group(TechnicianGroup::new("2001", "Service desk"));
    rescue.set_channel(Channel::new("3001", "Web"));
    rescue.change_technician(ANA, |ana| ana.group_id = Some("2001".to_owned()));
    let mut gone = Technician::new("99", "bo@acme.test", "Bo Lind");
    gone.deleted = true;
    rescue.set_technician(gone);
    let code = bench.sign_in().await;
    let all = bench.set("getHierarchy_v2", &code, &[]).await;
    let ana = "NodeID:4455667\nParentID:2001\nName:Ana Ruiz\nEmail:ana.ruiz@acme.test\nDescription:\nStatus:Offline\nType:Technician\n";
    assert!(
        all.starts_with("OK\n\nNodeID:1122334\nParentID:0\n"),
        "{all}"
    );
    assert!(all.contains(&format!("\n\n{ana}\nNodeID:3001\n")), "{all}");
    assert!(!all.contains("Bo Lind"), "{all}");
    let one = [("isnode", "true"), ("node", "4455667")];
    let one = bench.set("getHierarchy_v2", &code, &one).await;
    assert_eq!(one, format!("OK\n\n{ana}"));
    let online = [("filteroffline", "true")];
    let online = bench.set("getHierarchy_v2", &code, &online).await;
    assert!(!online.contains("Ana Ruiz"), "{online}");
}

#[tokio::test]
async fn five_thousand_sessions_are_a_report_of_less_than_8_mb() {
    let bench = Bench::new();
    let first_end = bench.clock.now().minus(24 * HOUR);
    let ids = bench
        .rescue
        .add_past_sessions(ANA, 5_000, first_end, Duration::from_secs(17));
    assert_eq!(ids.len(), 5_000);
    let code = bench.sign_in().await;
    bench.set_all(&code).await;
    bench.set("setOutput", &code, &[("output", "XML")]).await;
    let xml = bench.report(&code, ACCOUNT_ID).await;
    assert_eq!(xml.matches("<row>").count(), 5_000);
    assert!(xml.len() < 8 * 1024 * 1024, "{}", xml.len());
}
