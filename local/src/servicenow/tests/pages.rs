//! What a person sees in a browser.

use reqwest::Method;
use serde_json::json;

use super::super::MAILS_PATH;
use super::{Bench, EMAIL, INCIDENTS, Reply, attachment_of, reply};
use crate::sandbox_link::SandboxLink;

#[tokio::test]
async fn a_person_reads_a_record_with_its_notes_attachments_and_e_mails_in_a_browser() {
    let bench = Bench::new();
    let description = [("short_description", "Printer <b>does not</b> print")];
    let record = bench.instance.add_incident(&description);
    let sys_id = &record.sys_id;
    let note = json!({"work_notes": "<script>first</script>"});
    bench.patch(&record, &note).await;
    let file = bench.request(Method::POST, &attachment_of(sys_id));
    let file = file.header("content-type", "text/plain").body("the chat");
    assert_eq!(reply(file).await.status, 201);
    let mail = json!({"to": ["paul@acme.test"], "subject": "Your PIN", "text": "See http://127.0.0.1/x?Code=1 now",
                      "table_name": "incident", "table_record_id": sys_id});
    bench.post(EMAIL, &mail).await;
    let browser = |path: &str| reply(bench.client.get(bench.url(path)));
    let assert_shows = |page: &Reply, parts: &[&str]| {
        for part in parts {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
    };

    let link = format!("/incident.do?sys_id={sys_id}");
    for link in [
        &link,
        &format!("/nav_to.do?uri=incident.do%3Fsys_id%3D{sys_id}"),
        &format!("/nav_to.do?uri=%2Fincident.do%3Fsys_id%3D{sys_id}"),
    ] {
        let page = browser(link).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html;charset=UTF-8"));
        let parts = [
            record.number.as_str(),
            "Printer &lt;b&gt;does not&lt;/b&gt; print",
            "&lt;script&gt;first&lt;/script&gt;",
            "rescue-1.txt",
        ];
        assert_shows(&page, &parts);
        assert!(!page.text.contains("<script>"), "{}", page.text);
        let mut attributes = page.text.split('"');
        let file = attributes.find(|part| part.starts_with("/sys_attachment.do"));
        let file = browser(file.expect("a link")).await;
        assert_eq!(file.text, "the chat");
        let content_type = file.header("content-type");
        assert_eq!(content_type, Some("text/plain;charset=UTF-8"));
    }
    assert_shows(&browser("/").await, &[&link]);
    let mail = "<a href=\"http://127.0.0.1/x?Code=1\">";
    let mails = browser(MAILS_PATH).await;
    assert_shows(&mails, &["Your PIN", "paul@acme.test", mail]);
    let unknown = browser(&format!("/incident.do?sys_id={}", "0".repeat(32)));
    assert_eq!(unknown.await.status, 404);
}

#[tokio::test]
async fn a_browsers_cookie_on_a_page_is_no_violation_and_on_the_api_it_is() {
    let bench = Bench::new();
    let cookie = |path: &str| {
        let request = bench.client.get(bench.url(path));
        reply(request.header("cookie", "JSESSIONID=1"))
    };
    cookie("/").await;
    cookie(MAILS_PATH).await;
    assert_eq!(bench.instance.violations(), [""; 0]);
    cookie(INCIDENTS).await;
    assert_eq!(bench.instance.violations().len(), 1);
}

#[tokio::test]
async fn a_person_reads_a_row_of_a_session_as_its_form_shows_it() {
    let (bench, record) = Bench::with_incident();
    bench.instance.install_app();
    let columns = [
        ("session", "70112233"),
        ("record", record.sys_id.as_str()),
        ("work_time", "1970-01-01 00:28:51"),
        ("state", "ended"),
    ];
    let row = bench.instance.add_record("x_rescue_conn_session", &columns);
    let browser = async |path: &str| reply(bench.client.get(bench.url(path))).await.text;
    let path = format!("/x_rescue_conn_session.do?sys_id={}", row.sys_id);
    let home = browser("/").await;
    assert!(home.contains("Rescue sessions"), "{home}");
    assert!(home.contains(&format!("{path}\">70112233")), "{home}");
    let page = browser(&path).await;
    for shown in ["70112233", &record.number, "28 Minutes", "Ended"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("Work notes"), "{page}");
}

#[tokio::test]
async fn the_page_of_all_records_links_to_the_sandbox_for_requests_that_name_the_instance_itself() {
    let bench = Bench::new();
    let url = bench.instance.url();
    let sandbox = "http://127.0.0.1:9/key/";
    let home = async |host: &str| {
        let request = bench.client.get(bench.url("/"));
        reply(request.header("host", host)).await.text
    };
    let own = url.trim_start_matches("http://");
    let before = home(own).await;
    bench.instance.set_sandbox(SandboxLink::new(sandbox, &url));
    let page = home(own).await;
    assert!(page.contains(&format!("href=\"{sandbox}\"")), "{page}");
    assert_eq!(home("rebound.test").await, before);
}
