//! The API's pages (docs/vendors.md#rescue-api-answers): plain text, HTTP 200 even for errors, any
//! letter case of the path.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::domain::clock::Timestamp;

use super::organization::ACCOUNT_ID;
use super::report;
use super::state::{Login, Pin, RescueState};
use super::technician::Technician;
use crate::markup::escaped;
use crate::sandbox_link::{first_page, link};
use crate::simulator::{RecordedRequest, SimulatorResponse};

pub(super) struct ApiCall<'a> {
    request: &'a RecordedRequest,
    /// Names in lower case.
    parameters: BTreeMap<String, String>,
    pub(super) now: Timestamp,
}

/// A response, or the API's code for a refusal.
pub(super) type ApiResult = Result<SimulatorResponse, &'static str>;

/// The longest values of requestPINCode, in characters. The vendor does not publish the answer to longer ones; here it
/// is `ERROR`.
const LIMITS: [(&str, &str, usize); 7] = [
    ("cfield0", "CField0", 64),
    ("cfield1", "CField1", 512),
    ("cfield2", "CField2", 512),
    ("cfield3", "CField3", 256),
    ("cfield4", "CField4", 64),
    ("cfield5", "CField5", 64),
    ("tracking0", "Tracking0", 64),
];
const LOGIN_IDLE: Duration = Duration::from_secs(20 * 60);
const LOGIN_COOKIE: &str = "ASP.NET_SessionId";

pub(super) fn text(body: &str) -> SimulatorResponse {
    SimulatorResponse::new(200, "text/plain; charset=utf-8", body)
}

pub(super) fn answer(
    state: &mut RescueState,
    request: &RecordedRequest,
    now: Timestamp,
    sandbox: Option<&str>,
) -> SimulatorResponse {
    let call = ApiCall::new(request, now);
    let path = request.path.to_ascii_lowercase();
    if state.rules.ip_restricted && path.starts_with("/api/") {
        return text("GLOBALIPRESTRICTED");
    }
    if let ("GET", "/", Some(sandbox)) = (request.method.as_str(), path.as_str(), sandbox) {
        return SimulatorResponse::new(
            200,
            "text/html;charset=UTF-8",
            first_page("Rescue", sandbox),
        );
    }
    let answer = match path.as_str() {
        "/api/requestauthcode.aspx" => {
            let sso_id = by_email(state, &call, state.rules.deny_request_authcode);
            authcode(state, sso_id)
        }
        "/api/requestauthcodesso.aspx" => {
            let sso_id = by_sso(state, &call);
            authcode(state, sso_id)
        }
        "/api/login.aspx" => login(state, &call),
        "/api/getaccount.aspx" => get_account(state, &call, false),
        "/api/getaccount_v2.aspx" => get_account(state, &call, true),
        "/api/requestpincode.aspx" if state.rules.has_first_pin_method => {
            request_pin(state, &call, false)
        }
        "/api/requestpincode_v2.aspx" if state.rules.has_second_pin_method => {
            request_pin(state, &call, false)
        }
        "/api/requestpincode_v3.aspx" => request_pin(state, &call, true),
        "/customer/code.aspx" => Ok(code_page(state, call.given("code"), sandbox)),
        path => match report::answer(state, &call, path) {
            Some(answer) => answer,
            None => Ok(no_such_page()),
        },
    };
    answer.unwrap_or_else(text)
}

pub(super) fn no_such_page() -> SimulatorResponse {
    SimulatorResponse::html(404, "The resource cannot be found.")
}

/// The page behind the link of a PIN.
fn code_page(state: &RescueState, code: Option<&str>, sandbox: Option<&str>) -> SimulatorResponse {
    let pin = state.pins.iter().find(|pin| Some(&*pin.code) == code);
    let name = pin.and_then(|pin| state.technician(&pin.technician));
    let name = name.map_or("your technician", |technician| technician.name.as_str());
    let what = match (code, pin) {
        (None, _) => "Type the six digits that your technician gave you.".to_owned(),
        (_, Some(pin)) if pin.used => "This PIN code has been used already.".to_owned(),
        (_, Some(_)) => {
            let name = escaped(name);
            format!("This PIN code starts a support session with {name}.")
        }
        (_, None) => "This PIN code is not known.".to_owned(),
    };
    let instead = sandbox.map_or_else(String::new, |sandbox| {
        format!(" Enter the PIN code here: {}.", link(sandbox))
    });
    let body = format!(
        "<form><input name=\"Code\" value=\"{}\" inputmode=\"numeric\" maxlength=\"6\"> \
         <button>Connect to technician</button></form><p>{what}</p>\
         <p>(This is the laptop's simulator: no session starts here.{instead})</p>",
        escaped(code.unwrap_or_default())
    );
    SimulatorResponse::page("Enter your PIN code", &body)
}

impl<'a> ApiCall<'a> {
    /// Parameters come from the URL and from the form of a POST; a body of another type is not read.
    fn new(request: &'a RecordedRequest, now: Timestamp) -> Self {
        let is_form =
            request.method == "POST" && request.is_of_type("application/x-www-form-urlencoded");
        let form = is_form.then(|| request.form()).into_iter().flatten();
        let all = request.query.iter().cloned().chain(form);
        let parameters = all.map(|(name, value)| (name.to_ascii_lowercase(), value));
        Self {
            request,
            parameters: parameters.collect(),
            now,
        }
    }

    pub(super) fn given(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

fn count_sign_in<T>(state: &mut RescueState, outcome: &Result<T, &str>) {
    match outcome {
        Ok(_) => state.sign_ins.granted += 1,
        Err(_) => state.sign_ins.refused += 1,
    }
}

/// A new authcode for the technician of a sign-in.
fn authcode(state: &mut RescueState, sso_id: Result<String, &'static str>) -> ApiResult {
    count_sign_in(state, &sso_id);
    let code = state.new_authcode(&sso_id?);
    let rules = &state.rules;
    let blank = if rules.blank_after_colon { " " } else { "" };
    let separator = rules.separator;
    Ok(text(&format!("OK{separator}AUTHCODE:{blank}{code}")))
}

/// The SSO id of the technician with this e-mail and password.
fn by_email(state: &RescueState, call: &ApiCall<'_>, denied: bool) -> Result<String, &'static str> {
    let credentials = call.given("email").zip(call.given("pwd"));
    let (email, password) = credentials.filter(|_| !denied).ok_or("ERROR")?;
    let mut technicians = state.technicians.iter();
    let known = technicians
        .find(|known| known.email == email && known.password == password && may_sign_in(known));
    Ok(known.ok_or("INVALID")?.sso_id.clone())
}

const fn may_sign_in(technician: &Technician) -> bool {
    !technician.disabled && !technician.deleted
}

/// The SSO id of a single sign-on. The answer to a denied one is not published; here it is `ERROR`.
fn by_sso(state: &RescueState, call: &ApiCall<'_>) -> Result<String, &'static str> {
    let field = |name| call.given(name).ok_or("ERROR");
    let (sso_id, password, company) = (field("ssoid")?, field("pwd")?, field("company")?);
    if state.rules.deny_request_authcode {
        return Err("ERROR");
    }
    // The vendor's page of requestAuthCodeSSO: INVALIDPARAM_COMPANY means that the id holds more than digits. An unknown
    // company's number is `INVALID`.
    if !company.bytes().all(|b| b.is_ascii_digit()) {
        return Err("INVALIDPARAM_COMPANY");
    }
    let known = state.technician(sso_id).is_some_and(may_sign_in);
    if state.companies.get(company).map(String::as_str) != Some(password) || !known {
        return Err("INVALID");
    }
    Ok(sso_id.to_owned())
}

fn login(state: &mut RescueState, call: &ApiCall<'_>) -> ApiResult {
    let technician = by_email(state, call, state.rules.deny_login);
    count_sign_in(state, &technician);
    let login = Login {
        technician: technician?,
        used_at: call.now,
    };
    let id = uuid::Uuid::new_v4().simple().to_string();
    let cookie = format!("{LOGIN_COOKIE}={id}; path=/; HttpOnly");
    state.logins.insert(id, login);
    Ok(text("OK").with_header("set-cookie", cookie))
}

/// The technician of an authcode, an API token or a login's cookie.
pub(super) fn caller(
    state: &mut RescueState,
    call: &ApiCall<'_>,
) -> Result<Technician, &'static str> {
    let sso_id = match call.given("authcode") {
        Some(code) => state
            .holder(code)
            .ok_or("INVALID_SECRETAUTHCODE")?
            .to_owned(),
        None => logged_in(state, call).ok_or("NOTLOGGEDIN")?,
    };
    let technician = state.technician(&sso_id).ok_or("USER_IS_DELETED")?;
    if technician.deleted {
        return Err("USER_IS_DELETED");
    }
    if technician.disabled {
        return Err("USER_DELETED_OR_DISABLED");
    }
    Ok(technician.clone())
}

/// A login ends 20 minutes after its last use.
fn logged_in(state: &mut RescueState, call: &ApiCall<'_>) -> Option<String> {
    let cookies = call.request.header("cookie")?.split(';');
    let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
    let (_, id) = pairs.find(|(name, _)| *name == LOGIN_COOKIE)?;
    let login = state.logins.get_mut(id)?;
    if call.now.since(login.used_at) >= LOGIN_IDLE {
        return None;
    }
    login.used_at = call.now;
    Some(login.technician.clone())
}

fn get_account(state: &mut RescueState, call: &ApiCall<'_>, second_version: bool) -> ApiResult {
    let technician = caller(state, call)?;
    let separator = state.rules.separator;
    let id = match technician.seat {
        true => technician.node_id.as_str(),
        false => "0",
    };
    let mut body = format!(
        "OK{separator}AccountID:{ACCOUNT_ID}\nOrganization:Acme\nAdminID:0\nTechID:{id}\nEmail:{}\n",
        technician.email
    );
    if second_version {
        let running = match technician.console_running {
            true => "True",
            false => "False",
        };
        body.push_str(&format!("bTcRunning:{running}\n"));
    }
    Ok(text(&body))
}

fn request_pin(state: &mut RescueState, call: &ApiCall<'_>, third_version: bool) -> ApiResult {
    let caller = caller(state, call)?;
    // Only the third version reads NodeId; the others make the PIN for the caller.
    let technician = match call.given("nodeid").filter(|_| third_version) {
        Some(node_id) => {
            let mut technicians = state.technicians.iter();
            let known = technicians.find(|known| known.node_id == node_id);
            known.ok_or("ERROR")?.clone()
        }
        None => caller,
    };
    if !technician.seat {
        return Err("NOTTECHNICIAN");
    }
    let mut fields = BTreeMap::new();
    for (name, documented, limit) in LIMITS {
        let value = call.given(name).unwrap_or_default();
        if value.chars().count() > limit {
            return Err("ERROR");
        }
        if !value.is_empty() {
            fields.insert(documented.to_owned(), value.to_owned());
        }
    }
    let without_console = match call.given("notechconsole") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err("ERROR"),
    };
    let mut pins = state.pins.iter().rev();
    let last = pins.find(|pin| pin.technician == technician.sso_id);
    if last.is_some_and(|last| call.now.since(last.at) < state.rules.one_pin_every) {
        return Err("POLLRATEEXCEEDED");
    }
    if !technician.console_running && !without_console {
        return Err("NOTECHCONSOLERUNNING");
    }
    if state.rules.out_of_pin_codes {
        return Err("OUTOFPINCODES");
    }
    let code = format!("{:06}", (12_345 + state.pins.len() * 7_919) % 1_000_000);
    let tracking0 = fields.remove("Tracking0").unwrap_or_default();
    state.pins.push(Pin {
        code: code.clone(),
        technician: technician.sso_id,
        fields,
        tracking0,
        at: call.now,
        used: false,
    });
    let separator = state.rules.separator;
    Ok(text(&format!("OK{separator}PINCODE:{code}")))
}
