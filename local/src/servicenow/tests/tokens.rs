//! The token endpoint.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::RefreshAnswer;
use super::{Bench, INCIDENTS, reply};

const PASSWORD: [(&str, &str); 3] = [
    ("grant_type", "password"),
    ("username", "svc.rescue"),
    ("password", "passw0rd"),
];

fn renewal(refresh_token: &str) -> [(&str, &str); 2] {
    [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
    ]
}

#[tokio::test]
async fn the_password_grant_returns_the_access_token_that_is_valid_already() {
    let bench = Bench::new();
    bench.instance.revoke_access_tokens();
    let first = bench.grant(&PASSWORD).await.json();
    assert_eq!(first["expires_in"], 1799);
    assert_eq!(first["scope"], "useraccount");
    assert_eq!(first["token_type"], "Bearer");
    bench.advance(1000);
    let second = bench.grant(&PASSWORD).await.json();
    assert_eq!(second["access_token"], first["access_token"]);
    assert_eq!(second["expires_in"], 799);
    bench.advance(800);
    let third = bench.grant(&PASSWORD).await.json();
    assert_ne!(third["access_token"], first["access_token"]);
    assert_eq!(third["refresh_token"], first["refresh_token"]);
    assert_eq!(bench.instance.grants().password, 3);
}

#[tokio::test]
async fn only_a_grant_other_than_refresh_pushes_the_refresh_tokens_expiry() {
    let bench = Bench::new();
    let refresh = bench.instance.issue_refresh_token("client", "svc.rescue");
    let expires_at = || bench.instance.refresh_token_expires_at(&refresh);
    let issued = expires_at().expect("known");
    let lifetime = Duration::from_secs(8_640_000);
    assert_eq!(issued.since(bench.clock.now()), lifetime);
    bench.advance(86_400);
    let answer = bench.grant(&renewal(&refresh)).await.json();
    assert_eq!(answer["refresh_token"], refresh.as_str());
    assert_eq!(expires_at(), Some(issued));
    bench.grant(&PASSWORD).await;
    let pushed = expires_at().expect("known");
    assert_eq!(pushed.since(issued), Duration::from_secs(86_400));
    bench.clock.advance(lifetime);
    assert_eq!(bench.grant(&renewal(&refresh)).await.status, 401);
}

#[tokio::test]
async fn a_refresh_can_answer_without_a_refresh_token_or_with_one_that_replaces_the_old() {
    let bench = Bench::new();
    let old = bench.instance.issue_refresh_token("client", "svc.rescue");
    bench.configure(|rules| rules.refresh_answer = RefreshAnswer::Absent);
    let answer = bench.grant(&renewal(&old)).await.json();
    assert_eq!(answer.get("refresh_token"), None);
    bench.configure(|rules| {
        rules.refresh_answer = RefreshAnswer::Replaced;
        rules.jwt_tokens = true;
    });
    let answer = bench.grant(&renewal(&old)).await.json();
    let new = answer["refresh_token"].as_str().expect("a token");
    assert!(new != old && new.len() > 2_000 && new.starts_with("eyJ"));
    let status = bench.grant(&renewal(&old)).await.status;
    assert_eq!(status, 401, "the old one is revoked");
    assert_eq!(bench.grant(&renewal(new)).await.status, 200);
}

#[tokio::test]
async fn nearly_every_refused_grant_looks_the_same() {
    let bench = Bench::new();
    let wrong_password = [&PASSWORD[..2], &[("password", "wrong")]].concat();
    let wrong_secret = [&PASSWORD[..], &[("client_secret", "wrong")]].concat();
    for fields in [
        &wrong_password[..],
        &renewal("unknown"),
        &[("grant_type", "client_credentials")],
        &wrong_secret,
    ] {
        let answer = bench.grant(fields).await;
        assert_eq!(answer.status, 401, "{fields:?}");
        let same = json!({"error_description": "access_denied", "error": "server_error"});
        assert_eq!(answer.json(), same, "{fields:?}");
    }
    bench.configure(|rules| rules.rfc_errors = true);
    let answer = bench.grant(&renewal("unknown")).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(bench.instance.grants().refused, 5);
}

#[tokio::test]
async fn client_credentials_need_the_property_and_an_application_user() {
    let bench = Bench::new();
    let grant = [("grant_type", "client_credentials")];
    assert_eq!(bench.grant(&grant).await.status, 401);
    bench.configure(|rules| rules.client_credentials_enabled = true);
    assert_eq!(bench.grant(&grant).await.status, 401);
    bench.instance.set_application_user("client", "svc.rescue");
    let answer = bench.grant(&grant).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json().get("refresh_token"), None);
}

#[tokio::test]
async fn another_process_switches_grants_by_the_names_of_their_properties() {
    const CREDENTIALS: &str = "glide.oauth.inbound.client.credential.grant_type.enabled";
    const NO_PASSWORDS: &str = "glide.oauth.inbound.ropc.grant_type.disabled";
    let bench = Bench::new();
    bench.instance.set_application_user("client", "svc.rescue");
    let url = bench.url("/simulator/properties");
    let set = async |body: Value| reply(bench.client.patch(&url).json(&body)).await;
    let shown = reply(bench.client.get(&url)).await;
    assert_eq!(
        shown.json(),
        json!({CREDENTIALS: "false", NO_PASSWORDS: "false"})
    );

    let both = json!({CREDENTIALS: "true", NO_PASSWORDS: "true"});
    let answer = set(both.clone()).await;
    assert_eq!((answer.status, answer.json()), (200, both.clone()));
    assert_eq!(bench.grant(&PASSWORD).await.status, 401);
    let grant = [("grant_type", "client_credentials")];
    assert_eq!(bench.grant(&grant).await.status, 200);

    for (wrong, said) in [
        (json!({"glide.unknown": "true"}), "glide.unknown"),
        (
            json!({NO_PASSWORDS: "false", CREDENTIALS: "yes"}),
            CREDENTIALS,
        ),
        (json!({NO_PASSWORDS: false}), "a JSON object of texts"),
        (json!([]), "a JSON object of texts"),
    ] {
        let refused = set(wrong).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    assert_eq!(reply(bench.client.get(&url)).await.json(), both);
}

#[tokio::test]
async fn the_token_endpoint_takes_forms_only_and_no_secrets_in_its_url() {
    let bench = Bench::new();
    let url = bench.url("/oauth_token.do");
    let json = json!({"grant_type": "password"});
    assert_eq!(reply(bench.client.post(&url).json(&json)).await.status, 400);
    assert!(bench.instance.violations().is_empty());
    let with_secret = format!("{url}?client_secret=x");
    reply(bench.client.post(with_secret).form(&PASSWORD)).await;
    assert_eq!(bench.instance.violations().len(), 1);
}

#[tokio::test]
async fn a_token_is_revoked_without_authentication_on_the_path_of_this_release() {
    let bench = Bench::new();
    let revoke = |path: &str| {
        let url = bench.url(&format!("{path}?token={}", bench.token));
        reply(bench.client.get(url))
    };
    assert_eq!(revoke("/oauth_revoke.do").await.status, 404);
    assert_eq!(bench.get(INCIDENTS).await.status, 200);
    assert_eq!(revoke("/oauth_revoke_token.do").await.status, 200);
    let answer = bench.get(INCIDENTS).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["error"]["message"], "User Not Authenticated");
    assert_eq!(answer.json()["status"], "failure");
}

#[tokio::test]
async fn an_access_token_expires_on_the_clock() {
    let bench = Bench::new();
    bench.advance(1799);
    assert_eq!(bench.get(INCIDENTS).await.status, 200);
    bench.advance(1);
    assert_eq!(bench.get(INCIDENTS).await.status, 401);
}
