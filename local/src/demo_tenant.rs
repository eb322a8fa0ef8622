//! The tenant of the demo, its technician and its customer.

use std::time::Duration;

use admin::AdminError;
use admin::tenant::Applied;
use shared::aws::tenants::WebhookUrls;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;

use crate::app::{App, webhook_urls};
use crate::cloud::{Cloud, Error};
use crate::multicall::MulticallError;
use crate::rescue::Technician;
use crate::servicenow::{Created, Simulator, User};

/// The tenant's name.
pub const TENANT: &str = "demo";
/// The simulated company's id.
pub const COMPANY_ID: &str = "112938";
/// The technician of the demo's sessions.
pub const TECHNICIAN: &str = "ana.ruiz@acme.test";
/// The customer of the demo's sessions.
pub const CUSTOMER: &str = "paul.martin@acme.test";
const CUSTOMER_NAME: &str = "Paul Martin";

/// The Application Registry record that it calls ServiceNow with.
pub const CLIENT_ID: &str = "rescue-connector-demo";
/// That record's secret.
pub const CLIENT_SECRET: &str = "demo-client-secret";
/// The account that it writes as.
pub const SERVICE_ACCOUNT: &str = "svc.rescue";
/// The password of the demo's service account.
pub const SERVICE_ACCOUNT_PASSWORD: &str = "demo-service-account-password";
/// The company-wide single sign-on password.
pub const SSO_PASSWORD: &str = "demo-sso-password";

/// The line of the demo's tenant file that writes the work time into a column of its kind.
pub const TYPED_COLUMN: &str = "WorkTime = { column = \"time_worked\", as = \"duration\" }";

/// The demo's tenant file.
pub fn file(cloud: &Cloud) -> String {
    let instance = cloud.servicenow.url();
    format!(
        r#"tenant = "{TENANT}"

[rescue]
company_id = "{COMPANY_ID}"

[servicenow]
instance = "{instance}"
client_id = "{CLIENT_ID}"
service_account = "{SERVICE_ACCOUNT}"

[sessions]
console_sessions = "incident"
reference_fields = ["CField1"]

[sessions.columns]
{TYPED_COLUMN}

[sessions.new_record]
caller_field = "CField2"
columns = {{ category = "software" }}
"#
    )
}

/// Sets up both simulators and creates the tenant with the code of the command line. Its links to customers lead to the
/// simulator of Rescue.
///
/// # Errors
/// As the command line's.
pub async fn provision(cloud: &Cloud) -> Result<Applied, Error> {
    provision_with(cloud, |file| with_every_feature(cloud, &file)).await
}

/// The demo's tenant file with links to the simulator of Rescue, rows of sessions, and one more record type.
fn with_every_feature(cloud: &Cloud, file: &str) -> String {
    let links = format!("[rescue]\nbase_url = \"{}\"", cloud.rescue.url());
    let rows = "[sessions]\nsession_table = \"x_rescue_conn_session\"";
    let file = file.replace("[rescue]", &links);
    file.replace("[sessions]", rows) + "\n[tables.problem]\n"
}

/// Sets up both simulators, and the tenant from ServiceNow, so that its settings can be changed there: with a set-up link,
/// as an administrator does. Returns its API key and webhook URLs. A tenant that is complete from an earlier start keeps its
/// settings, keys and secrets, gets the simulators' new addresses, and returns nothing; one whose set-up was interrupted is set
/// up once more.
pub(crate) async fn enrol(
    cloud: &Cloud,
    is_complete: bool,
) -> Result<Option<(Secret, WebhookUrls)>, MulticallError> {
    set_up_simulators(cloud);
    let (instance, rescue) = (cloud.servicenow.url(), cloud.rescue.url());
    let file = with_every_feature(cloud, &file(cloud));
    let file = admin::tenant_file::parse(&file, true)?;
    let (stack, id) = (&cloud.stack, &file.tenant);
    let set = |pointer, value| admin::tenant::set(stack, id, pointer, value, true);
    let is_loopback = |url: &str| url.starts_with("http://127.0.0.1:");
    match admin::lifecycle::export(stack, id).await {
        Ok(before) if is_complete => {
            if is_loopback(&before.servicenow.instance) {
                set("/servicenow/instance", &instance).await?;
            }
            if before.rescue.base_url.as_deref().is_some_and(is_loopback) {
                set("/rescue/base_url", &rescue).await?;
            }
            return Ok(None);
        }
        Ok(_) | Err(AdminError::NoSuchTenant(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let link = admin::tenant::invite(stack, id, Some(&instance), LINK_VALID_FOR, true).await?;
    let link = link.setup_link.expose().split_once(&format!("/#{TENANT}."));
    let (api, code) = link.ok_or("the set-up link has another form")?;
    let enrolled = App::enrol(api, TENANT, &Secret::from(code), &instance).await?;
    let enrolled = enrolled.json("enrolment")?;
    let key = enrolled["api_key"].as_str().ok_or("no API key")?;
    let key = Secret::from(key);
    set("/rescue/base_url", &rescue).await?;
    let settings = shared::settings::document(&file);
    let app = App::new(api, TENANT, key.clone());
    app.change_settings(&settings.into()).await?;
    for (name, value) in secrets(cloud) {
        admin::secrets::set(stack, id, name, &value).await?;
    }
    Ok(Some((key, webhook_urls(&enrolled)?)))
}

const LINK_VALID_FOR: Duration = Duration::from_secs(3600);

/// An incident of the demo's customer.
pub(crate) fn add_incident(instance: &Simulator, short_description: &str) -> Created {
    // A customer that is known already stays as it is.
    let customer = instance.add_user(User::new(CUSTOMER, CUSTOMER_NAME));
    instance.add_incident(&[
        ("short_description", short_description),
        ("caller_id", &customer),
    ])
}

/// Sets up both simulators and creates or changes the tenant with a changed copy of the demo's tenant file.
///
/// # Errors
/// As the command line's.
pub async fn provision_with(
    cloud: &Cloud,
    change: impl FnOnce(String) -> String,
) -> Result<Applied, Error> {
    set_up_simulators(cloud);
    let secrets = secrets(cloud);
    let secrets = secrets
        .each_ref()
        .map(|(name, value)| (*name, value.expose()));
    cloud.apply(&change(file(cloud)), &secrets).await
}

/// The secrets that the tenant needs.
fn secrets(cloud: &Cloud) -> [(SecretName, Secret); 4] {
    let instance = &cloud.servicenow;
    let refresh_token = instance.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
    [
        (SecretName::OauthClientSecret, CLIENT_SECRET),
        (SecretName::ServiceAccountPassword, SERVICE_ACCOUNT_PASSWORD),
        (SecretName::SsoPassword, SSO_PASSWORD),
        (SecretName::RefreshToken, &refresh_token),
    ]
    .map(|(name, value)| (name, Secret::from(value)))
}

/// Adds the accounts, persons and tables that the tenant needs at both vendors.
fn set_up_simulators(cloud: &Cloud) {
    let instance = &cloud.servicenow;
    instance.add_registry(CLIENT_ID, CLIENT_SECRET);
    instance.set_application_user(CLIENT_ID, SERVICE_ACCOUNT);
    instance.install_app();
    instance.add_user(User::service_account(
        SERVICE_ACCOUNT,
        SERVICE_ACCOUNT_PASSWORD,
    ));
    instance.add_user(User::new(TECHNICIAN, "Ana Ruiz"));
    instance.add_user(User::new(CUSTOMER, CUSTOMER_NAME));
    cloud.rescue.set_company(COMPANY_ID, SSO_PASSWORD);
    cloud
        .rescue
        .set_technician(Technician::new("4455667", TECHNICIAN, "Ana Ruiz"));
}
