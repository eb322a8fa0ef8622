//! A technician of the account.

/// A technician of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Technician {
    /// Rescue's node id.
    pub node_id: String,
    /// The single sign-on id of the Organization tab; free text, the e-mail by convention.
    pub sso_id: String,
    /// The e-mail.
    pub email: String,
    /// The display name.
    pub name: String,
    /// The node id of the technician group; `None` for a technician of none.
    pub group_id: Option<String>,
    /// The description, usually empty.
    pub description: String,
    /// The password of the technician's own sign-in.
    pub password: String,
    /// Whether the technician console is running.
    pub console_running: bool,
    /// Whether there is a technician seat; administrators may have none.
    pub seat: bool,
    /// Whether an administrator has disabled the technician.
    pub disabled: bool,
    /// Whether an administrator has deleted the technician.
    pub deleted: bool,
}

impl Technician {
    /// An enabled technician with a seat, whose SSO id is the e-mail and whose console is not running.
    pub fn new(node_id: &str, email: &str, name: &str) -> Self {
        Self {
            node_id: node_id.to_owned(),
            sso_id: email.to_owned(),
            email: email.to_owned(),
            name: name.to_owned(),
            group_id: None,
            description: String::new(),
            password: String::new(),
            console_running: false,
            seat: true,
            disabled: false,
            deleted: false,
        }
    }

    /// Puts the technician into a technician group.
    #[must_use]
    pub fn in_group(mut self, node_id: &str) -> Self {
        self.group_id = Some(node_id.to_owned());
        self
    }
}
