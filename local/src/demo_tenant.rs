//! The tenant of the demo, its technician and its customer.

use crate::cloud::{Cloud, Error};
use crate::rescue::Technician;
use crate::servicenow::User;
use admin::AdminError;
use admin::tenant::{Applied, ApplyOptions};
use shared::domain::secret_name::SecretName;

/// The tenant's name.
pub const TENANT: &str = "demo";
/// The simulated company's id.
pub const COMPANY_ID: &str = "112938";
/// The technician of the demo's sessions.
pub const TECHNICIAN: &str = "ana.ruiz@acme.test";
/// The customer of the demo's sessions.
pub const CUSTOMER: &str = "paul.martin@acme.test";

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
/// simulator of Rescue. A tenant of an earlier start keeps its settings and secrets, and gets the simulators' new
/// addresses.
///
/// # Errors
/// As the command line's.
pub async fn provision(cloud: &Cloud) -> Result<Applied, Error> {
    let (instance, rescue) = (cloud.servicenow.url(), cloud.rescue.url());
    let id = admin::tenant_file::parse(&file(cloud), true)?.tenant;
    match admin::lifecycle::export(&cloud.stack, &id).await {
        Ok(mut file) => {
            set_up_simulators(cloud);
            let loopback = |url: &str| url.starts_with("http://127.0.0.1:");
            if loopback(&file.servicenow.instance) {
                file.servicenow.instance = instance;
            }
            if file.rescue.base_url.as_deref().is_some_and(loopback) {
                file.rescue.base_url = Some(rescue);
            }
            let options = ApplyOptions::default();
            Ok(admin::tenant::apply(&cloud.stack, &file, options).await?)
        }
        Err(AdminError::NoSuchTenant(_)) => {
            let links = format!("[rescue]\nbase_url = \"{rescue}\"");
            let more = "[sessions]\nsession_table = \"x_rescue_conn_session\"";
            let shown = |file: String| {
                let file = file.replace("[rescue]", &links).replace("[sessions]", more);
                file + "\n[tables.problem]\n"
            };
            provision_with(cloud, shown).await
        }
        Err(error) => Err(error.into()),
    }
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
    let refresh_token = cloud
        .servicenow
        .issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
    cloud
        .apply(
            &change(file(cloud)),
            &[
                (SecretName::OauthClientSecret, CLIENT_SECRET),
                (SecretName::ServiceAccountPassword, SERVICE_ACCOUNT_PASSWORD),
                (SecretName::SsoPassword, SSO_PASSWORD),
                (SecretName::RefreshToken, &refresh_token),
            ],
        )
        .await
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
    instance.add_user(User::new(CUSTOMER, "Paul Martin"));
    cloud.rescue.set_company(COMPANY_ID, SSO_PASSWORD);
    cloud
        .rescue
        .set_technician(Technician::new("4455667", TECHNICIAN, "Ana Ruiz"));
}
