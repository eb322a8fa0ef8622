//! One test for each oddity of Rescue's API, over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::domain::clock::{Clock, Timestamp};

use super::{Format, Options, Phase, Simulator, Technician};
use crate::sandbox_link::SandboxLink;
use crate::servicenow;
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher, plain_client};

pub(super) const ANA: &str = "ana.ruiz@acme.test";
const SSO: [(&str, &str); 3] = [
    ("ssoid", ANA),
    ("pwd", "company-wide"),
    ("company", "112938"),
];

pub(super) struct Bench {
    pub(super) rescue: Simulator,
    pub(super) clock: Clock,
    client: reqwest::Client,
}

impl Bench {
    pub(super) fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_747_216_931_007));
        let rescue = Simulator::start(Options::new(clock.clone())).expect("starts");
        rescue.set_company("112938", "company-wide");
        let mut ana = Technician::new("4455667", ANA, "Ana Ruiz");
        ana.password = "own".into();
        rescue.set_technician(ana);
        Self {
            rescue,
            clock,
            client: plain_client().expect("client"),
        }
    }

    pub(super) async fn post(&self, page: &str, form: &[(&str, &str)]) -> String {
        let url = format!("{}/API/{page}.aspx", self.rescue.url());
        let response = self.client.post(url).form(form).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200, "errors are answered 200, too");
        response.text().await.expect("a body")
    }

    pub(super) async fn sign_in(&self) -> String {
        let answer = self.post("requestAuthCodeSSO", &SSO).await;
        let authcode = answer.strip_prefix("OK\n\nAUTHCODE:");
        authcode.expect("an authcode").to_owned()
    }

    async fn pin(&self, authcode: &str) -> String {
        let form = [("authcode", authcode), ("notechconsole", "1")];
        self.post("requestPINCode", &form).await
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

async fn text(request: reqwest::RequestBuilder) -> String {
    let response = request.send().await.expect("an answer");
    response.text().await.expect("a body")
}

#[tokio::test]
async fn an_ok_is_followed_by_two_characters_and_the_pin_keeps_its_leading_zero() {
    let bench = Bench::new();
    let authcode = bench.sign_in().await;
    assert_eq!(authcode.len(), 80);
    let answer = bench.pin(&authcode).await;
    assert_eq!(answer, "OK\n\nPINCODE:012345");
    let cut = answer.get(12..);
    assert_eq!(cut, Some("012345"), "where a known client takes it");
    bench.advance(1);
    bench.rescue.configure(|rules| rules.separator = "\r\n");
    assert!(bench.pin(&authcode).await.starts_with("OK\r\nPINCODE:"));
}

#[tokio::test]
async fn a_new_authcode_invalidates_the_old_one_and_none_expires() {
    let bench = Bench::new();
    let old = bench.sign_in().await;
    bench.advance(400 * 86_400);
    assert!(bench.pin(&old).await.starts_with("OK"));
    let new = bench.rescue.sign_in_elsewhere(ANA);
    assert_eq!(bench.pin(&old).await, "INVALID_SECRETAUTHCODE");
    bench.advance(1);
    assert!(bench.pin(&new).await.starts_with("OK"));
}

#[tokio::test]
async fn sign_in_is_refused_with_the_code_for_each_cause() {
    let bench = Bench::new();
    let sso = |ssoid, pwd, company| vec![("ssoid", ssoid), ("pwd", pwd), ("company", company)];
    let email = |pwd| vec![("email", ANA), ("pwd", pwd)];
    for (method, form, code) in [
        ("requestAuthCodeSSO", sso(ANA, "wrong", "112938"), "INVALID"),
        (
            "requestAuthCodeSSO",
            sso("unknown@acme.test", "company-wide", "112938"),
            "INVALID",
        ),
        (
            "requestAuthCodeSSO",
            sso(ANA, "company-wide", "999"),
            "INVALID",
        ),
        (
            "requestAuthCodeSSO",
            sso(ANA, "company-wide", "acme"),
            "INVALIDPARAM_COMPANY",
        ),
        ("requestAuthCodeSSO", sso(ANA, "", "112938"), "ERROR"),
        ("requestAuthCode", email("wrong"), "INVALID"),
    ] {
        assert_eq!(bench.post(method, &form).await, code, "{method} {form:?}");
    }
    let answer = bench.post("requestAuthCode", &email("own")).await;
    assert!(answer.starts_with("OK"), "{answer}");
    bench
        .rescue
        .configure(|rules| rules.deny_request_authcode = true);
    assert_eq!(bench.post("requestAuthCodeSSO", &SSO).await, "ERROR");
    let token = bench.rescue.issue_api_token(ANA);
    let answer = bench.pin(&token).await;
    assert!(
        answer.starts_with("OK"),
        "an API token is taken wherever an authcode is: {answer}"
    );
    let sign_ins = bench.rescue.sign_ins();
    assert_eq!((sign_ins.granted, sign_ins.refused), (1, 7));
}

#[tokio::test]
async fn one_technician_gets_one_pin_a_second() {
    let bench = Bench::new();
    let authcode = bench.sign_in().await;
    assert!(bench.pin(&authcode).await.starts_with("OK"));
    bench.clock.advance(Duration::from_millis(999));
    assert_eq!(bench.pin(&authcode).await, "POLLRATEEXCEEDED");
    bench.clock.advance(Duration::from_millis(1));
    assert!(bench.pin(&authcode).await.starts_with("OK"));
}

#[tokio::test]
async fn a_pin_is_refused_with_the_code_for_each_cause() {
    let bench = Bench::new();
    let anonymous = bench
        .post("requestPINCode", &[("notechconsole", "1")])
        .await;
    assert_eq!(anonymous, "NOTLOGGEDIN");
    let code = bench.sign_in().await;
    let code = code.as_str();
    let form = [("authcode", code)];
    let no_console = bench.post("requestPINCode", &form).await;
    assert_eq!(no_console, "NOTECHCONSOLERUNNING");
    let long = "x".repeat(65);
    let overflow = [
        ("authcode", code),
        ("tracking0", long.as_str()),
        ("notechconsole", "1"),
    ];
    assert_eq!(bench.post("requestPINCode", &overflow).await, "ERROR");
    let rescue = &bench.rescue;
    rescue.configure(|rules| rules.out_of_pin_codes = true);
    assert_eq!(bench.pin(code).await, "OUTOFPINCODES");
    rescue.configure(|rules| rules.out_of_pin_codes = false);
    rescue.change_technician(ANA, |ana| ana.seat = false);
    assert_eq!(bench.pin(code).await, "NOTTECHNICIAN");
    rescue.change_technician(ANA, |ana| ana.disabled = true);
    assert_eq!(bench.pin(code).await, "USER_DELETED_OR_DISABLED");
    rescue.change_technician(ANA, |ana| ana.deleted = true);
    assert_eq!(bench.pin(code).await, "USER_IS_DELETED");
    rescue.change_technician(ANA, |ana| {
        (ana.seat, ana.disabled, ana.deleted, ana.console_running) = (true, false, false, true);
    });
    let answer = bench.post("requestPINCode_v2", &form).await;
    assert!(answer.starts_with("OK"), "{answer}");
}

#[tokio::test]
async fn a_method_that_the_server_does_not_have_is_a_page_that_cannot_be_found() {
    let bench = Bench::new();
    let code = bench.sign_in().await;
    let form = [("authcode", code.as_str()), ("notechconsole", "1")];
    bench.rescue.configure(|rules| {
        (rules.has_first_pin_method, rules.has_second_pin_method) = (false, false);
    });
    for method in ["requestPINCode", "requestPINCode_v2"] {
        let url = format!("{}/API/{method}.aspx", bench.rescue.url());
        let answer = bench.client.post(url).form(&form).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 404, "{method}");
    }
    let third = bench.post("requestPINCode_v3", &form).await;
    assert!(third.starts_with("OK"), "{third}");
}

#[tokio::test]
async fn a_caller_whose_address_is_not_on_the_list_gets_one_code_for_everything() {
    let bench = Bench::new();
    bench.rescue.configure(|rules| rules.ip_restricted = true);
    for method in ["requestAuthCodeSSO", "requestPINCode", "getAccount"] {
        assert_eq!(bench.post(method, &[]).await, "GLOBALIPRESTRICTED");
    }
}

#[tokio::test]
async fn only_the_third_version_makes_a_pin_for_a_node() {
    let bench = Bench::new();
    let bo = Technician::new("99", "bo@acme.test", "Bo Lind");
    bench.rescue.set_technician(bo);
    let code = bench.sign_in().await;
    let form = [
        ("authcode", code.as_str()),
        ("NodeId", "99"),
        ("notechconsole", "1"),
    ];
    bench.post("requestPINCode_v3", &form).await;
    bench.post("requestPINCode", &form).await;
    let pins = bench.rescue.pins().into_iter();
    let made_for: Vec<_> = pins.map(|pin| pin.technician).collect();
    assert_eq!(made_for, ["bo@acme.test", ANA]);
}

#[tokio::test]
async fn a_login_is_a_cookie_that_idles_out_after_20_minutes() {
    let bench = Bench::new();
    let url = |page: &str| format!("{}/api/{page}.ASPX", bench.rescue.url());
    let form = [("email", ANA), ("pwd", "own")];
    let login = bench.client.post(url("login")).form(&form).send().await;
    let login = login.expect("an answer");
    let cookie = login.headers()["set-cookie"].to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a pair");
    let account = || {
        let request = bench.client.get(url("getaccount_v2"));
        text(request.header("cookie", cookie))
    };
    let body = account().await;
    assert!(body.starts_with("OK\n\nAccountID:"), "{body}");
    assert!(body.contains("TechID:4455667\n"), "{body}");
    assert!(body.contains("bTcRunning:False"), "{body}");
    bench.advance(1200);
    assert_eq!(account().await, "NOTLOGGEDIN");
}

#[tokio::test]
async fn secrets_in_urls_are_violations() {
    let bench = Bench::new();
    bench.sign_in().await;
    assert!(bench.rescue.violations().is_empty());
    let url = format!("{}/API/getAccount.aspx?authcode=x", bench.rescue.url());
    bench.client.get(url).send().await.expect("an answer");
    assert_eq!(
        bench.rescue.violations(),
        ["authcode was sent in the URL of /API/getAccount.aspx"]
    );
}

#[tokio::test]
async fn faults_have_the_texts_of_rescue() {
    let bench = Bench::new();
    let code = bench.sign_in().await;
    for (action, body) in [
        (FaultAction::Unauthorized, "INVALID_SECRETAUTHCODE"),
        (
            FaultAction::RateLimited { retry_after: None },
            "POLLRATEEXCEEDED",
        ),
        (FaultAction::text("ERROR"), "ERROR"),
    ] {
        let fault = InjectedFault::on(RequestMatcher::path("requestPINCode")).then(action);
        bench.rescue.fault(fault);
        assert_eq!(bench.pin(&code).await, body);
    }
    assert!(bench.rescue.pins().is_empty());
}

#[tokio::test]
async fn a_session_has_the_fields_of_its_pin_and_posts_only_new_chat() {
    let bench = Bench::new();
    let receiver = servicenow::Options::new(bench.clock.clone());
    let receiver = servicenow::Simulator::start(receiver).expect("starts");
    let code = bench.sign_in().await;
    let form = [
        ("authcode", code.as_str()),
        ("cfield0", "Paul Martin"),
        ("tracking0", "inc:1"),
        ("notechconsole", "1"),
    ];
    bench.post("requestPINCode", &form).await;
    let mut session = bench.rescue.enter_pin("012345").expect("given out");
    assert_eq!(bench.rescue.enter_pin("012345"), None, "a PIN is used once");
    session.say("Ana Ruiz", "hello");
    let url = format!("{}/hook", receiver.url());
    let rescue = &bench.rescue;
    let posted = rescue
        .post(&url, &session, Format::Form, Phase::Start)
        .await;
    assert_eq!(posted.expect("an answer").status, 404);
    session.say("Paul Martin", "help");
    let session = session.with_note("Done");
    let ended = rescue
        .post(&url, &session, Format::JsonFlat, Phase::End)
        .await;
    let payload = ended.expect("an answer").payload;
    rescue.send(&url, &payload).await.expect("an answer");
    let received = receiver.requests_matching("POST", "/hook");
    let started: BTreeMap<String, String> = received[0].form().into_iter().collect();
    let value = |name: &str| started.get(name).map(String::as_str);
    assert_eq!(value("Tracking0"), Some("inc:1"));
    assert_eq!(value("CField0"), Some("Paul Martin"));
    assert_eq!(value("Note"), Some(""));
    assert_eq!(value("ChatLog"), Some("10:02 AM Ana Ruiz: hello"));
    assert_eq!(received[1].json()["ChatLog"], "10:03 AM Paul Martin: help");
    assert_eq!(received[1].json()["Note"], "Done");
    let (sent, repeated) = (&received[1].body, &received[2].body);
    assert_eq!(sent, repeated, "sent once more, it is the same");
    assert_eq!(received[1].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn the_page_of_a_pin_shows_what_its_customer_would_see() {
    let bench = Bench::new();
    let authcode = bench.sign_in().await;
    let answer = bench.pin(&authcode).await;
    let pin = answer.rsplit(':').next().expect("a PIN").to_owned();
    let page = |code: &str| {
        let url = format!("{}/Customer/Code.aspx?Code={code}", bench.rescue.url());
        text(bench.client.get(url))
    };
    let fresh = page(&pin).await;
    assert!(fresh.contains(&format!("value=\"{pin}\"")), "{fresh}");
    assert!(fresh.contains("Ana Ruiz"), "{fresh}");
    bench.rescue.enter_pin(&pin).expect("a session");
    assert!(page(&pin).await.contains("has been used"));
    let unknown = page("%3Cscript%3E").await;
    assert!(unknown.contains("is not known"), "{unknown}");
    assert!(!unknown.contains("<script>"), "{unknown}");
}

#[tokio::test]
async fn the_first_page_and_a_pins_page_link_to_the_sandbox_for_requests_that_name_rescue_itself() {
    let bench = Bench::new();
    let url = bench.rescue.url();
    let sandbox = "http://127.0.0.1:9/key/";
    let get = async |path: &str, host: &str| {
        let request = bench.client.get(format!("{url}{path}"));
        let response = request.header("host", host).send().await;
        let response = response.expect("an answer");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a body"))
    };
    let own = url.trim_start_matches("http://");
    assert_eq!(get("/", own).await.0, 404);
    bench.rescue.set_sandbox(SandboxLink::new(sandbox, &url));
    for path in ["/", "/Customer/Code.aspx"] {
        let (status, page) = get(path, own).await;
        assert_eq!(status, 200);
        assert!(page.contains(&format!("href=\"{sandbox}\"")), "{page}");
        let (_, page) = get(path, "rebound.test").await;
        assert!(!page.contains(sandbox), "{page}");
    }
    assert_eq!(get("/", "rebound.test").await.0, 404);
}
