//! The client of Rescue's session report against the simulated Rescue (docs/vendors.md#session-report).

use std::time::Duration;

use local::rescue::{
    self, ACCOUNT_ID, Channel, Format, Phase, ReportDates, ReportRules, Session, Technician,
    TechnicianGroup,
};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use shared::aws::credentials::Authcode;
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::http::LONGEST_ANSWER;
use shared::reconciliation::{ReportAnswer, ReportRun};
use shared::rescue::api::{RescueClient, RescueRefusal};
use shared::rescue::authcodes::RescueCredential;
use shared::rescue::report::{
    BETWEEN_REPORTS, Period, ReportClient, ReportError, ReportFailure, ReportFormat, ReportNode,
    SessionReport,
};

const ANA: &str = "ana.ruiz@acme.test";
const BO: &str = "bo@acme.test";
const HOUR: Duration = Duration::from_secs(3600);

/// Rescue with two technicians in two groups, and a tenant of it.
struct Bench {
    rescue: rescue::Simulator,
    clock: Clock,
    client: RescueClient,
    tenant: TenantFile,
    authcode: RescueCredential,
    api_token: RescueCredential,
    budget: TimeBudget,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_747_216_931_007));
        let rescue = rescue::Simulator::start(rescue::Options::new(clock.clone())).expect("starts");
        rescue.set_group(TechnicianGroup::new("2001", "Service desk"));
        rescue.set_group(TechnicianGroup::new("2002", "Field service"));
        rescue.set_channel(Channel::new("3001", "Web"));
        rescue.set_technician(Technician::new("4455667", ANA, "Ana Ruiz").in_group("2001"));
        rescue.set_technician(Technician::new("4455668", BO, "Bo Lind").in_group("2002"));
        let file = format!(
            "tenant = \"acme\"\n[rescue]\ncompany_id = \"1\"\nbase_url = \"{}\"\n[servicenow]\n\
             instance = \"https://acme.service-now.com\"\nclient_id = \"1\"\nservice_account = \"svc\"\n",
            rescue.url()
        );
        let http = shared::http::client(None).expect("a client");
        Self {
            authcode: RescueCredential::SignedIn(Authcode {
                code: Secret::from(rescue.sign_in_elsewhere(ANA).as_str()),
                obtained_at: clock.now(),
                audience: String::new(),
            }),
            api_token: RescueCredential::ApiToken(Secret::from(
                rescue.issue_api_token(ANA).as_str(),
            )),
            client: RescueClient::new(http, None, true),
            tenant: admin::tenant_file::parse(&file, true).expect("a tenant file"),
            budget: TimeBudget::lasting(Clock::system(0), Duration::from_secs(120)),
            rescue,
            clock,
        }
    }

    fn reports(&self) -> ReportClient<'_> {
        self.reports_with(&self.authcode)
    }

    fn reports_with<'a>(&'a self, credential: &'a RescueCredential) -> ReportClient<'a> {
        ReportClient::new(&self.client, &self.tenant, credential, &self.budget)
    }

    /// The last seven days.
    fn week(&self) -> Period {
        let now = self.clock.now();
        Period {
            from: now.minus(7 * 24 * HOUR),
            to: now,
        }
    }

    async fn report_of(&self, node: &ReportNode) -> Result<SessionReport, ReportError> {
        let week = self.week();
        self.reports().sessions(node, week, ReportFormat::Xml).await
    }

    async fn report(&self) -> SessionReport {
        let account = ReportNode::node(ACCOUNT_ID);
        self.report_of(&account).await.expect("a report")
    }

    async fn refusal(&self) -> ReportError {
        let account = ReportNode::node(ACCOUNT_ID);
        self.report_of(&account).await.expect_err("no report")
    }

    fn wait(&self) {
        self.clock.advance(BETWEEN_REPORTS);
    }

    /// An hour ago, so that a session of half an hour has ended.
    fn an_hour_ago(&self) -> Timestamp {
        self.clock.now().minus(HOUR)
    }

    fn fail(&self, method: &str, action: FaultAction) {
        let matcher = RequestMatcher::path(&format!("/{method}.aspx"));
        self.rescue.fault(InjectedFault::on(matcher).then(action));
    }
}

fn ids(report: &SessionReport) -> Vec<&str> {
    let sessions = report.sessions.iter();
    sessions.map(|one| one.session_id.as_str()).collect()
}

/// The user's settings are what another system left: another area, a summary, other hours, another zone.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_shows_every_session_whatever_the_user_has_set_before() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    let never_posted = rescue.start_session(ANA).expect("a session");
    let posted = rescue.start_session(BO).expect("a session");
    bench.clock.advance(HOUR);
    rescue.end_session(&never_posted.clone().with_tracking0("sn1:inc:9d3"));
    rescue.payload(&posted, Format::Form, Phase::End);
    // At every hour of two days, so that neither a zone nor hours of the day hide one.
    let past = rescue.add_past_sessions(ANA, 48, bench.clock.now().minus(60 * HOUR), HOUR);
    bench.clock.advance(HOUR);
    let report = bench.report().await;
    assert_eq!(report.format, ReportFormat::Xml);
    let mut expected: Vec<&str> = vec![&never_posted.id, &posted.id];
    expected.extend(past.iter().map(String::as_str));
    assert_eq!(ids(&report), expected);
    assert_eq!((report.unreadable.total(), &*report.skipped), (0, &[][..]));
    let session = &report.sessions[0];
    assert_eq!(session.ended_at.as_secs(), bench.an_hour_ago().as_secs());
    assert_eq!(session.fields.get("Tracking0"), Some("sn1:inc:9d3"));
    assert_eq!(session.fields.get("WorkTime"), Some("3562"));
    assert_eq!(session.technician_id.as_deref(), Some("4455667"));
    let calls = rescue.requests();
    assert!(
        calls
            .iter()
            .all(|call| call.method == "POST" && call.raw_query.is_empty()),
        "no secret is in a URL"
    );
    assert_eq!(rescue.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_the_same_in_every_order_of_columns_and_form_of_times() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    let ana = Technician::new("4455667", ANA, "Ana Ruiz");
    let ended_at = Timestamp::parse("2025-05-14T09:00:00Z").expect("a moment");
    let mut session = Session::new("7", ana, ended_at.minus(HOUR))
        .with_customer("Paul Martin")
        .with_field("CField1", "INC0012345")
        .with_tracking0("sn1");
    session.channel_id = Some("3001".to_owned());
    rescue.add_past_session(&session, ended_at);
    let renamed = [
        "Your name:",
        "Incident",
        "Phone",
        "Site",
        "Custom field 4",
        "VIP?",
    ];
    for dates in [
        ReportDates::UsWithSeconds,
        ReportDates::Us,
        ReportDates::Us24Hours,
        ReportDates::DayFirst,
        ReportDates::Iso,
    ] {
        for (shuffled_columns, refuses_xml, custom_field_names) in [
            (false, false, None),
            (false, true, Some(renamed.map(str::to_owned))),
            (true, false, None),
            (true, true, None),
        ] {
            let rules = ReportRules {
                dates,
                shuffled_columns,
                refuses_xml,
                custom_field_names,
                extra_column: Some("Brand new".to_owned()),
                clock_durations: shuffled_columns,
                ..ReportRules::default()
            };
            rescue.configure(|all| all.report = rules.clone());
            let report = bench.report().await;
            let format = match refuses_xml {
                true => ReportFormat::Text,
                false => ReportFormat::Xml,
            };
            assert_eq!(report.format, format, "{rules:?}");
            let session = &report.sessions[0];
            assert_eq!(session.ended_at, ended_at, "{rules:?}");
            assert_eq!(session.started_at, Some(ended_at.minus(HOUR)));
            assert_eq!(session.channel_id.as_deref(), Some("3001"));
            assert_eq!(session.channel_name.as_deref(), Some("Web"));
            for (variable, value) in [
                ("SessionID", "7"),
                ("CField0", "Paul Martin"),
                ("CField1", "INC0012345"),
                ("Tracking0", "sn1"),
                ("TechID", "4455667"),
                ("TechName", "Ana Ruiz"),
                ("TechEmail", ANA),
                ("WaitingTime", "17"),
                ("WorkTime", "3562"),
                ("PickupTime", "2025-05-14 08:00:00 UTC"),
                ("ClosingTime", "2025-05-14 09:00:00 UTC"),
                ("Platform", "Windows 11"),
            ] {
                let found = session.fields.get(variable);
                assert_eq!(found, Some(value), "{variable} {rules:?}");
            }
            assert_eq!(session.fields.find("brand new"), Some("new"));
            bench.wait();
        }
    }
}

/// A value of text is not escaped, so a row with one more `|` could be read wrongly. It is counted instead.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_text_that_holds_the_delimiter_is_counted_and_no_other_suffers() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.add_past_sessions(ANA, 2, bench.an_hour_ago(), Duration::from_secs(1));
    let ana = Technician::new("4455667", ANA, "Ana Ruiz");
    let started_at = bench.an_hour_ago();
    let piped = Session::new("7", ana.clone(), started_at).with_customer("Paul | Martin");
    let lines = Session::new("8", ana, started_at).with_customer("Paul\nMartin");
    for session in [&piped, &lines] {
        rescue.add_past_session(session, started_at);
    }
    let report = bench.report().await;
    assert_eq!((report.sessions.len(), report.unreadable.total()), (4, 0));
    let names = report.sessions.iter().map(|one| one.fields.get("CField0"));
    let names: Vec<_> = names.collect();
    assert_eq!(
        names,
        [None, None, Some("Paul | Martin"), Some("Paul\nMartin")]
    );
    bench.wait();
    rescue.configure(|rules| rules.report.refuses_xml = true);
    let report = bench.report().await;
    assert_eq!((report.sessions.len(), report.unreadable.columns), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_named_with_the_step_the_word_and_the_credential() {
    let bench = Bench::new();
    let steps = [
        "setReportArea_v8",
        "setTimezone",
        "setReportDate_v2",
        "setOutput",
        "getReport_v2",
    ];
    for step in steps {
        for (credential, used) in [
            (&bench.authcode, "the authcode of a sign-in"),
            (&bench.api_token, "the API token"),
        ] {
            for word in [
                "NOTLOGGEDIN",
                "INVALID_SECRETAUTHCODE",
                "USER_DELETED_OR_DISABLED",
                "GLOBALIPRESTRICTED",
            ] {
                bench.fail(step, FaultAction::text(word));
                let (account, week) = (ReportNode::node(ACCOUNT_ID), bench.week());
                let reports = bench.reports_with(credential);
                let refused = reports.sessions(&account, week, ReportFormat::Xml).await;
                let refused = refused.expect_err(step);
                let said = refused.to_string();
                let start = format!("Rescue refused {step} with {word}. The call used {used}. ");
                assert!(said.starts_with(&start) && said.ends_with('.'), "{said}");
                assert!(!said.contains(credential.secret().expose()));
                assert!(!format!("{refused:?}").contains(credential.secret().expose()));
                assert_eq!(
                    refused.is_about_the_credential(),
                    word == "INVALID_SECRETAUTHCODE"
                );
            }
        }
    }
    assert_eq!(bench.rescue.pending_faults(), 0);
    for (step, word, part) in [
        ("getReport_v2", "ERROR", "try again later"),
        ("getReport_v2", "NOTLOGGEDINASADMIN", "an administrator"),
        (
            "setReportDate_v2",
            "INVALIDDATERANGE",
            "INVALIDDATERANGE. The call used",
        ),
        ("getReport_v2", "SOMETHING_NEW", "with SOMETHING_NEW."),
    ] {
        bench.fail(step, FaultAction::text(word));
        let said = bench.refusal().await.to_string();
        assert!(said.contains(step) && said.contains(part), "{said}");
    }
}

/// A stored authcode ends when another system signs in; an API token does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_authcode_that_has_ended_and_a_right_that_is_missing_are_told_apart() {
    let bench = Bench::new();
    bench.rescue.sign_in_elsewhere(ANA);
    let ended = bench.refusal().await;
    assert_eq!(ended.step, "setReportArea_v8");
    assert!(ended.is_about_the_credential());
    let account = ReportNode::node(ACCOUNT_ID);
    let reports = bench.reports_with(&bench.api_token);
    let with_token = reports
        .sessions(&account, bench.week(), ReportFormat::Xml)
        .await;
    assert_eq!(with_token.expect("a report").sessions.len(), 0);

    let bench = Bench::new();
    bench
        .rescue
        .configure(|rules| rules.report.refuses_authcodes = true);
    let refused = bench.refusal().await;
    assert_eq!(
        refused.to_string(),
        "Rescue refused setReportArea_v8 with NOTLOGGEDIN. The call used the authcode of a sign-in. This Rescue account \
         may make reports only for an API token or a login: let a Master Administrator generate an API token (Global \
         Settings) and set it as rescue-api-token."
    );
    assert!(!refused.is_about_the_credential());
    let account = bench.reports().account().await.expect("an account");
    assert_eq!(account.account_id, ACCOUNT_ID);
    assert_eq!(account.technician_id.as_deref(), Some("4455667"));
    assert_eq!(account.admin_id, None);
    bench
        .rescue
        .configure(|rules| rules.report.refuses_api_tokens = true);
    let reports = bench.reports_with(&bench.api_token);
    let refused = reports
        .sessions(&account.node(), bench.week(), ReportFormat::Xml)
        .await;
    let said = refused.expect_err("no report").to_string();
    assert!(
        said.contains("The call used the API token. The token may"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_comes_too_soon_says_how_long_to_wait() {
    let bench = Bench::new();
    bench.report().await;
    let wait = Duration::from_secs(60);
    for word in [
        "POLLRATEEXCEEDED",
        "POLL_RATE_EXCEEDED",
        "TOO_FREQUENT_REQUESTS",
    ] {
        bench.rescue.configure(|rules| rules.report.too_soon = word);
        let refused = bench.refusal().await;
        assert_matches!(refused.failure, ReportFailure::TooSoon { .. }, "{word}");
        let said = format!(
            "Rescue refused getReport_v2 with {word}: it makes one report in 60 s for each user. Wait 60 s."
        );
        assert_eq!(refused.to_string(), said);
    }
    let many = FaultAction::RateLimited {
        retry_after: Some(5),
    };
    bench.fail("getReport_v2", many);
    let refused = bench.refusal().await;
    let too_soon = ReportFailure::TooSoon {
        refusal: RescueRefusal::PollRateExceeded,
        wait,
    };
    assert_eq!(refused.failure, too_soon, "status 429 means the same");
    bench.clock.advance(wait);
    bench.report().await;
}

/// Where Rescue refuses the whole account, its groups are asked one by one; where it refuses those, its technicians.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_account_is_refused_groups_or_technicians_are_asked() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    let alone = Technician::new("4455669", "cy@acme.test", "Cy Holm");
    rescue.set_technician(alone);
    let mut sessions = Vec::new();
    for sso_id in [ANA, BO, "cy@acme.test"] {
        sessions.extend(rescue.add_past_sessions(sso_id, 2, bench.an_hour_ago(), Duration::ZERO));
    }
    sessions.sort();
    rescue.configure(|rules| rules.report.refuses_account_node = true);
    for word in ["INVALIDPARAM_NODE", "INVALID_NODE", "ERROR"] {
        rescue.configure(|rules| rules.report.node_refusal = word);
        let refused = bench.refusal().await;
        assert!(refused.may_be_about_the_node(), "{refused}");
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let hierarchy = bench.reports().hierarchy().await.expect("a hierarchy");
    let groups = hierarchy.groups_to_ask(&[]);
    let nodes = ["2001", "2002", "4455669"].map(ReportNode::node);
    assert_eq!(groups, nodes);
    let technicians = hierarchy.technicians_to_ask(&[]);
    for (nodes, refuses_group_nodes) in [(groups, false), (technicians, true)] {
        rescue.configure(|rules| rules.report.refuses_group_nodes = refuses_group_nodes);
        let mut found = Vec::new();
        for node in &nodes {
            let report = bench.report_of(node).await.expect("a report");
            found.extend(ids(&report).into_iter().map(str::to_owned));
            bench.wait();
        }
        found.sort();
        assert_eq!(found, sessions);
    }
    let refused = bench.report_of(&ReportNode::node("2001")).await;
    assert!(
        refused
            .expect_err("groups are refused")
            .may_be_about_the_node()
    );
}

/// Several tenants may share an account: a session is a tenant's by its technician or its channel.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_a_tenants_by_the_nodes_above_its_technician_or_its_channel() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.set_group(TechnicianGroup::new("2003", "Nights").in_group("2002"));
    rescue.change_technician(BO, |bo| bo.group_id = Some("2003".to_owned()));
    rescue.add_past_sessions(ANA, 1, bench.an_hour_ago(), HOUR);
    let bos = rescue.add_past_sessions(BO, 1, bench.an_hour_ago(), HOUR);
    let ana = Technician::new("4455667", ANA, "Ana Ruiz");
    let mut by_channel = Session::new("7", ana, bench.an_hour_ago());
    by_channel.channel_id = Some("3001".to_owned());
    rescue.add_past_session(&by_channel, bench.an_hour_ago());
    let hierarchy = bench.reports().hierarchy().await.expect("a hierarchy");
    let report = bench.report().await;
    let of = |nodes: &[&str]| {
        let nodes: Vec<String> = nodes.iter().map(|id| (*id).to_owned()).collect();
        let sessions = report.sessions.iter().filter(|session| {
            let (technician, channel) = (&session.technician_id, &session.channel_id);
            hierarchy.covers(&nodes, technician.as_deref(), channel.as_deref())
        });
        let ids = sessions.map(|session| session.session_id.as_str().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(of(&["2002"]), bos);
    assert_eq!(of(&["2002", "3001"]), [bos[0].as_str(), "7"]);
    assert_eq!(of(&["3001"]), ["7"]);
    assert_eq!(of(&[ACCOUNT_ID]).len(), 3);
    assert_eq!(of(&["99"]).len(), 0);
    bench.wait();
    let channel = bench.report_of(&ReportNode::channel("3001")).await;
    assert_eq!(ids(&channel.expect("a report")), ["7"]);
}

/// Two systems that work as one Rescue user change each other's reports. What is no session report is not read as one.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_another_client_of_the_user_has_changed_is_not_read_as_sessions() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.add_past_sessions(ANA, 3, bench.an_hour_ago(), Duration::from_secs(1));
    let http = shared::http::client(None).expect("a client");
    for (method, name, value, part) in [
        ("setReportArea_v8", "area", "2", "Login Time"),
        ("setReportType", "type", "SUMMARY", "Number of Sessions"),
        ("setDelimiter", "delimiter", ";", "Start Time;End Time"),
    ] {
        // As text, so that the delimiter matters. The other client's call comes while the report waits.
        let report = async {
            bench.fail(
                "getReport_v2",
                FaultAction::Delay(Duration::from_millis(600)),
            );
            let account = ReportNode::node(ACCOUNT_ID);
            let reports = bench.reports();
            reports
                .sessions(&account, bench.week(), ReportFormat::Text)
                .await
        };
        let other = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if !rescue.requests_matching("POST", "getReport_v2").is_empty() {
                    break;
                }
            }
            let form = [
                ("authcode", bench.api_token.secret().expose()),
                (name, value),
            ];
            let url = format!("{}/API/{method}.aspx", rescue.url());
            let set = http.post(url).form(&form).send().await;
            set.expect("an answer");
        };
        let (report, ()) = tokio::join!(report, other);
        let refused = report.expect_err(method).to_string();
        assert!(
            refused.starts_with(
                "Rescue's answer to getReport_v2 cannot be read: it has no column \"Session ID\""
            ) && refused.contains(part),
            "{refused}"
        );
        bench.wait();
        rescue.forget_requests();
    }
    assert_eq!(bench.report().await.sessions.len(), 3, "it is set again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_the_server_does_not_have_is_skipped_and_said() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    rescue.configure(|rules| rules.report.has_type_and_time = false);
    let refused = bench.refusal().await;
    let said = refused.to_string();
    assert!(
        said.contains("Number of Sessions"),
        "a summary is no report: {said}"
    );
    bench.wait();
    rescue.configure(|rules| rules.report.has_type_and_time = true);
    bench.report().await;
    bench.wait();
    bench.fail("setReportType", FaultAction::text("NOTSUPPORTED"));
    bench.fail("setReportTime", FaultAction::Html);
    let report = bench.report().await;
    let skipped = report.skipped.iter();
    let skipped: Vec<_> = skipped.map(|step| (step.step, &*step.answer)).collect();
    assert_eq!(
        skipped,
        [
            ("setReportType", "NOTSUPPORTED"),
            ("setReportTime", "a web page (HTTP status 200)")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_silence_and_answers_without_a_report_are_named() {
    let bench = Bench::new();
    for (step, action, said) in [
        (
            "setReportArea_v8",
            FaultAction::Html,
            "Rescue answered setReportArea_v8 with a web page (HTTP status 200) instead of its API's text.",
        ),
        (
            "getReport_v2",
            FaultAction::status(404),
            "Rescue answered getReport_v2 with a web page (HTTP status 404)",
        ),
        (
            "getReport_v2",
            FaultAction::DropBefore,
            "Rescue gave no answer to getReport_v2: the connection broke. Try again later.",
        ),
        (
            "setTimezone",
            FaultAction::status(503),
            "Rescue gave no answer to setTimezone: HTTP status 503. Try again later.",
        ),
        (
            "getReport_v2",
            FaultAction::text("OK\n\n"),
            "Rescue's answer to getReport_v2 cannot be read: nothing follows OK, not even the names of the columns.",
        ),
        (
            "getReport_v2",
            FaultAction::text("OK\n\n<report><header>"),
            "Rescue's answer to getReport_v2 cannot be read: its XML is not well-formed or not complete.",
        ),
    ] {
        bench.fail(step, action);
        let refused = bench.refusal().await.to_string();
        assert!(refused.starts_with(said), "{refused}");
        bench.wait();
    }
    for (step, part) in [
        ("getAccount", "it names no account."),
        ("getHierarchy_v2", "it has no nodes."),
    ] {
        bench.fail(step, FaultAction::text("OK\n\nAccountID:0\n"));
        let reports = bench.reports();
        let error = match step {
            "getAccount" => reports.account().await.err(),
            _ => reports.hierarchy().await.err(),
        };
        let said = error.expect(step).to_string();
        assert_eq!(
            said,
            format!("Rescue's answer to {step} cannot be read: {part}")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_ends_with_the_callers_time() {
    let mut bench = Bench::new();
    bench.budget = TimeBudget::lasting(Clock::system(0), Duration::from_secs(1));
    bench.fail("getReport_v2", FaultAction::Delay(Duration::from_secs(600)));
    let refused = bench.refusal().await;
    let late = ReportFailure::Unavailable("time-out".to_owned());
    assert_eq!(refused.failure, late);
}

/// A week of a big account is read at once, and in little more memory than its answer.
#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_sessions_are_read_at_once() {
    let bench = Bench::new();
    let rescue = &bench.rescue;
    let first_end = bench.clock.now().minus(6 * 24 * HOUR);
    let apart = Duration::from_secs(60);
    let added = rescue.add_past_sessions(ANA, 5_000, first_end, apart);
    for format in [ReportFormat::Xml, ReportFormat::Text] {
        let account = ReportNode::node(ACCOUNT_ID);
        let reports = bench.reports();
        let report = reports.sessions(&account, bench.week(), format).await;
        let report = report.expect("a report");
        assert_eq!(report.sessions.len(), added.len());
        assert_eq!(report.unreadable.total(), 0);
        bench.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_beyond_8_mb_is_not_read_and_says_what_helps() {
    let bench = Bench::new();
    let first_end = bench.clock.now().minus(6 * 24 * HOUR);
    let apart = Duration::from_secs(30);
    bench
        .rescue
        .add_past_sessions(ANA, 10_000, first_end, apart);
    let refused = bench.refusal().await;
    assert_eq!(refused.failure, ReportFailure::TooLong);
    let limit = LONGEST_ANSWER / 1024 / 1024;
    let said = format!(
        "Rescue's answer to getReport_v2 is longer than the {limit} MB that are read. Ask for a shorter period or for \
         fewer technicians."
    );
    assert_eq!(refused.to_string(), said);
    bench.wait();
    let account = ReportNode::node(ACCOUNT_ID);
    let reports = bench.reports();
    let as_text = reports
        .sessions(&account, bench.week(), ReportFormat::Text)
        .await;
    assert_eq!(as_text.expect("a report").sessions.len(), 10_000);
}

/// Takes a run to its end. Returns the sessions, how often no report was made, and the remarks.
async fn read_all(bench: &Bench, mut run: ReportRun) -> (Vec<String>, usize, Vec<String>) {
    let (mut sessions, mut without, mut remarks) = (Vec::new(), 0, Vec::new());
    loop {
        let step = run.step(&bench.reports(), &[]).await;
        match step.expect("waiting or asking for less helps") {
            ReportAnswer::Read(report) => {
                sessions.extend(ids(&report).into_iter().map(str::to_owned));
                if !run.has_more() {
                    sessions.sort();
                    return (sessions, without, remarks);
                }
            }
            ReportAnswer::Again { wait, remark } => {
                without += 1;
                remarks.extend(remark);
                assert!(wait >= Duration::from_secs(60), "{wait:?}");
            }
        }
        // What is left of a run can be stored between two steps.
        let stored = serde_json::to_string(&run).expect("JSON");
        run = serde_json::from_str(&stored).expect("a run");
        bench.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_reads_each_session_whatever_nodes_rescue_makes_reports_of() {
    let bench = Bench::new();
    let (rescue, began) = (&bench.rescue, bench.an_hour_ago());
    let mut past = rescue.add_past_sessions(ANA, 3, began.minus(5 * HOUR), HOUR);
    past.extend(rescue.add_past_sessions(BO, 2, began.minus(3 * HOUR), HOUR));
    past.sort();
    for (account, groups, expected) in [(false, false, 0), (true, false, 1), (true, true, 3)] {
        rescue.configure(|rules| {
            rules.report.refuses_account_node = account;
            rules.report.refuses_group_nodes = groups;
        });
        let (sessions, without, remarks) = read_all(&bench, ReportRun::new(bench.week())).await;
        assert_eq!((sessions, without), (past.clone(), expected));
        assert_eq!(remarks.len(), expected, "{remarks:?}");
        bench.wait();
    }
}

/// `ERROR` may pass; a second one in a row is taken for a refusal of the node.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_repeats_what_may_pass_and_asks_for_text_where_xml_is_of_no_use() {
    let bench = Bench::new();
    let began = bench.an_hour_ago().minus(2 * HOUR);
    let past = bench.rescue.add_past_sessions(ANA, 2, began, HOUR);
    let run = || ReportRun::new(bench.week());
    let answered = |body: &str| FaultAction::Status {
        code: 200,
        headers: Vec::new(),
        body: body.to_owned(),
    };
    bench.fail("getReport_v2", answered("ERROR"));
    assert_eq!(read_all(&bench, run()).await, (past.clone(), 1, Vec::new()));
    bench.wait();
    for _ in 0..2 {
        bench.fail("getReport_v2", answered("ERROR"));
    }
    let (sessions, without, remarks) = read_all(&bench, run()).await;
    assert_eq!((&sessions, without), (&past, 2));
    assert!(
        remarks[0].contains("Each technician group is asked"),
        "{remarks:?}"
    );
    bench.wait();
    bench.fail("getReport_v2", answered("OK\n\n<report><broken"));
    assert_eq!(read_all(&bench, run()).await, (past.clone(), 1, Vec::new()));
    bench
        .report_of(&ReportNode::node(ACCOUNT_ID))
        .await
        .expect_err("too soon");
    assert_eq!(read_all(&bench, run()).await, (past, 1, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_no_smaller_node_helps_says_what_rescue_refused() {
    let bench = Bench::new();
    bench.rescue.configure(|rules| {
        rules.report.refuses_authcodes = true;
    });
    let mut run = ReportRun::new(bench.week());
    let refused = run.step(&bench.reports(), &[]).await.expect_err("refused");
    assert!(refused.to_string().contains("NOTLOGGEDIN"), "{refused}");
}
