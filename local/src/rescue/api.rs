//! The API's pages (docs/vendors.md#rescue-api-answers): plain text, HTTP 200 even for errors, any
//! letter case of the path.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::domain::clock::Timestamp;

use super::state::{Login, Pin, RescueState};
use super::technician::Technician;
use crate::markup::escaped;
use crate::simulator::{RecordedRequest, SimulatorResponse};

/// Field names in lower case and their values.
type Parameters = BTreeMap<String, String>;

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
) -> SimulatorResponse {
    let parameters = parameters(request);
    let path = request.path.to_ascii_lowercase();
    if state.rules.ip_restricted && path.starts_with("/api/") {
        return text("GLOBALIPRESTRICTED");
    }
    match path.as_str() {
        "/api/requestauthcode.aspx" => request_authcode(state, &parameters),
        "/api/requestauthcodesso.aspx" => request_authcode_sso(state, &parameters),
        "/api/login.aspx" => login(state, &parameters, now),
        "/api/getaccount.aspx" => get_account(state, request, &parameters, now, false),
        "/api/getaccount_v2.aspx" => get_account(state, request, &parameters, now, true),
        "/api/requestpincode.aspx" if state.rules.has_first_pin_method => {
            request_pin(state, request, &parameters, now, false)
        }
        "/api/requestpincode_v2.aspx" if state.rules.has_second_pin_method => {
            request_pin(state, request, &parameters, now, false)
        }
        "/api/requestpincode_v3.aspx" => request_pin(state, request, &parameters, now, true),
        "/customer/code.aspx" => code_page(state, given(&parameters, "code")),
        _ => SimulatorResponse::html(404, "The resource cannot be found."),
    }
}

/// The page behind the link of a PIN.
fn code_page(state: &RescueState, code: Option<&str>) -> SimulatorResponse {
    let pin = state.pins.iter().find(|pin| Some(&*pin.code) == code);
    let name = pin.and_then(|pin| state.technician(&pin.technician));
    let name = name.map_or("your technician", |technician| technician.name.as_str());
    let what = match (code, pin) {
        (None, _) => "Type the six digits that your technician gave you.".to_owned(),
        (_, Some(pin)) if pin.used => "This PIN code has been used already.".to_owned(),
        (_, Some(_)) => format!(
            "This PIN code starts a support session with {}.",
            escaped(name)
        ),
        (_, None) => "This PIN code is not known.".to_owned(),
    };
    let body = format!(
        "<form><input name=\"Code\" value=\"{}\" inputmode=\"numeric\" maxlength=\"6\"> \
         <button>Connect to technician</button></form><p>{what}</p>\
         <p>(This is the laptop's simulator: no session starts here.)</p>",
        escaped(code.unwrap_or_default())
    );
    SimulatorResponse::page("Enter your PIN code", &body)
}

/// From the URL and from the form of a POST, names in lower case; a body of another type is not read.
fn parameters(request: &RecordedRequest) -> Parameters {
    let form =
        if request.method == "POST" && request.is_of_type("application/x-www-form-urlencoded") {
            request.form()
        } else {
            Vec::new()
        };
    let all = request.query.iter().cloned().chain(form);
    all.map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

fn given<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

fn refused(state: &mut RescueState, word: &str) -> SimulatorResponse {
    state.sign_ins.refused += 1;
    text(word)
}

fn with_authcode(state: &mut RescueState, sso_id: &str) -> SimulatorResponse {
    let code = state.new_authcode(sso_id);
    state.sign_ins.granted += 1;
    let blank = if state.rules.blank_after_colon {
        " "
    } else {
        ""
    };
    text(&format!(
        "OK{}AUTHCODE:{blank}{code}",
        state.rules.separator
    ))
}

fn request_authcode(state: &mut RescueState, parameters: &Parameters) -> SimulatorResponse {
    let (Some(email), Some(password)) = (given(parameters, "email"), given(parameters, "pwd"))
    else {
        return refused(state, "ERROR");
    };
    if state.rules.deny_request_authcode {
        return refused(state, "ERROR");
    }
    match by_password(state, email, password) {
        Some(sso_id) => with_authcode(state, &sso_id),
        None => refused(state, "INVALID"),
    }
}

fn by_password(state: &RescueState, email: &str, password: &str) -> Option<String> {
    let right = |known: &&Technician| {
        known.email == email && known.password == password && may_sign_in(known)
    };
    state
        .technicians
        .iter()
        .find(right)
        .map(|known| known.sso_id.clone())
}

const fn may_sign_in(technician: &Technician) -> bool {
    !technician.disabled && !technician.deleted
}

/// The answer to a denied sign-in is not published; here it is `ERROR`.
fn request_authcode_sso(state: &mut RescueState, parameters: &Parameters) -> SimulatorResponse {
    let fields = (
        given(parameters, "ssoid"),
        given(parameters, "pwd"),
        given(parameters, "company"),
    );
    let (Some(sso_id), Some(password), Some(company)) = fields else {
        return refused(state, "ERROR");
    };
    if state.rules.deny_request_authcode {
        return refused(state, "ERROR");
    }
    // The vendor's page of requestAuthCodeSSO: INVALIDPARAM_COMPANY means that the id holds more than digits. An unknown
    // company's number is `INVALID`.
    if !company.bytes().all(|b| b.is_ascii_digit()) {
        return refused(state, "INVALIDPARAM_COMPANY");
    }
    let known = state.technician(sso_id).is_some_and(may_sign_in);
    if state.companies.get(company).map(String::as_str) != Some(password) || !known {
        return refused(state, "INVALID");
    }
    with_authcode(state, sso_id)
}

fn login(state: &mut RescueState, parameters: &Parameters, now: Timestamp) -> SimulatorResponse {
    let (Some(email), Some(password)) = (given(parameters, "email"), given(parameters, "pwd"))
    else {
        return refused(state, "ERROR");
    };
    if state.rules.deny_login {
        return refused(state, "ERROR");
    }
    let Some(technician) = by_password(state, email, password) else {
        return refused(state, "INVALID");
    };
    let cookie = uuid::Uuid::new_v4().simple().to_string();
    state.logins.insert(
        cookie.clone(),
        Login {
            technician,
            used_at: now,
        },
    );
    state.sign_ins.granted += 1;
    text("OK").with_header(
        "set-cookie",
        format!("{LOGIN_COOKIE}={cookie}; path=/; HttpOnly"),
    )
}

/// The technician of an authcode, an API token or a login's cookie, or the word that refuses it.
fn caller(
    state: &mut RescueState,
    request: &RecordedRequest,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<Technician, &'static str> {
    let sso_id = match given(parameters, "authcode") {
        Some(code) => state
            .holder(code)
            .ok_or("INVALID_SECRETAUTHCODE")?
            .to_owned(),
        None => logged_in(state, request, now).ok_or("NOTLOGGEDIN")?,
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
fn logged_in(state: &mut RescueState, request: &RecordedRequest, now: Timestamp) -> Option<String> {
    let pairs = request
        .header("cookie")?
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let cookie = pairs
        .into_iter()
        .find(|(name, _)| *name == LOGIN_COOKIE)
        .map(|(_, value)| value)?;
    let login = state
        .logins
        .get_mut(cookie)
        .filter(|login| now.since(login.used_at) < LOGIN_IDLE)?;
    login.used_at = now;
    Some(login.technician.clone())
}

fn get_account(
    state: &mut RescueState,
    request: &RecordedRequest,
    parameters: &Parameters,
    now: Timestamp,
    second_version: bool,
) -> SimulatorResponse {
    let technician = match caller(state, request, parameters, now) {
        Ok(technician) => technician,
        Err(word) => return text(word),
    };
    let separator = state.rules.separator;
    let technician_id = if technician.seat {
        technician.node_id.as_str()
    } else {
        "0"
    };
    let mut body = format!(
        "OK{separator}AccountID:1122334\nOrganization:Acme\nAdminID:0\nTechID:{technician_id}\nEmail:{}\n",
        technician.email
    );
    if second_version {
        let running = if technician.console_running {
            "True"
        } else {
            "False"
        };
        body.push_str(&format!("bTcRunning:{running}\n"));
    }
    text(&body)
}

fn request_pin(
    state: &mut RescueState,
    request: &RecordedRequest,
    parameters: &Parameters,
    now: Timestamp,
    third_version: bool,
) -> SimulatorResponse {
    match pin(state, request, parameters, now, third_version) {
        Ok(code) => text(&format!("OK{}PINCODE:{code}", state.rules.separator)),
        Err(word) => text(word),
    }
}

fn pin(
    state: &mut RescueState,
    request: &RecordedRequest,
    parameters: &Parameters,
    now: Timestamp,
    third_version: bool,
) -> Result<String, &'static str> {
    let caller = caller(state, request, parameters, now)?;
    // Only the third version reads NodeId; the others make the PIN for the caller.
    let technician = match given(parameters, "nodeid").filter(|_| third_version) {
        Some(node_id) => state
            .technicians
            .iter()
            .find(|known| known.node_id == node_id)
            .cloned()
            .ok_or("ERROR")?,
        None => caller,
    };
    if !technician.seat {
        return Err("NOTTECHNICIAN");
    }
    let mut fields = BTreeMap::new();
    for (name, documented, limit) in LIMITS {
        let value = parameters.get(name).map_or("", String::as_str);
        if value.chars().count() > limit {
            return Err("ERROR");
        }
        if !value.is_empty() {
            fields.insert(documented.to_owned(), value.to_owned());
        }
    }
    let without_console = match given(parameters, "notechconsole") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err("ERROR"),
    };
    let last = state
        .pins
        .iter()
        .rev()
        .find(|pin| pin.technician == technician.sso_id);
    if last.is_some_and(|last| now.since(last.at) < state.rules.one_pin_every) {
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
        at: now,
        used: false,
    });
    Ok(code)
}
