//! The HTTP API and the URLs that Rescue posts to.

use shared::checks::finding::Finding;
use shared::domain::instance::is_loopback;
use url::Url;

use super::context::Doctor;

impl Doctor<'_> {
    /// Whether one of the URLs that Rescue posts to is right.
    pub(crate) async fn webhook(&self) -> Finding {
        let Some(text) = &self.options.webhook_url else {
            return Finding::skipped(
                "not tried without --webhook-url URL (one that was pasted into Rescue)",
            );
        };
        let id = self.id();
        let new = format!(
            "Paste the URL as it was shown when the tenant was created; if it is lost, `rescue-connector keys rotate \
             {id} webhook` shows new ones, which then have to be pasted into every technician group in Rescue."
        );
        let Ok(url) = Url::parse(text.expose().trim()) else {
            return Finding::failed("the argument is not a URL", new);
        };
        let loopback = self.options.testing.allow_loopback && is_loopback(&url);
        if url.scheme() != "https" && !loopback {
            return Finding::failed("the URL does not begin with https://", new);
        }
        let ours = format!("/integration/api/servicenow/sessiondetails/{id}/");
        if !url.path().contains(&ours) {
            return Finding::failed(format!("the URL is not one of tenant {id}"), new);
        }
        match self.examination.send(self.http.get(url)).await {
            Ok(answer) => match answer.status {
                204 => Finding::ok("right: Rescue's posts to it are accepted"),
                404 => Finding::failed("404: the tenant or the key in it is wrong", new),
                403 => Finding::failed(
                    "403: a firewall or policy in front of the HTTP API refuses it",
                    "Let Rescue's posts through: check the firewall (AWS WAF) and the resource policy of the HTTP API.",
                ),
                status @ 300..=399 => Finding::failed(
                    format!("{status}: it redirects to another address"),
                    "Rescue may not follow redirects: paste the URL with the host of the stack's output ApiUrl.",
                ),
                status @ (429 | 500..=599) => Finding::failed(
                    format!("{status}: session-details does not answer"),
                    "See the log of session-details, and its alarms; posts that arrive now may be lost.",
                ),
                status => Finding::failed(
                    format!("{status}: this is not the connector's answer"),
                    "Check that the host of the URL is that of the stack's output ApiUrl.",
                ),
            },
            Err(reason) => Finding::failed(
                reason,
                "Check that the host of the URL is that of the stack's output ApiUrl, and that it is reachable from the \
                 internet.",
            ),
        }
    }

    /// Whether the HTTP API and its function answer. The request has an invalid key.
    pub(crate) async fn api(&self) -> Finding {
        let Some(api_url) = &self.stack.api_url else {
            return Finding::skipped(
                "not known: no stack with the output ApiUrl was found; name it with --stack",
            );
        };
        let base = api_url.trim_end_matches('/');
        let url = format!(
            "{base}/integration/api/servicenow/sessiondetails/{}/doctor",
            self.id()
        );
        match self.examination.send(self.http.get(url)).await {
            Ok(answer) => {
                let ours = answer
                    .header("content-type")
                    .is_some_and(|text| text.starts_with("application/problem+json"));
                match answer.status {
                    404 if ours => {
                        Finding::ok(format!("{base} answers in {} ms", answer.took.as_millis()))
                    }
                    status @ 500..=599 => Finding::failed(
                        format!("{base} answers {status}: session-details does not work"),
                        "See the log of session-details: it may lack a variable or a permission. Deploy the current \
                         template.",
                    ),
                    status => Finding::failed(
                        format!("{base} answers {status}, which is not the connector's answer"),
                        "Deploy the current template: the stack's output ApiUrl names another API.",
                    ),
                }
            }
            Err(reason) => Finding::failed(
                format!("{base}: {reason}"),
                "Check that the stack is deployed and that this computer may reach the internet.",
            ),
        }
    }
}
